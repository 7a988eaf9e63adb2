"""Work is done in order, refused beyond the places, and given up by who leaves."""

from __future__ import annotations

import asyncio
import threading

import pytest

from breastseg.serving.work_queue import QueueFullError, WorkQueue


def test_it_returns_what_the_function_returns_and_raises_what_it_raises() -> None:
    async def scenario() -> None:
        queue = WorkQueue(workers=1, places=0)
        assert await queue.run(lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
        assert await queue.run(lambda: 43) == 43
        queue.close()

    asyncio.run(scenario())


def test_work_beyond_the_places_is_refused_at_once_and_told_when_to_come_back() -> None:
    gate = threading.Event()

    async def scenario() -> None:
        queue = WorkQueue(workers=1, places=2)
        tasks = [asyncio.create_task(queue.run(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        assert queue.waiting == 2
        with pytest.raises(QueueFullError) as refused:
            await queue.run(gate.wait)
        assert refused.value.retry_after_s == 1
        gate.set()
        assert await asyncio.gather(*tasks) == [True] * 3
        while queue.waiting:  # noqa: ASYNC110 - places are given back on the loop, after the answers
            await asyncio.sleep(0)
        assert await queue.run(lambda: "room again") == "room again"
        queue.close()

    asyncio.run(scenario())


def test_who_leaves_while_waiting_frees_a_place_and_is_never_worked_for() -> None:
    gate, done = threading.Event(), list[str]()

    async def scenario() -> None:
        queue = WorkQueue(workers=1, places=1)
        working = asyncio.create_task(queue.run(gate.wait))
        leaving = asyncio.create_task(queue.run(lambda: done.append("left")))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await asyncio.sleep(0)
        staying = asyncio.create_task(queue.run(lambda: done.append("stayed")))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(working, staying)
        queue.close()

    asyncio.run(scenario())
    assert done == ["stayed"]


def test_no_more_than_the_workers_run_at_once() -> None:
    lock, running, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2)

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait(timeout=240)
        with lock:
            running[0] -= 1

    async def scenario() -> None:
        queue = WorkQueue(workers=2, places=10)
        await asyncio.gather(*(queue.run(work) for _ in range(8)))
        queue.close()

    asyncio.run(scenario())
    assert most == [2]


def test_who_is_refused_waits_for_as_long_as_the_work_takes() -> None:
    gate = threading.Event()

    async def scenario() -> None:
        queue = WorkQueue(workers=1, places=1)
        # as if one piece of work had taken long
        queue._mean_s = 7.0
        tasks = [asyncio.create_task(queue.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError) as refused:
            await queue.run(gate.wait)
        assert refused.value.retry_after_s == 14
        gate.set()
        await asyncio.gather(*tasks)
        queue.close()

    asyncio.run(scenario())
