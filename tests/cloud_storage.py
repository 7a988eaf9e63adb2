"""Google Cloud Storage on loopback, by an emulator."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING

import gcsfs
from gcp_storage_emulator import server as emulator

from benchmarks.serving.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    import pytest

BUCKET = "breastseg-test"


class _Server(ThreadingHTTPServer):
    """Ends at once, and not up to half a second later."""

    def serve_forever(self, poll_interval: float = 0.01) -> None:
        super().serve_forever(poll_interval)


@contextmanager
def emulated_storage(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[str]:
    """The address of an emulator with an empty bucket, which this process and its children take for Google's."""
    # else a body that is cut off would be stored as far as it came, which Google's takes whole or not at all
    read = emulator._read_raw_data
    monkeypatch.setattr(emulator, "_read_raw_data", lambda handler: _whole(read(handler), handler))
    # else one connection that nobody reads from holds up all others
    monkeypatch.setattr("http.server.HTTPServer", _Server)
    # else `dvc` alone asks over gRPC what kind of bucket it is, which the emulator does not speak
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    # nobody's credentials, and nobody asks whether this machine is one of Google's and waits for the answer
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(home / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    port = free_port()
    server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    gcsfs.GCSFileSystem.clear_instance_cache()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        gcsfs.GCSFileSystem.clear_instance_cache()
        server.stop()


def _whole(body: bytes | None, handler: BaseHTTPRequestHandler) -> bytes | None:
    if body is not None and len(body) < int(handler.headers.get("Content-Length") or 0):
        raise ConnectionResetError
    return body
