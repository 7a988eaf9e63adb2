"""A reverse proxy as small as can be: what stands under one prefix goes to the service, all else is not found."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


@contextmanager
def sub_path_proxy(origin: str, prefix: str) -> Iterator[str]:
    """Serve `origin` under `prefix` on a free port of this machine; gives the proxy's origin."""
    host = urlsplit(origin).netloc

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._forward()

        def do_POST(self) -> None:
            self._forward()

        def log_message(self, *_args: object) -> None:
            pass

        def _forward(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            connection = HTTPConnection(host, timeout=120)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection.request(self.command, self.path.removeprefix(prefix), body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            connection.close()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
