"""An experiment goes to a colleague through a git server and a bucket, and a released model by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipeline.conftest import commit_all, contents, outs, run_stages
from tests.pipeline.remotes import clone, with_remote

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Tree

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("pipeline")]


@pytest.fixture
def shared(copied: Tree, storage: str, tmp_path: Path) -> Tree:
    """The finished tree with a git server and a bucket, both up to date."""
    with_remote(copied, storage)
    copied.run("git", "init", "--quiet", "--bare", str(tmp_path / "server.git"))
    copied.run("git", "remote", "add", "origin", str(tmp_path / "server.git"))
    copied.run("git", "push", "--quiet", "origin", "HEAD")
    copied.dvc("push")
    return copied


def colleague_of(shared: Tree, tmp_path: Path) -> Tree:
    own = clone(shared, tmp_path / "colleague")
    own.run("git", "remote", "set-url", "origin", str(tmp_path / "server.git"))
    return own


def test_an_experiment_is_pushed_and_pulled_with_its_files(shared: Tree, tmp_path: Path) -> None:
    shared.dvc("exp", "run", "--name", "more-resamples", "-S", "evaluate.resamples=250")
    shared.dvc("exp", "push", "origin", "more-resamples")
    colleague = colleague_of(shared, tmp_path)
    colleague.dvc("exp", "pull", "origin", "more-resamples")
    colleague.dvc("exp", "apply", "more-resamples")
    assert "resamples: 250" in (colleague.root / "params.yaml").read_text()
    assert contents(colleague.root, *outs(shared)) == contents(shared.root, *outs(shared))
    assert "up to date" in colleague.dvc("status")
    assert run_stages(colleague.dvc("repro")) == []


def test_a_released_model_is_fetched_by_its_name(shared: Tree, tmp_path: Path) -> None:
    shared.run("git", "tag", "-a", "breastseg@v1.0.0", "-m", "the first")
    shared.run("git", "push", "--quiet", "origin", "breastseg@v1.0.0")
    model = (shared.root / "models/release/model.onnx").read_bytes()
    (shared.root / "README.md").write_text("later")
    commit_all(shared, "later")
    colleague = colleague_of(shared, tmp_path)
    colleague.dvc("artifacts", "get", str(tmp_path / "server.git"), "breastseg", "--out", "fetched.onnx")
    assert (colleague.root / "fetched.onnx").read_bytes() == model
