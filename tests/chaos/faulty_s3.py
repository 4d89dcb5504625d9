"""A proxy before the S3 stand-in that can be told to fail: 500s, long waits, cut connections."""

import http.client
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Mood = Literal["well", "errors", "slow", "cut"]
SHARE = 0.5  # of the requests that a bad mood falls on
SLOW_SECONDS = 3.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients die in the middle of a request here: that is what it is for."""


class FaultyS3:
    """Serves on a loopback port until `stop`; `mood` may be set at any time."""

    def __init__(self, port: int, target_port: int) -> None:
        self.mood: Mood = "well"
        self.spoiled = 0
        self._server = _Server(("127.0.0.1", port), _handler(self, target_port))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: FaultyS3, target_port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            mood = proxy.mood if random.random() < SHARE else "well"
            proxy.spoiled += mood != "well"
            if mood == "errors":
                return self._answer(500, {}, b"<Error><Code>InternalError</Code></Error>")
            if mood == "cut":
                self.close_connection = True
                return self.connection.close()
            if mood == "slow":
                time.sleep(SLOW_SECONDS)
            return self._pass_on(body)

        def _pass_on(self, body: bytes) -> None:
            upstream = http.client.HTTPConnection("127.0.0.1", target_port, timeout=60)
            try:
                upstream.request(self.command, self.path, body=body, headers=dict(self.headers))
                answer = upstream.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
            except OSError:
                self._answer(503, {}, b"")
            finally:
                upstream.close()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = headers.get("Content-Length", headers.get("content-length", str(len(body))))
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
