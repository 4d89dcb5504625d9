"""A Hub on this machine: the endpoints that the Hub's own client asks, over a folder of repositories."""

import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class ToyHub(ThreadingHTTPServer):
    """The Hub's two endpoints, over a folder of repositories. `requested` logs the files that were sent."""

    daemon_threads = True

    def __init__(self, folder: Path, *, commits: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.commits = folder, dict(commits)
        self.requested: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ToyHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._describe(parts[3], parts[4] if len(parts) > 4 else "")
        else:
            self._send(parts)

    def do_HEAD(self) -> None:
        self._send(self.path.partition("?")[0].strip("/").split("/"))

    def _describe(self, name: str, kind: str) -> None:
        place = self.server.folder / name
        if not place.is_dir():
            self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            return
        files = [path for path in sorted(place.rglob("*")) if path.is_file()]
        commit = self.server.commits.get(name, "c" * 40)
        about = {"id": f"Kwai-Kolors/{name}", "sha": commit, "siblings": [_sibling(path, place) for path in files]}
        listing = [_leaf(path, place) for path in files]
        body = json.dumps(listing if kind == "tree" else about).encode()
        self._answer(200, body, {"Content-Type": "application/json"})

    def _send(self, parts: list[str]) -> None:
        name, inside = parts[1], "/".join(parts[4:])
        path = self.server.folder / name / inside
        if not path.is_file():
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if self.command == "GET":
            self.server.requested.append(f"{name}/{inside}")
        commit = self.server.commits.get(name, "c" * 40)
        self._answer(200, path.read_bytes(), {"ETag": f'"{_sha(path)}"', "X-Repo-Commit": commit})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _sibling(path: Path, place: Path) -> dict[str, Any]:
    size = path.stat().st_size
    lfs = {"lfs": {"sha256": _sha(path), "size": size, "pointerSize": 130}} if _big(path) else {}
    return {"rfilename": path.relative_to(place).as_posix(), "size": size, **lfs}


def _leaf(path: Path, place: Path) -> dict[str, Any]:
    size, name = path.stat().st_size, path.relative_to(place).as_posix()
    lfs = {"lfs": {"oid": _sha(path), "size": size, "pointerSize": 130}} if _big(path) else {}
    return {"type": "file", "path": name, "size": size, "oid": _sha(path)[:40], **lfs}


def _big(path: Path) -> bool:
    return path.suffix in {".safetensors", ".bin", ".model"}


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
