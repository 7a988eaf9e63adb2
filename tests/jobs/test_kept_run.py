"""A run's place is one run's, and its files stay inside the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.jobs.fetch import fetch_run
from breastseg.jobs.kept_run import KeptRun, Record
from breastseg.jobs.run import run_job
from breastseg.storage import Store
from tests.pipeline.conftest import Tree, commit_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A repository with a file that git holds and a stage writes, and one that DVC caches."""
    tree = Tree(tmp_path / "tree")
    tree.root.mkdir()
    tree.run("git", "init", "--quiet")
    tree.dvc("init")
    (tree.root / "params.yaml").write_text("train:\n  epochs: 3\n")
    (tree.root / "dvc.yaml").write_text(
        "stages:\n  copy:\n    cmd: cp params.yaml score.yaml && cp params.yaml model\n    deps: [params.yaml]\n"
        "    outs: [model]\n    metrics: [score.yaml: {cache: false}]\n"
    )
    tree.dvc("repro")
    commit_all(tree, "a run")
    monkeypatch.chdir(tree.root)
    return tree


def keep(tree: Tree, place: Path, *, finished: bool = True) -> None:
    KeptRun(Store.open(str(place))).keep(Record(overrides=("train.epochs=3",), finished=finished), tree.root)


def test_what_git_holds_is_kept_and_restored_and_nothing_else(tree: Tree, tmp_path: Path) -> None:
    keep(tree, tmp_path / "run")
    kept = KeptRun(Store.open(str(tmp_path / "run")))
    assert kept.names() == ["dvc.lock", "params.yaml", "score.yaml"]
    assert kept.record() == Record(overrides=("train.epochs=3",), finished=True)
    kept.restore(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere/score.yaml").read_text() == "train:\n  epochs: 3\n"


def test_a_file_for_another_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a bucket takes any name, a folder and the emulator do not
    monkeypatch.setattr(Store, "names", lambda *_: ["files/../../outside", "files/params.yaml"])
    with pytest.raises(BreastsegError, match=r"files for other folders: \.\./\.\./outside"):
        KeptRun(Store.open(str(tmp_path))).restore(tmp_path)


def test_another_kind_of_record_is_refused(tmp_path: Path) -> None:
    Store.open(str(tmp_path)).write("job.json", b"{}")
    with pytest.raises(BreastsegError, match=r"another kind of job\.json\. Name another place"):
        KeptRun(Store.open(str(tmp_path))).record()


def test_a_place_is_one_runs(tree: Tree, tmp_path: Path) -> None:
    keep(tree, tmp_path / "run")
    with pytest.raises(BreastsegError, match=r"other changes of params\.yaml \(train\.epochs=3\)"):
        run_job(str(tmp_path / "run"), ["train.epochs=4"], tree.root)
    assert tree.run("git", "status", "--porcelain") == ""


@pytest.mark.extended
def test_a_run_of_other_params_is_refused_in_a_tree_that_stays_as_it_is(tree: Tree, tmp_path: Path) -> None:
    """Such as those of a later image; the tree of the run before it, changed or not yet, is taken."""
    (tree.root / "params.yaml").write_text("seed: 0\ntrain:\n  epochs: 3\n")
    keep(tree, tmp_path / "run")
    for text in ("seed: 7\ntrain:\n  epochs: 3\n", "seed: 7\ntrain:\n  epochs: 9\n"):
        (tree.root / "params.yaml").write_text(text)
        with pytest.raises(BreastsegError, match=r"a run with another params\.yaml than this tree's"):
            run_job(str(tmp_path / "run"), ["train.epochs=3"], tree.root)
        assert (tree.root / "params.yaml").read_text() == text
    for text in ("seed: 0\ntrain:\n  epochs: 9 # the image's\n", "seed: 0\ntrain:\n  epochs: 3\n"):
        (tree.root / "params.yaml").write_text(text)
        with pytest.raises(BreastsegError, match="No remote is configured"):
            run_job(str(tmp_path / "run"), ["train.epochs=3"], tree.root)


def test_a_change_that_is_none_is_refused_before_anything_is_kept(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=r"params\.yaml cannot be changed by train\.epoch=4"):
        run_job(str(tmp_path / "run"), ["train.epoch=4"], tree.root)
    assert not (tmp_path / "run").exists()


@pytest.mark.extended
def test_what_is_not_committed_is_named_and_not_overwritten(tree: Tree, tmp_path: Path) -> None:
    keep(tree, tmp_path / "run")
    (tree.root / "params.yaml").write_text("mine")
    (tree.root / "score.yaml").write_text("mine too")
    (tree.root / "notes").write_text("of no concern")
    with pytest.raises(ProblemsError, match=r"(?s)params\.yaml: has changed.*score\.yaml: has changed") as told:
        fetch_run(str(tmp_path / "run"), tree.root)
    assert "notes" not in str(told.value)
    assert (tree.root / "params.yaml").read_text() == "mine"


def test_there_has_to_be_a_finished_run(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(BreastsegError, match="holds no run"):
        fetch_run(str(tmp_path / "run"), tree.root)
    keep(tree, tmp_path / "run", finished=False)
    with pytest.raises(BreastsegError, match="is not finished"):
        fetch_run(str(tmp_path / "run"), tree.root)
