"""Inputs of a training that takes a second, and what it leaves when nothing kills it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training import trainee

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a prepared table and a split table."""
    trainee.write_inputs(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outs of a training that ran through, by their names."""
    root = tmp_path_factory.mktemp("uninterrupted")
    trainee.write_inputs(root)
    assert trainee.run(trainee.make_plan(root)) == 0
    return trainee.outs(root)
