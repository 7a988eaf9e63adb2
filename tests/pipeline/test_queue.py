"""Queued experiments run side by side from a clean clone, and each ends as a result or as a failure that is told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from filelock import FileLock

from breastseg.experiment_queue.tasks import Tasks
from breastseg.reporting.experiments import repository
from tests.pipeline.conftest import Tree, commit_all
from tests.pipeline.remotes import clone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.xdist_group("queue"), pytest.mark.timeout(600)]

# fails where the value is 0, tells how many threads it may use elsewhere
STAGE = """
stages:
  copy:
    cmd: grep -q "value. 0" params.yaml && exit 1 || echo $OMP_NUM_THREADS > out.txt
    params: [value]
    outs: [out.txt: {cache: false}]
"""
RUN = ("breastseg", "experiments", "run", "--jobs", "2")


@pytest.fixture
def tiny(tmp_path: Path) -> Tree:
    """A clone of a repository with one stage; nothing has run in it."""
    tree = Tree(tmp_path / "origin")
    tree.root.mkdir()
    tree.run("git", "init", "--quiet")
    tree.dvc("init")
    (tree.root / "params.yaml").write_text("value: 1\n")
    (tree.root / "dvc.yaml").write_text(STAGE)
    commit_all(tree, "one stage")
    return clone(tree, tmp_path / "clone")


def queue(tree: Tree, name: str, *changes: str) -> None:
    tree.dvc("exp", "run", "--queue", "--name", name, *(word for change in changes for word in ("-S", change)))


def results(tree: Tree) -> set[str]:
    """Names of the experiments that git has."""
    refs = tree.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    return {ref.rsplit("/", 1)[-1] for ref in refs if "celery" not in ref}


def shown(tree: Tree) -> dict[str, str]:
    """Name → status of all experiments in `dvc exp show`."""
    (baseline,) = [row for row in json.loads(tree.dvc("exp", "show", "--json")) if row["rev"] != "workspace"]
    return {e["name"]: (e["executor"] or {"state": "saved"})["state"] for e in baseline["experiments"]}


def runs_slowly(tree: Tree) -> Path:
    """Have an experiment take as many seconds as its value, and keep a record of when one begins and ends."""
    record = tree.root.parent / "record"
    command = f"echo begin >> {record}; sleep $(cut -d' ' -f2 params.yaml); echo end >> {record}; echo > out.txt"
    (tree.root / "dvc.yaml").write_text(
        f'stages: {{copy: {{cmd: "{command}", params: [value], outs: [out.txt: {{cache: false}}]}}}}\n'
    )
    commit_all(tree, "a slow stage")
    return record


def worker(tree: Tree, number: int) -> psutil.Process:
    """A worker of this tree's queue."""
    processes = [p for p in psutil.process_iter(["cmdline"]) if "queue-worker" in (p.info["cmdline"] or [])]
    (found,) = [p for p in processes if p.cwd() == str(tree.root) and f"-{number}@" in node(p)]
    return found


def node(of: psutil.Process) -> str:
    """The name of a worker."""
    command = of.cmdline()
    return command[command.index("queue-worker") + 1]


