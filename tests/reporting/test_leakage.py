"""Two experiments that differ in how they were split are laid side by side, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.reporting.leakage import leakage_table
from tests.reporting.repository import OTHER_SEED

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_both_networks_are_shown_with_what_the_plain_split_adds(repository: Path) -> None:
    table = leakage_table("fold-0", "plain", repository)
    (line,) = (line for line in table.splitlines() if line.startswith("vit_unet Dice"))
    grouped, plain, added = (part.strip() for part in line.removeprefix("vit_unet Dice").split("  ") if part.strip())
    assert grouped == plain  # the same tables stand behind both
    assert added == "+0.000"
    assert "cnn_unet normals FPR" in table
    assert "Research use only" in table


def test_experiments_that_differ_in_more_are_refused_by_name(repository: Path) -> None:
    with pytest.raises(ProblemsError, match=r"(?s)plain: differs in seed.*plain: differs in split\.fold"):
        leakage_table(f"fold-1-seed-{OTHER_SEED}", "plain", repository)


def test_one_of_each_kind_is_asked_for(repository: Path) -> None:
    with pytest.raises(BreastsegError, match=r"split\.grouped=true, then one with split\.grouped=false"):
        leakage_table("plain", "fold-0", repository)
