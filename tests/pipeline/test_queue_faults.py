"""What DVC, a signal or a kill does to a queue loses no experiment and runs none twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from breastseg.experiment_queue.tasks import Tasks
from breastseg.reporting.experiments import repository
from tests.pipeline.queues import RUN, message_folder, node, queue, results, runs_slowly, shown, worker
from tests.pipeline.remotes import clone
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Tree

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("queue")]


def test_a_clean_clone_runs_its_queue_with_two_workers(small_tree: Tree, tmp_path: Path) -> None:
    tree = clone(small_tree, tmp_path / "clone")
    tree.dvc("exp", "run", "--queue", "-S", "split.seed=range(0,4)", "split")
    (tree.root / "stages/split.py").write_text("raise SystemExit('edited after queueing')\n")
    said = tree.run(*RUN)
    assert len(results(tree)) == 4
    assert set(shown(tree).values()) == {"success"}
    assert all(f"{name}: done" in said for name in results(tree))


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


def test_an_older_result_of_the_same_name_is_not_taken_for_that_of_a_lost_experiment(tiny: Tree) -> None:
    queue(tiny, "again", "value=2")
    tiny.run(*RUN)
    tiny.dvc("exp", "run", "--queue", "--force", "--name", "again", "-S", "value=3")
    lose(tiny)
    assert "again: was lost, and is queued again" in tiny.run(*RUN)
    tiny.dvc("exp", "apply", "again")
    assert "value: 3" in (tiny.root / "params.yaml").read_text()


def test_an_experiment_that_never_reached_git_is_run_again_by_the_next_call(tiny: Tree) -> None:
    queue(tiny, "vanished", "value=2")
    tiny.run(*RUN)
    (ref,) = [r for r in tiny.run("git", "for-each-ref", "--format=%(refname)").split() if "vanished" in r]
    tiny.run("git", "update-ref", "-d", ref)
    assert "Success" in tiny.dvc("queue", "status"), "DVC was to believe that all is well"
    assert "vanished: was lost, and is queued again" in tiny.run(*RUN)
    assert results(tiny) == {"vanished"}


def test_workers_share_the_processors_unless_the_user_has_shared_them_out(tiny: Tree) -> None:
    queue(tiny, "shared", "value=2")
    tiny.run("env", "--unset=OMP_NUM_THREADS", *RUN[:-1], "9")
    queue(tiny, "own", "value=3")
    tiny.run("env", "OMP_NUM_THREADS=5", *RUN)
    for name, threads in (("shared", "1"), ("own", "5")):
        tiny.dvc("exp", "apply", name)
        assert (tiny.root / "out.txt").read_text().strip() == threads


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
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGHUP, signal.SIGTERM),
        pytest.param((), id="dvc queue stop"),
    ],
)
def test_a_call_that_is_to_stop_finishes_what_runs_and_leaves_the_rest(
    tiny: Tree, stops: tuple[signal.Signals, ...]
) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "first", "value=8")
    queue(tiny, "second", "value=1")
    driver = tiny.start(*RUN[:-1], "1", apart=True)
    wait_until(record.exists)
    for number in stops:
        # as a terminal does
        os.killpg(driver.pid, number)
        time.sleep(1)  # Python would take two that come together for one
    if not stops:
        tiny.dvc("queue", "stop")
    said, _ = driver.communicate()
    assert driver.returncode not in {0, *(-number for number in stops)}, said
    assert "the rest stays queued" in said
    assert "first: done" in said
    assert record.read_text().split() == ["begin", "end"]
    assert results(tiny) == {"first"}
    assert shown(tiny)["second"] == "queued"


def test_a_closed_pipe_ends_a_call_as_a_signal_does(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    for name in ("first", "second", "third"):
        queue(tiny, name, f"value={len(name)}")
    error = tiny.root.parent / "error"
    driver = tiny.start("bash", "-c", f"breastseg experiments run --jobs 1 2> {error}")
    wait_until(record.exists)
    assert driver.stdout
    driver.stdout.close()
    assert driver.wait() == 130
    said = error.read_text()
    assert said.startswith("stdout: Broken pipe\n")
    assert "the rest stays queued" in said
    assert "first: done" in said
    assert record.read_text().split() in (["begin", "end"], ["begin", "end"] * 2)
    assert shown(tiny)["third"] == "queued"


def test_ctrl_c_that_ends_the_reader_too_loses_no_line(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    for name in ("first", "second"):
        queue(tiny, name, "value=8")
    error = tiny.root.parent / "error"
    driver = tiny.start("bash", "-c", f"breastseg experiments run --jobs 1 2> {error} | cat", apart=True)
    wait_until(record.exists)
    os.killpg(driver.pid, signal.SIGINT)
    driver.communicate()
    lines = error.read_text().splitlines()
    assert lines[:2] == ["stdout: Broken pipe", "Ending when those that run have ended; the rest stays queued"]
    assert "first: done" in lines
    assert results(tiny) == {"first"}


def test_what_was_sent_to_workers_when_none_lived_is_no_sign_to_stop(tiny: Tree) -> None:
    queue(tiny, "first", "value=2")
    tiny.run(*RUN[:-1], "1")
    tiny.dvc("queue", "stop")
    queue(tiny, "second", "value=3")
    queue(tiny, "third", "value=4")
    tiny.run(*RUN[:-1], "1")
    assert results(tiny) == {"first", "second", "third"}


@pytest.mark.parametrize("ends", ["the call", "the worker"])
def test_what_an_ending_workers_monitor_sends_it_does_not_end_the_next(tiny: Tree, ends: str) -> None:
    runs_slowly(tiny)
    queue(tiny, "long", "value=20")
    driver = tiny.start(*RUN[:-1], "1")
    wait_until((tiny.root.parent / "record").exists)
    (driver if ends == "the call" else worker(tiny, 1)).send_signal(signal.SIGTERM)
    # whether it runs, is reserved, is scheduled; then the shutdown
    wait_until(lambda: len(list((message_folder(tiny) / "in").glob("*.pidbox.msg"))) == 4)
    for name in ("next", "last"):
        queue(tiny, name, "value=1")
    said, _ = driver.communicate()
    if ends == "the call":
        said = tiny.run(*RUN[:-1], "1")
    assert driver.returncode == (130 if ends == "the call" else 0), said
    assert results(tiny) == {"long", "next", "last"}


def test_a_stop_that_an_ending_worker_does_not_read_ends_the_next(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    for name, value in (("first", 20), ("second", 1), ("third", 1), ("fourth", 1)):
        queue(tiny, name, f"value={value}")
    driver = tiny.start(*RUN[:-1], "1")
    wait_until(record.exists)
    worker(tiny, 1).terminate()
    # its monitor's second question lies beside the first: it reads no more
    wait_until(lambda: len(list((message_folder(tiny) / "in").glob("*.pidbox.msg"))) >= 2)
    tiny.dvc("queue", "stop")
    said, _ = driver.communicate()
    assert driver.returncode == 130, said
    assert "The workers were told to stop" in said
    assert shown(tiny)["fourth"] == "queued"


@pytest.mark.parametrize(("jobs", "how"), [("1", ()), ("2", ()), ("1", ("--force",))])
def test_a_killed_experiment_counts_as_failed_and_the_others_run(tiny: Tree, jobs: str, how: tuple[str, ...]) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "killed", "value=30")
    for value in range(3):
        queue(tiny, f"value-{value}", f"value={value}")
    driver = tiny.start(*RUN[:-1], jobs, apart=True)
    wait_until(record.exists)
    tiny.dvc("queue", "kill", *how, "killed")
    said, _ = driver.communicate()
    assert driver.returncode == 1, said
    assert "killed: has failed. `dvc queue logs killed` shows why" in said
    assert results(tiny) == {"value-0", "value-1", "value-2"}


def test_the_second_worker_starts_when_the_first_is_ready(tiny: Tree) -> None:
    queue(tiny, "only", "value=2")
    driver = tiny.start(*RUN)
    first, second = (tiny.root / f".dvc/tmp/exps/celery/dvc-exp-worker-{number}.out" for number in (1, 2))
    wait_until(second.exists)
    assert " ready." in first.read_text()
    said, _ = driver.communicate()
    assert driver.returncode == 0, said


def test_workers_that_had_nothing_to_do_are_no_sign_to_stop(tiny: Tree) -> None:
    runs_slowly(tiny)
    queue(tiny, "long", "value=40")
    driver = tiny.start(*RUN)
    log = tiny.root / ".dvc/tmp/exps/celery/dvc-exp-worker-2.out"
    wait_until(lambda: log.exists() and log.read_text().endswith(" done\n"))
    queue(tiny, "late", "value=1")
    said, _ = driver.communicate()
    assert driver.returncode == 0, said
    assert results(tiny) == {"long", "late"}


def test_a_killed_workers_experiment_runs_on_before_it_is_run_again(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "orphan", "value=8")
    driver = tiny.start(*RUN[:-1], "1")
    wait_until(record.exists)
    worker(tiny, 1).send_signal(signal.SIGKILL)
    said, _ = driver.communicate()
    assert driver.returncode == 0, said
    assert "orphan: was lost, and is queued again" in said
    assert record.read_text().split() == ["begin", "end"] * 2, "two ran at once"
    assert results(tiny) == {"orphan"}


def test_what_a_worker_of_another_runs_is_waited_for(tiny: Tree) -> None:
    record = runs_slowly(tiny)
    queue(tiny, "ours", "value=10")
    driver = tiny.start(*RUN[:-1], "1")
    wait_until(record.exists)
    ours = worker(tiny, 1)
    other = tiny.start("dvc", "exp", "queue-worker", node(ours).replace("-1@", "-2@"))
    queue(tiny, "theirs", "value=20")
    wait_until(lambda: record.read_text().split().count("begin") == 2)
    ours.terminate()
    said, _ = driver.communicate()
    other.communicate()
    assert driver.returncode == 0, said
    assert "lost" not in said
    assert record.read_text().split().count("begin") == 2
    assert results(tiny) == {"ours", "theirs"}
