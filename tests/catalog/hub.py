"""A small server with the endpoints of the Hugging Face Hub that an install needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "tiny/llama"


class Hub:
    """Serves one folder as REPOSITORY at COMMIT. `requests` are the paths asked for, `lies` wrong hashes to state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self.tokens: set[str | None] = set()
        self.lies: dict[str, str] = {}
        self.extra: list[str] = []
        self.broken: set[str] = set()
        """Files that are listed but can't be had just now."""
        self.held: dict[str, threading.Event] = {}
        """Files of which only half comes until it is set."""

    def info(self) -> dict[str, Any]:
        siblings = [self._sibling(path) for path in sorted(self.folder.rglob("*")) if path.is_file()]
        siblings += [{"rfilename": name, "size": 1} for name in self.extra]
        return {
            "id": REPOSITORY,
            "modelId": REPOSITORY,
            "sha": COMMIT,
            "siblings": siblings,
            "tags": [],
            "private": False,
        }

    def tree(self) -> list[dict[str, Any]]:
        """The same files, as the hub's listing of a folder has them."""
        listed = []
        for told in self.info()["siblings"]:
            entry = {"type": "file", "path": told["rfilename"], "size": told["size"], "oid": "0" * 40}
            if lfs := told.get("lfs"):
                entry["lfs"] = {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
            listed.append(entry)
        return listed

    def _sibling(self, path: Path) -> dict[str, Any]:
        name = path.relative_to(self.folder).as_posix()
        told: dict[str, Any] = {"rfilename": name, "size": path.stat().st_size, "blobId": "0" * 40}
        if path.suffix == ".safetensors":
            digest = self.lies.get(path.name) or hashlib.sha256(path.read_bytes()).hexdigest()
            told["lfs"] = {"sha256": digest, "size": told["size"], "pointerSize": 130}
        return told


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """The address of the running server."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            hub.requests.append(f"{self.command} {path}")
            hub.tokens.add(self.headers.get("Authorization"))
            if path in (f"/api/models/{REPOSITORY}/revision/{wanted}" for wanted in ("main", "v1", COMMIT)):
                self._send(json.dumps(hub.info()).encode(), "application/json")
            elif path == f"/api/models/{REPOSITORY}/tree/{COMMIT}":
                self._send(json.dumps(hub.tree()).encode(), "application/json")
            elif path.rpartition("/")[2] in hub.broken:
                self._refuse(404, "EntryNotFound")
            elif path.startswith(prefix := f"/{REPOSITORY}/resolve/{COMMIT}/"):
                name = path.removeprefix(prefix)
                self._send((hub.folder / name).read_bytes(), "application/octet-stream", hub.held.get(name))
            else:
                missing = "RevisionNotFound" if "/revision/" in path and REPOSITORY in path else "RepoNotFound"
                self._refuse(404, missing)

        def _send(self, body: bytes, kind: str, rest: threading.Event | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.end_headers()
            if self.command != "GET":
                return
            half = len(body) // 2 if rest else len(body)
            with suppress(ConnectionError):
                self.wfile.write(body[:half])
                if rest:
                    self.wfile.flush()
                    rest.wait(60)
                self.wfile.write(body[half:])

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
