"""The small world as fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.params.evaluate import Evaluate
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.evaluation.evaluate import Inputs


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An untrained checkpoint a network."""
    from tests.evaluation import stage_files  # noqa: PLC0415 - seconds of import that most tests do without

    return stage_files.write_checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, checkpoints: dict[str, Path]) -> Inputs:
    """36 cases, a third each train, val and test."""
    from tests.evaluation import stage_files  # noqa: PLC0415 - see above

    cases = [world.make_case(index) for index in range(36)]
    return stage_files.make_inputs(tmp_path_factory.mktemp("inputs"), cases, checkpoints)


@pytest.fixture(scope="session")
def params() -> Evaluate:
    """Few resamples: tests look at relations, not at digits."""
    return Evaluate(max_normal_false_positive_rate=0.1, resamples=100, seed=0, overlays=2)
