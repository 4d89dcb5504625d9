"""Who may come in, and from where: host, token, same-origin posts, and the headers that every answer carries."""

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "shangxin_review"
OWN_HEADER = "x-shangxin"  # a form on another site cannot send it without asking first, and is refused then
MOST_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OPEN_PATHS = frozenset({"/enter", "/app.css", "/icon.svg"})

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # not no-referrer: that makes browsers send `Origin: null` with the token's form
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Door:
    """The token, and the cookie that stands for it. Without a token the door is open, to this machine alone."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        # not the token itself: a cookie that leaks is worth nothing once the server is started anew with another
        self.cookie = hmac.new((token or "").encode(), b"shangxin review", hashlib.sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        return self.token is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def lets_in(self, headers: Headers) -> bool:
        if self.token is None:
            return True
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return found is not None and secrets.compare_digest(found.value.encode(), self.cookie.encode())


class Guard:
    """ASGI middleware: refuses what must not reach the page."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refuse(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._door.token is None and _hostname(headers.get("host", "")) not in LOOPBACK:
            # a name that some other site's owner points at this machine (DNS rebinding)
            return PlainTextResponse("this page answers to 127.0.0.1 and localhost only", 403)
        if not self._door.lets_in(headers) and scope["path"] not in OPEN_PATHS:
            wants_page = scope["method"] == "GET" and (scope["path"] == "/" or scope["path"].endswith("/report.html"))
            return RedirectResponse("/enter", 303) if wants_page else PlainTextResponse("a token is needed", 401)
        return _refuse_post(scope, headers) if scope["method"] not in ("GET", "HEAD") else None


def _refuse_post(scope: Scope, headers: Headers) -> Response | None:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return PlainTextResponse("posts come from this page only", 403)
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return PlainTextResponse("posts come from this page only", 403)
    if scope["path"] != "/enter" and headers.get(OWN_HEADER) != "1":
        return PlainTextResponse(f"posts carry the header {OWN_HEADER}", 403)
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        return PlainTextResponse(f"posts say their length, at most {MOST_BYTES} bytes", 413)
    return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
