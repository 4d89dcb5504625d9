"""Fetching a picture by https from an address that a stranger wrote.

The host is resolved here, every address it resolves to is checked, and the connection goes to a checked address (the
name stays in the Host header and in TLS), so no second look-up can lead elsewhere. Redirects come back here and are
checked alike. Requests go to httpx's transport, not its client: the client logs whole URLs and obeys proxy variables.
"""

import base64
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from typing import Any, NamedTuple

import httpx

from tasks.errors import CellError, ImageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services beyond link-local: Azure's WireServer (global by registry), Alibaba Cloud, AWS by IPv6.
_CLOUD_ADDRESSES = tuple(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_REDIRECTS = (301, 302, 303, 307, 308)
_AGENT = "shangxin-catalogue/1"


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host, by the system's resolver."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class FetchPolicy(NamedTuple):
    """What may be fetched. `allow_http` and `allow_private` (loopback and private addresses, yet never link-local,
    multicast or metadata ones) are for a trusted network."""

    max_bytes: int = 40_000_000
    total_seconds: float = 30.0
    connect_seconds: float = 8.0
    max_redirects: int = 4
    allow_http: bool = False
    allow_private: bool = False
    resolve: Callable[[str, int], list[str]] = resolve
    tls: ssl.SSLContext | None = None  # None: the public authorities


def refusal(address: str, *, allow_private: bool = False) -> str:
    """Why a connection to this IP address is refused, empty where it is not."""
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return "not an IP address"
    for candidate in _meant(parsed):
        if candidate in _CLOUD_ADDRESSES:
            return "cloud metadata"
        for kind in ("loopback", "link_local", "multicast", "unspecified", "reserved", "private"):
            if getattr(candidate, f"is_{kind}"):
                if allow_private and kind in ("loopback", "private"):
                    break
                return kind.replace("_", "-")
        if not (candidate.is_global or allow_private):
            return "not public"
    return ""


def _meant(address: Address) -> list[Address]:
    """The addresses that a connection may end at: an IPv6 address can carry an IPv4 one that it is translated to."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    carried = (address.sixtofour, *(address.teredo or ()))
    return [address, *(inner for inner in carried if inner is not None)]


def shown_url(url: str) -> str:
    """An address fit for a log: without user, password, query and fragment, at most 200 characters."""
    scheme, _, rest = url.partition("://")
    place = rest.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0]
    authority, slash, path = place.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"[:200]


def fetch(url: str, policy: FetchPolicy) -> bytes:
    """The bytes behind an address. CellError where the policy refuses it, ImageError where it does not deliver."""
    deadline = time.monotonic() + policy.total_seconds
    target = _parse(url)
    for _ in range(policy.max_redirects + 1):
        answer = _request(target, policy, deadline=deadline)
        if isinstance(answer, bytes):
            return answer
        target = _join(target, answer)
    raise ImageError(f"too many redirects: over {policy.max_redirects} from {shown_url(url)} (重定向过多)")


def _parse(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CellError("image", shown_url(url), "bad address: it cannot be parsed (网址无效)") from error


def _join(target: httpx.URL, location: str) -> httpx.URL:
    try:
        joined = target.join(location)
    except httpx.InvalidURL as error:
        raise ImageError(f"bad redirect: {shown_url(str(target))} leads to an invalid address") from error
    same_host = (joined.host, joined.port, joined.scheme) == (target.host, target.port, target.scheme)
    return joined.copy_with(userinfo=target.userinfo if same_host else b"")


def _request(target: httpx.URL, policy: FetchPolicy, *, deadline: float) -> bytes | str:
    """The body, or where a redirect leads."""
    shown = shown_url(str(target))
    _check_scheme(target, policy, shown=shown)
    port = target.port or {"https": 443, "http": 80}[target.scheme]
    failure: httpx.HTTPError | None = None
    for address in _addresses(target, port, policy, shown=shown):
        try:
            return _exchange(target, address, policy, deadline=deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ImageError(f"no answer: {shown}: {type(error).__name__} (图片下载失败)") from error
    raise ImageError(f"no answer: {shown}: no connection (图片下载失败)") from failure


def _check_scheme(target: httpx.URL, policy: FetchPolicy, *, shown: str) -> None:
    if target.scheme != "https" and not (target.scheme == "http" and policy.allow_http):
        raise CellError("image", shown, f"scheme: {target.scheme}:// is not fetched; use https:// (仅支持 https)")
    if not target.host:
        raise CellError("image", shown, "bad address: it has no host (网址无效)")


def _addresses(target: httpx.URL, port: int, policy: FetchPolicy, *, shown: str) -> list[str]:
    """The host's addresses, all of them allowed: one that is not condemns the name."""
    host = target.raw_host.decode("ascii").strip("[]")
    try:
        addresses = policy.resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise ImageError(f"no such host: {shown} (域名无法解析)") from error
    for address in addresses:
        if why := refusal(address, allow_private=policy.allow_private):
            raise CellError("image", shown, f"refused: the host leads to a {why} address (内网地址不允许)")
    return addresses


def _exchange(target: httpx.URL, address: str, policy: FetchPolicy, *, deadline: float) -> bytes | str:
    shown = shown_url(str(target))
    watchdog = _Watchdog()
    request = httpx.Request(
        "GET",
        target.copy_with(host=address, userinfo=b""),
        headers=_headers(target),
        extensions={
            "sni_hostname": target.raw_host.decode("ascii").strip("[]"),
            "timeout": _timeouts(policy, deadline=deadline, shown=shown),
            "trace": watchdog.trace,
        },
    )
    # a connection of its own: a kept one would be shared by all names at that address, whoever's certificate it showed
    with httpx.HTTPTransport(verify=policy.tls or _tls(), trust_env=False) as transport, watchdog.until(deadline):
        try:
            response = transport.handle_request(request)
            with closing(response):
                answer = _body_or_redirect(response, policy, shown=shown)
        except httpx.HTTPError:
            if time.monotonic() >= deadline:
                raise _too_slow(shown, policy) from None
            raise
    if time.monotonic() >= deadline:
        # a body without a length ends where the connection does, be it by the watchdog
        raise _too_slow(shown, policy)
    return answer


class _Watchdog:
    """Cuts the connection at the deadline: a server that drips a byte at a time never lets a read time out."""

    def __init__(self) -> None:
        self._stream: Any = None

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Called by httpcore at each step; keeps the stream that a connection or its TLS has just opened."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info["return_value"]

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        timer = threading.Timer(max(deadline - time.monotonic(), 0), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        connection = self._stream.get_extra_info("socket") if self._stream else None
        if connection:
            with suppress(OSError):  # closed by itself in the meantime
                connection.shutdown(socket.SHUT_RDWR)


def _body_or_redirect(response: httpx.Response, policy: FetchPolicy, *, shown: str) -> bytes | str:
    if response.status_code in _REDIRECTS and "location" in response.headers:
        return str(response.headers["location"])
    if response.status_code != 200:
        raise ImageError(f"no answer: {shown}: status {response.status_code}, expected 200 (图片下载失败)")
    data = bytearray()
    for piece in response.iter_raw():
        data += piece
        if len(data) > policy.max_bytes:
            raise ImageError(f"too large: {shown}: over {policy.max_bytes:,} bytes (图片文件过大)")
    return bytes(data)


def _headers(target: httpx.URL) -> dict[str, str]:
    # identity: a packed body would be a second kind of bomb
    headers = {"Host": target.netloc.decode("ascii"), "User-Agent": _AGENT, "Accept-Encoding": "identity"}
    if target.userinfo:
        credentials = f"{target.username}:{target.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode('ascii')}"
    return headers


def _timeouts(policy: FetchPolicy, *, deadline: float, shown: str) -> dict[str, float]:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _too_slow(shown, policy)
    connect = min(policy.connect_seconds, left)
    return {"connect": connect, "read": left, "write": left, "pool": left}


def _too_slow(shown: str, policy: FetchPolicy) -> ImageError:
    return ImageError(f"too slow: {shown}: not done after {policy.total_seconds:g} s (图片下载超时)")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
