"""`make data-push` and `make data-pull` share a run through a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipeline.conftest import contents, outs, run_stages
from tests.pipeline.remotes import PULL, PUSH, clone, with_remote

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Tree

pytestmark = [pytest.mark.xdist_group("pipeline"), pytest.mark.usefixtures("no_credentials")]


def test_a_colleague_pulls_what_was_pushed_and_has_nothing_to_run(small: Tree, storage: str, tmp_path: Path) -> None:
    with_remote(small, storage).run(*PUSH)
    colleague = clone(small, tmp_path / "colleague")
    colleague.run(*PULL)
    assert contents(colleague.root, *outs(small)) == contents(small.root, *outs(small))
    assert "up to date" in colleague.dvc("status")
    assert run_stages(colleague.dvc("repro")) == []
