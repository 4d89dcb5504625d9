"""Fetching goes where the policy lets it, as long and as far as it lets it."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.catalog.fetch import FetchPolicy, fetch, refusal, shown_url
from tasks.errors import CatalogError, CellError, ImageError

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("::1", "loopback"), ("10.0.0.1", "private"),
        ("172.16.0.1", "private"), ("192.168.1.1", "private"), ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"), ("fd00:ec2::254", "cloud metadata"), ("fd00::1", "private"),
        ("100.64.0.1", "not public"),
        ("100.100.100.200", "cloud metadata"),
        ("168.63.129.16", "cloud metadata"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"), ("::", "unspecified"),  # noqa: S104
        ("240.0.0.1", "reserved"), ("255.255.255.255", "reserved"),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:10.0.0.1", "private"), ("::ffff:169.254.169.254", "link-local"),
        ("2002:7f00:0001::", "loopback"), ("2002:a9fe:a9fe::1", "link-local"), ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"), ("192.0.2.1", "private"), ("example.com", "not an IP address"),
    ],
)  # fmt: skip
def test_an_address_inside_is_refused(address: str, why: str) -> None:
    assert refusal(address) == why


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "224.0.0.1", "::", "fe80::1"])
def test_trusting_the_private_network_is_not_trusting_metadata(address: str) -> None:
    assert refusal(address, allow_private=True)
    assert not refusal("127.0.0.1", allow_private=True)
    assert not refusal("::ffff:10.0.0.1", allow_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "223.5.5.5", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_a_public_address_is_let_through(address: str) -> None:
    assert refusal(address) == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host/a.png?sig=1#x", "https://host/a.png"),
        ("https://host", "https://host"),
        ("https://a@b@host/p", "https://host/p"),
        ("https://host?user:pw@x", "https://host"),
        ("s3://bucket/key", "s3://bucket/key"),
    ],
)
def test_a_shown_address_has_no_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://93.184.216.34/a.png", "scheme"),
        ("https:///a.png", "no host|bad address"),
        ("https://exa mple/\x00", "bad address|no such host"),
        ("https://127.0.0.1/a.png", "loopback"),
        ("https://2130706433/a.png", "loopback"),
        ("https://0x7f.1/a.png", "loopback"),
        ("https://[::1]/a.png", "loopback"),
        ("https://[::ffff:127.0.0.1]/", "loopback"),
        ("https://localhost/", "loopback"),
    ],
)
def test_an_address_that_leads_inside_is_refused_before_connecting(url: str, reason: str) -> None:
    with pytest.raises(CatalogError, match=reason):
        fetch(url, FetchPolicy())


def test_one_inner_address_among_several_condemns_the_name() -> None:
    policy = FetchPolicy(resolve=lambda host, port: ["8.8.8.8", "10.0.0.7"])
    with pytest.raises(CellError, match="private"):
        fetch("https://shop.example/a.png", policy)


@contextmanager
def serving(answer: Answer, certificate: Path | None = None) -> Iterator[tuple[str, list[BaseHTTPRequestHandler]]]:
    """A loopback server, its port's address by another name, and the requests it got."""
    asked: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self)
            answer(self)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://shop.example:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


TRUSTING = FetchPolicy(allow_http=True, allow_private=True, resolve=loopback, total_seconds=20)