def until(look: Callable[[], bool], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def message_folder(tree: Tree) -> Path:
    return tree.root / ".dvc/tmp/exps/celery/broker"


def test_a_clean_clone_runs_its_queue_with_two_workers(small_tree: Tree, tmp_path: Path) -> None:
    tree = clone(small_tree, tmp_path / "clone")
    tree.dvc("exp", "run", "--queue", "-S", "split.seed=range(0,4)", "split")
    (tree.root / "stages/split.py").write_text("raise SystemExit('edited after queueing')\n")
    said = tree.run(*RUN)
    assert len(results(tree)) == 4
    assert set(shown(tree).values()) == {"success"}
    assert all(f"{name}: done" in said for name in results(tree))


def test_it_runs_from_a_subfolder(tiny: Tree) -> None:
    queue(tiny, "below", "value=2")
    below = tiny.root / "below"
    below.mkdir()
    Tree(below).run(*RUN)
    assert results(tiny) == {"below"}


def test_what_fails_is_told_and_the_others_have_results(tiny: Tree) -> None:
    for value in range(4):
        queue(tiny, f"value-{value}", f"value={value}")
    said = tiny.run(*RUN, fails=True)
    assert "value-0: has failed. `dvc queue logs value-0` shows why" in said
    assert results(tiny) == {"value-1", "value-2", "value-3"}
    assert shown(tiny)["value-0"] == "failed"


def test_an_experiment_whose_message_was_read_too_early_is_run_after_all(tiny: Tree) -> None:
    # a worker moves the message, finds nothing in it yet, and ends: this is what it leaves
    queue(tiny, "lost", "value=2")
    (message,) = (message_folder(tiny) / "in").glob("*.celery.msg")
    shutil.move(message, message_folder(tiny) / "processed")
    assert "Running" in tiny.dvc("queue", "status")
    assert "lost: was lost, and is queued again" in tiny.run(*RUN)
    assert results(tiny) == {"lost"}
    assert "Running" not in tiny.dvc("queue", "status")


def lose(tree: Tree) -> None:
    """Leave what a worker leaves that is killed when it has just taken the one experiment that is queued."""
    (message,) = (message_folder(tree) / "in").glob("*.celery.msg")
    shutil.move(message, message_folder(tree) / "processed")
    tree.run("git", "update-ref", "-d", "refs/exps/celery/stash")


def collect(tree: Tree) -> None:
    """Have git delete what no ref names."""
    tree.run("git", "reflog", "expire", "--expire=now", "--all")
    tree.run("git", "gc", "--quiet", "--prune=now")


def test_git_keeps_the_changes_of_an_experiment_that_is_queued_again(tiny: Tree) -> None:
    queue(tiny, "lost", "value=2")
    lose(tiny)
    with repository(tiny.root) as repo:
        tasks = Tasks(repo)
        (entry,) = tasks.states()
        tasks.put_back(entry)
    collect(tiny)
    assert shown(tiny) == {"lost": "queued"}
    assert "Queued" in tiny.dvc("queue", "status")


def test_what_git_has_collected_is_not_queued_again(tiny: Tree) -> None:
    queue(tiny, "lost", "value=2")
    lose(tiny)
    collect(tiny)
    said = tiny.run(*RUN, fails=True)
    assert "lost: was lost by DVC, and git has collected its changes" in said
    assert "queued again" not in said
    tiny.dvc("queue", "kill", "lost")
    tiny.dvc("queue", "remove", "lost")
    assert "No experiment tasks" in tiny.dvc("queue", "status")


def test_results_that_git_has_are_none_to_run_again_though_the_records_are_gone(tiny: Tree) -> None:
    queue(tiny, "saved", "value=2")
    tiny.run(*RUN)
    experiments = tiny.root / ".dvc/tmp/exps"
    shutil.rmtree(experiments / "run")
    assert "Nothing is queued" in tiny.run(*RUN, fails=True)
    for result in (experiments / "celery/result").iterdir():
        result.write_bytes(b"")
    assert "Nothing is queued" in tiny.run(*RUN, fails=True)


@pytest.mark.slow
def test_an_older_result_of_the_same_name_is_not_taken_for_that_of_a_lost_experiment(tiny: Tree) -> None:
    queue(tiny, "again", "value=2")
    tiny.run(*RUN)
    tiny.dvc("exp", "run", "--queue", "--force", "--name", "again", "-S", "value=3")
    lose(tiny)
    assert "again: was lost, and is queued again" in tiny.run(*RUN)
    tiny.dvc("exp", "apply", "again")
    assert "value: 3" in (tiny.root / "params.yaml").read_text()


@pytest.mark.slow
def test_an_experiment_that_never_reached_git_is_run_again_by_the_next_call(tiny: Tree) -> None:
    queue(tiny, "vanished", "value=2")
    tiny.run(*RUN)
    (ref,) = [r for r in tiny.run("git", "for-each-ref", "--format=%(refname)").split() if "vanished" in r]
    tiny.run("git", "update-ref", "-d", ref)
    assert "Success" in tiny.dvc("queue", "status"), "DVC was to believe that all is well"
    assert "vanished: was lost, and is queued again" in tiny.run(*RUN)
    assert results(tiny) == {"vanished"}


@pytest.mark.slow
def test_workers_share_the_processors_unless_the_user_has_shared_them_out(tiny: Tree) -> None:
    queue(tiny, "shared", "value=2")
    tiny.run("env", "--unset=OMP_NUM_THREADS", *RUN[:-1], "9")
    queue(tiny, "own", "value=3")
    tiny.run("env", "OMP_NUM_THREADS=5", *RUN)
    for name, threads in (("shared", "1"), ("own", "5")):
        tiny.dvc("exp", "apply", name)
        assert (tiny.root / "out.txt").read_text().strip() == threads


def test_an_empty_queue_is_told(tiny: Tree) -> None:
    assert "Nothing is queued" in tiny.run(*RUN, fails=True)


def test_workers_that_run_already_are_told(tiny: Tree) -> None:
    queue(tiny, "first", "value=2")
    tiny.start_queue()
    assert "Workers are at this queue already" in tiny.run(*RUN, fails=True)


def test_a_call_is_refused_while_another_has_no_worker_yet(tiny: Tree) -> None:
    queue(tiny, "first", "value=2")
    with FileLock(tiny.root / ".dvc/tmp/exps/celery/breastseg.lock"):
        assert "Workers are at this queue already" in tiny.run(*RUN, fails=True)
    assert shown(tiny) == {"first": "queued"}


@pytest.mark.parametrize(
    "stops",
    [
        (signal.SIGTERM, signal.SIGINT),
        pytest.param((signal.SIGINT, signal.SIGINT), marks=pytest.mark.slow),
        pytest.param((signal.SIGHUP, signal.SIGTERM), marks=pytest.mark.slow),
        pytest.param((), id="dvc queue stop", marks=pytest.mark.slow),
    ],
)
def test_a_call_that_is_to_stop_finishes_what_runs_and_leaves_the_rest(
    tiny: Tree, stops: tuple[signal.Signals, ...]
) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "first", "value=8")
    queue(tiny, "second", "value=1")
    driver = tiny.start(*RUN[:-1], "1", apart=True)
    until(record.exists)
    for number in stops:
        # as a terminal does
        os.killpg(driver.pid, number)
        time.sleep(1)
    if not stops:
        tiny.dvc("queue", "stop")
    said, _ = driver.communicate()
    assert driver.returncode not in {0, *(-number for number in stops)}, said
    assert "the rest stays queued" in said
    assert "first: done" in said
    assert record.read_text().split() == ["begin", "end"]
    assert results(tiny) == {"first"}
    assert shown(tiny)["second"] == "queued"


