"""A bucket of Google Cloud Storage on loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import gcsfs
import pytest
from gcp_storage_emulator.server import create_server

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "breastseg-test"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    # nobody asks here whether this machine is one of Google's, and waits for the answer
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    gcsfs.GCSFileSystem.clear_instance_cache()
    try:
        yield f"gs://{BUCKET}/predictions"
    finally:
        gcsfs.GCSFileSystem.clear_instance_cache()
        server.stop()
