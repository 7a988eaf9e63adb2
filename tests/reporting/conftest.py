from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.reporting.repository import make_repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Experiments that nobody may change: tests that run more of them take a copy."""
    return make_repository(tmp_path_factory.mktemp("experiments"))