@pytest.mark.slow
def test_a_closed_pipe_ends_a_call_as_a_signal_does(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    for name in ("first", "second", "third"):
        queue(tiny, name, f"value={len(name)}")
    error = tiny.root.parent / "error"
    driver = tiny.start("bash", "-c", f"breastseg experiments run --jobs 1 2> {error}")
    until(record.exists)
    assert driver.stdout
    driver.stdout.close()
    assert driver.wait() == 130
    said = error.read_text()
    assert said.startswith("stdout: Broken pipe\n")
    assert "the rest stays queued" in said
    assert "first: done" in said
    assert record.read_text().split() in (["begin", "end"], ["begin", "end"] * 2)
    assert shown(tiny)["third"] == "queued"


@pytest.mark.slow
def test_ctrl_c_that_ends_the_reader_too_loses_no_line(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    for name in ("first", "second"):
        queue(tiny, name, "value=8")
    error = tiny.root.parent / "error"
    driver = tiny.start("bash", "-c", f"breastseg experiments run --jobs 1 2> {error} | cat", apart=True)
    until(record.exists)
    os.killpg(driver.pid, signal.SIGINT)
    driver.communicate()
    lines = error.read_text().splitlines()
    assert lines[:2] == ["stdout: Broken pipe", "Ending when those that run have ended; the rest stays queued"]
    assert "first: done" in lines
    assert results(tiny) == {"first"}


@pytest.mark.slow
def test_what_was_sent_to_workers_when_none_lived_is_no_sign_to_stop(tiny: Tree) -> None:
    queue(tiny, "first", "value=2")
    tiny.run(*RUN[:-1], "1")
    tiny.dvc("queue", "stop")
    queue(tiny, "second", "value=3")
    queue(tiny, "third", "value=4")
    tiny.run(*RUN[:-1], "1")
    assert results(tiny) == {"first", "second", "third"}


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["the call", "the worker"])
def test_what_an_ending_workers_monitor_sends_it_does_not_end_the_next(tiny: Tree, ends: str) -> None:
    runs_slowly(tiny)
    queue(tiny, "long", "value=20")
    driver = tiny.start(*RUN[:-1], "1")
    until((tiny.root.parent / "record").exists)
    (driver if ends == "the call" else worker(tiny, 1)).send_signal(signal.SIGTERM)
    # whether it runs, is reserved, is scheduled; then the shutdown
    until(lambda: len(list((message_folder(tiny) / "in").glob("*.pidbox.msg"))) == 4)
    for name in ("next", "last"):
        queue(tiny, name, "value=1")
    said, _ = driver.communicate()
    if ends == "the call":
        said = tiny.run(*RUN[:-1], "1")
    assert driver.returncode == (130 if ends == "the call" else 0), said
    assert results(tiny) == {"long", "next", "last"}


@pytest.mark.slow
def test_a_stop_that_an_ending_worker_does_not_read_ends_the_next(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    for name, value in (("first", 20), ("second", 1), ("third", 1), ("fourth", 1)):
        queue(tiny, name, f"value={value}")
    driver = tiny.start(*RUN[:-1], "1")
    until(record.exists)
    worker(tiny, 1).terminate()
    # its monitor's second question lies beside the first: it reads no more
    until(lambda: len(list((message_folder(tiny) / "in").glob("*.pidbox.msg"))) >= 2)
    tiny.dvc("queue", "stop")
    said, _ = driver.communicate()
    assert driver.returncode == 130, said
    assert "The workers were told to stop" in said
    assert shown(tiny)["fourth"] == "queued"


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "how"), [("1", ()), ("2", ()), ("1", ("--force",))])
def test_a_killed_experiment_counts_as_failed_and_the_others_run(tiny: Tree, jobs: str, how: tuple[str, ...]) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "killed", "value=30")
    for value in range(3):
        queue(tiny, f"value-{value}", f"value={value}")
    driver = tiny.start(*RUN[:-1], jobs, apart=True)
    until(record.exists)
    tiny.dvc("queue", "kill", *how, "killed")
    said, _ = driver.communicate()
    assert driver.returncode == 1, said
    assert "killed: has failed. `dvc queue logs killed` shows why" in said
    assert results(tiny) == {"value-0", "value-1", "value-2"}