def sends(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def test_the_bytes_come_from_the_checked_address_under_the_name() -> None:
    with serving(sends(b"picture")) as (base, asked):
        assert fetch(f"{base}/图/a.png?x=1", TRUSTING) == b"picture"
    assert asked[0].headers["Host"] == base.removeprefix("http://")
    assert asked[0].path == "/%E5%9B%BE/a.png?x=1"
    assert "Authorization" not in asked[0].headers


def test_the_name_is_looked_up_once_a_request() -> None:
    looked_up: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["203.0.113.1"]

    with serving(sends(b"picture")) as (base, _):
        assert fetch(base, TRUSTING._replace(resolve=rebinding)) == b"picture"
    assert looked_up == ["shop.example"]


def test_credentials_go_to_the_server_and_no_further() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        sends(b"", 302, Location="http://other.example:9/x")(request)

    def only_shop(host: str, port: int) -> list[str]:
        if host != "shop.example":
            raise socket.gaierror("unknown")
        return ["127.0.0.1"]

    with serving(answer) as (base, asked), pytest.raises(ImageError) as caught:
        fetch(base.replace("//", "//user:secret@"), TRUSTING._replace(resolve=only_shop))
    assert asked[0].headers["Authorization"].startswith("Basic ")
    assert "secret" not in str(caught.value)
    assert "other.example" in str(caught.value)


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with serving(sends(b"picture")) as (base, _):
        fetch(base.replace("//", "//user:secret@") + "/a.png?signature=token", TRUSTING)
    assert "secret" not in caplog.text
    assert "token" not in caplog.text


def test_credentials_are_not_sent_to_another_host_after_a_redirect() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/a":
            port = request.server.server_address[1]  # type: ignore[index]
            sends(b"", 302, Location=f"http://other.example:{port}/b")(request)
        else:
            sends(b"picture")(request)

    with serving(answer) as (base, asked):
        assert fetch(base.replace("//", "//user:secret@") + "/a", TRUSTING) == b"picture"
    assert ["Authorization" in request.headers for request in asked] == [True, False]


def test_a_redirect_is_followed_and_checked_again() -> None:
    def inward(host: str, port: int) -> list[str]:
        return {"shop.example": ["127.0.0.1"], "inside.example": ["169.254.169.254"]}[host]

    policy = TRUSTING._replace(resolve=inward)
    with (
        serving(sends(b"", 302, Location="https://inside.example/latest/meta-data")) as (base, asked),
        pytest.raises(CellError, match=r"link-local.*inside\.example"),
    ):
        fetch(base, policy)
    assert len(asked) == 1


def test_a_redirect_to_another_scheme_is_refused() -> None:
    with (
        serving(sends(b"", 302, Location="file:///etc/passwd")) as (base, _),
        pytest.raises(CellError, match="file:// is not fetched"),
    ):
        fetch(base, TRUSTING)


def test_redirects_without_end_are_given_up() -> None:
    with serving(sends(b"", 302, Location="/again")) as (base, asked), pytest.raises(ImageError, match="redirects"):
        fetch(base, TRUSTING)
    assert len(asked) == TRUSTING.max_redirects + 1


@pytest.mark.parametrize("status", [404, 500, 204, 304])
def test_any_other_status_is_an_error(status: int) -> None:
    with serving(sends(b"", status)) as (base, _), pytest.raises(ImageError, match=f"status {status}"):
        fetch(base, TRUSTING)


def test_a_body_over_the_limit_is_cut_whatever_it_claims() -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65536)
        except OSError:
            return

    with serving(endless) as (base, _), pytest.raises(ImageError, match="too large"):
        fetch(base, TRUSTING._replace(max_bytes=100_000))


def test_a_body_cut_short_is_an_error() -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        sends(b"pict", **{"Content-Length": "100"})(request)

    with serving(cut) as (base, _), pytest.raises(ImageError, match="no answer"):
        fetch(base, TRUSTING)


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_is_cut_off(part: str) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        start = b"HTTP/1.1 200 OK\r\n" + (b"" if part == "head" else b"\r\n")
        try:
            request.wfile.write(start)
            while True:
                request.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:
            return

    started = time.monotonic()
    with serving(drip) as (base, _), pytest.raises(ImageError, match="too slow"):
        fetch(base, TRUSTING._replace(total_seconds=0.3))
    assert time.monotonic() - started < 10


def test_tls_is_checked_against_the_name_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    """The server's certificate is for localhost, by an authority of our own: only its own name gets through."""
    certificate = make_certificate(tmp_path, "localhost")
    with serving(sends(b"picture"), certificate=certificate) as (base, asked):
        port = base.rpartition(":")[2]
        trusting = TRUSTING._replace(tls=ssl.create_default_context(cafile=certificate))
        assert fetch(f"https://localhost:{port}/", trusting) == b"picture"
        with pytest.raises(ImageError, match="no connection"):
            fetch(f"https://shop.example:{port}/", trusting)
        with pytest.raises(ImageError, match="no connection"):
            fetch(f"https://localhost:{port}/", TRUSTING)
    assert len(asked) == 1


def make_certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_nobody_listening_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ImageError, match="no connection"):
        fetch(f"http://shop.example:{port}/", TRUSTING)
