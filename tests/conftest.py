"""Fixtures that every test folder shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import settings

from tests.cloud_storage import BUCKET, emulated_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

# a slow machine is no fault of the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _torch_starts_alike() -> None:
    # untrained networks are random: without this, a rare one would fail a test that does not seed them
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with copies of public data sets, kept beside the repository; skips where there is none."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the public data sets in {folder}")
    return folder


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of an emulator of Google Cloud Storage, with an empty bucket."""
    with emulated_storage(monkeypatch, tmp_path) as address:
        yield address


@pytest.fixture
def bucket(storage: str) -> str:
    """A place in an empty bucket."""
    assert storage
    return f"gs://{BUCKET}/predictions"
