"""The map keeps order, gives errors on, and never holds more than a few results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from benchmarks.serving.process import free_port
from breastseg.data.parallel import CHUNK, ENGINE_VARIABLE, ordered_map, threaded_map
from breastseg.errors import BreastsegError

pytestmark = pytest.mark.integration


def _square(number: int) -> int:
    return number * number


def _process(_: int) -> int:
    return os.getpid()


def _refuse(number: int) -> int:
    if number == CHUNK:
        raise ValueError("no")
    return number


def test_results_come_in_order() -> None:
    numbers = range(5 * CHUNK + 1)
    assert list(ordered_map(_square, numbers, workers=2)) == [n * n for n in numbers]


def test_many_items_go_to_other_processes_and_few_do_not() -> None:
    assert os.getpid() not in set(ordered_map(_process, range(3 * CHUNK), workers=2))
    assert set(ordered_map(_process, range(CHUNK), workers=2)) == {os.getpid()}


def test_an_error_comes_through() -> None:
    with pytest.raises(ValueError, match="no"):
        list(ordered_map(_refuse, range(3 * CHUNK), workers=2))


def test_nothing_gives_nothing() -> None:
    assert list(ordered_map(_square, [])) == []


def test_threads_keep_order_and_stay_in_this_process() -> None:
    assert list(threaded_map(_square, range(50), workers=3)) == [n * n for n in range(50)]
    assert set(threaded_map(_process, range(9), workers=3)) == {os.getpid()}


def test_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=240)
    assert len(list(threaded_map(lambda _: meeting.wait(), range(2), workers=2))) == 2


def test_threads_read_only_a_few_items_ahead() -> None:
    source = iter(range(1000))
    results = threaded_map(_square, source, workers=2)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert next(source) <= 5 + 4


def test_an_error_in_a_thread_comes_through() -> None:
    with pytest.raises(ValueError, match="no"):
        list(threaded_map(_refuse, range(3 * CHUNK), workers=2))


def _end(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_is_told_in_a_sentence() -> None:
    with pytest.raises(BreastsegError, match=r"process was ended by something else.*and run the command again$"):
        list(ordered_map(_end, range(3 * CHUNK), workers=2))


def test_processes_end_with_a_parent_that_is_killed() -> None:
    program = (
        "import time; from breastseg.data.parallel import ordered_map\n"
        "if __name__ == '__main__':\n"
        "    for _ in ordered_map(abs, range(64), workers=2): print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
        assert process.stdout
        assert process.stdout.readline()
        workers = psutil.Process(process.pid).children()
        assert len(workers) >= 2
        process.kill()
    gone, left = psutil.wait_procs(workers, timeout=240)
    assert (len(gone), left) == (len(workers), [])


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "spark")
    with pytest.raises(BreastsegError, match=r"no engine 'spark'\. Name local or ray, also in BREASTSEG_ENGINE"):
        list(ordered_map(_square, range(3)))


def test_without_ray_the_extra_is_named() -> None:
    program = (
        "from tests.blocked_imports import block; block('ray')\n"
        "from breastseg.data.parallel import ordered_map; from breastseg.errors import BreastsegError\n"
        "try: list(ordered_map(abs, [1], engine='ray'))\n"
        "except BreastsegError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "The package ray is not installed. Install the extra: pip install 'breastseg[ray]'\n"


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_cluster_that_does_not_answer_is_told_at_once(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{scheme}127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(BreastsegError, match=rf"cluster at {address} cannot be reached.*refused.*RAY_ADDRESS"):
        list(ordered_map(abs, [1], engine="ray"))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_what_ends_each_worker_of_ray_is_told_in_a_sentence() -> None:
    with pytest.raises(BreastsegError, match=r"Ray cluster.*was ended by something else.*and run the command again$"):
        list(ordered_map(_end, range(1), engine="ray"))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_ray_keeps_order_and_gives_an_error_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "ray")
    # an address that is empty is none
    monkeypatch.setenv("RAY_ADDRESS", "")
    numbers = range(5 * CHUNK + 1)
    assert list(ordered_map(_square, numbers)) == [n * n for n in numbers]
    with pytest.raises(ValueError, match="no"):
        list(ordered_map(_refuse, range(3 * CHUNK)))