def test_the_second_worker_starts_when_the_first_is_ready(tiny: Tree) -> None:
    queue(tiny, "only", "value=2")
    driver = tiny.start(*RUN)
    first, second = (tiny.root / f".dvc/tmp/exps/celery/dvc-exp-worker-{number}.out" for number in (1, 2))
    until(second.exists)
    assert " ready." in first.read_text()
    said, _ = driver.communicate()
    assert driver.returncode == 0, said


@pytest.mark.slow
def test_workers_that_had_nothing_to_do_are_no_sign_to_stop(tiny: Tree) -> None:
    runs_slowly(tiny)
    queue(tiny, "long", "value=40")
    driver = tiny.start(*RUN)
    log = tiny.root / ".dvc/tmp/exps/celery/dvc-exp-worker-2.out"
    until(lambda: log.exists() and log.read_text().endswith(" done\n"))
    queue(tiny, "late", "value=1")
    said, _ = driver.communicate()
    assert driver.returncode == 0, said
    assert results(tiny) == {"long", "late"}


@pytest.mark.slow
def test_a_killed_workers_experiment_runs_on_before_it_is_run_again(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "orphan", "value=8")
    driver = tiny.start(*RUN[:-1], "1")
    until(record.exists)
    worker(tiny, 1).send_signal(signal.SIGKILL)
    said, _ = driver.communicate()
    assert driver.returncode == 0, said
    assert "orphan: was lost, and is queued again" in said
    assert record.read_text().split() == ["begin", "end"] * 2, "two ran at once"
    assert results(tiny) == {"orphan"}


@pytest.mark.slow
def test_what_a_worker_of_another_runs_is_waited_for(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "ours", "value=10")
    driver = tiny.start(*RUN[:-1], "1")
    until(record.exists)
    ours = worker(tiny, 1)
    other = tiny.start("dvc", "exp", "queue-worker", node(ours).replace("-1@", "-2@"))
    queue(tiny, "theirs", "value=20")
    until(lambda: record.read_text().split().count("begin") == 2)
    ours.terminate()
    said, _ = driver.communicate()
    other.communicate()
    assert driver.returncode == 0, said
    assert "lost" not in said
    assert record.read_text().split().count("begin") == 2
    assert results(tiny) == {"ours", "theirs"}
