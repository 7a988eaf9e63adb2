"""Fixtures that every test folder shares."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# a slow machine is no fault of the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("untimed"), max_examples=20)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]
# what a shell runs in its background ignores the signal, and so would all that tests start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# what takes too long to run after every edit; what is left over needs neither torch nor another process
_INTEGRATION_FOLDERS = {"browser", "export", "jobs", "models", "pipeline", "service", "training"}
_EXTENDED_FOLDERS = {"browser", "deploy"}
# a bucket; a training in a process of its own; the whole service
_INTEGRATION_FIXTURES = {"storage", "uninterrupted", "finished", "repository", "app", "client", "client_with"}
# made once a session, in the one process that runs all tests with it
_SHARED_FIXTURES = ("uninterrupted", "repository")
# so that no process is still busy with them when the others have nothing left to do
_LONGEST_FOLDERS = ("pipeline", "training", "export", "reporting")


_OWN_TIER = re.compile(r"^pytestmark = .*?pytest\.mark\.(integration|extended|nightly)\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the files of which `-m` leaves out every test: some take seconds of it."""
    left_out = {tier for tier in ("integration", "extended", "nightly") if f"not {tier}" in config.option.markexpr}
    tiers = {"integration"} if collection_path.name in _INTEGRATION_FOLDERS else set()
    tiers |= {"extended"} if collection_path.name in _EXTENDED_FOLDERS else set()
    if collection_path.name.startswith("test_") and collection_path.is_file():
        tiers |= {*_OWN_TIER.findall(collection_path.read_text(encoding="utf-8"))}
    return True if tiers & left_out else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark by folder and fixture what is too slow to run after every edit, or in `make test`."""
    folder = _folder(item)
    fixtures = set(getattr(item, "fixturenames", ()))
    if folder in _INTEGRATION_FOLDERS or fixtures & _INTEGRATION_FIXTURES:
        item.add_marker("integration")
    if folder in _EXTENDED_FOLDERS:
        item.add_marker("extended")
    if item.get_closest_marker("xdist_group") is None:
        shared = sorted(fixtures.intersection(_SHARED_FIXTURES))
        # a file's tests share what its fixtures make
        item.add_marker(pytest.mark.xdist_group(shared[0] if shared else item.path.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: _folder(item) not in _LONGEST_FOLDERS)


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(autouse=True)
def _torch_starts_alike() -> None:
    # untrained networks are random: without this, a rare one would fail a test that does not seed them
    if "torch" in sys.modules:
        import torch  # noqa: PLC0415 - seconds of import that most tests do without

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
    from tests.cloud_storage import emulated_storage  # noqa: PLC0415 - seconds of import that most tests do without

    with emulated_storage(monkeypatch, tmp_path) as address:
        yield address


@pytest.fixture
def bucket(storage: str) -> str:
    """A place in an empty bucket."""
    assert storage
    from tests.cloud_storage import BUCKET  # noqa: PLC0415 - see above

    return f"gs://{BUCKET}/predictions"
