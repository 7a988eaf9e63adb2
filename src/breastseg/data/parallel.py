"""Maps over all cores or a Ray cluster: they keep order and hold only a few results, so memory does not grow."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import socket
import threading
import warnings
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from breastseg.errors import BreastsegError
from breastseg.inference.cpus import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from multiprocessing.process import BaseProcess
    from types import ModuleType

T = TypeVar("T")
R = TypeVar("R")

# Enough work to outweigh the hand-over between processes; an input of one chunk starts no process at all.
CHUNK = 16
_CHUNKS_A_WORKER = 3

# where the work of `ordered_map` is done; not a param, since it changes no result
ENGINE_VARIABLE = "BREASTSEG_ENGINE"
LOCAL, RAY = "local", "ray"
_ANSWER_SECONDS = 10
# Ray's driver keeps books on each block
_MOST_BLOCKS = 10_000
# by default Ray tries a chunk for ever that ends each worker
_MOST_RETRIES = 3


class WorkerLostError(BreastsegError):
    """A worker ended before its work was done."""


def ordered_map(
    function: Callable[[T], R],
    items: Sequence[T],
    workers: int | None = None,
    *,
    chunk: int = CHUNK,
    engine: str | None = None,
) -> Iterator[R]:
    """Apply `function` to every item, in processes, and yield the results in the order of the items.

    Args:
        function: Picklable: a function of a module, or a `functools.partial` of one.
        items: Picklable.
        workers: Number of processes; the CPUs that this process may use without it. A Ray cluster knows its own.
        chunk: Number of items that a process is given at a time.
        engine: `local`: processes of this machine; `ray`: those of the Ray cluster at RAY_ADDRESS, or, without one, of
            a cluster that is started here for the time being. By default what BREASTSEG_ENGINE says, or `local`.

    Raises:
        WorkerLostError: A process was killed, or a worker of Ray again and again.
        BreastsegError: The engine is unknown, Ray is not installed, or its cluster cannot be reached.
    """
    engine = _known(engine or os.environ.get(ENGINE_VARIABLE) or LOCAL)
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    count = min(workers or usable_cpus(), len(chunks))
    if engine == RAY and chunks:
        yield from _cluster_map(function, chunks)
    elif count <= 1:
        yield from map(function, items)
    else:
        yield from _pool_map(function, chunks, count)


def threaded_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Apply `function` to every item, in threads, and yield the results in the order of the items.

    For work that is done outside Python's lock on what one process holds, such as an open model.

    Args:
        function: May be called from several threads at once.
        items: Read as they are needed, a few ahead.
        workers: Number of threads.
    """
    with ThreadPoolExecutor(workers) as pool:
        yield from _in_order((pool.submit(function, item) for item in items), 2 * workers)


def _known(engine: str) -> str:
    if engine not in {LOCAL, RAY}:
        raise BreastsegError(f"There is no engine {engine!r}. Name {LOCAL} or {RAY}, also in {ENGINE_VARIABLE}")
    return engine


def _pool_map(function: Callable[[T], R], chunks: Sequence[Sequence[T]], workers: int) -> Iterator[R]:
    # a fork would copy the threads' locks of the libraries in use, held or not
    spawn = multiprocessing.get_context("spawn")
    told = _told("A process", "Give it more memory, or fewer processes", BrokenProcessPool)
    with told, ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with_parent) as pool:
        for results in _in_order(
            (pool.submit(_apply, function, chunk) for chunk in chunks), workers * _CHUNKS_A_WORKER
        ):
            yield from results


@contextmanager
def _told(what: str, mend: str, *faults: type[Exception]) -> Iterator[None]:
    try:
        yield
    except faults as error:
        cause = "was ended by something else, often for want of memory"
        raise WorkerLostError(f"{what} {cause}. {mend}, and run the command again") from error


def _end_with_parent() -> None:
    """End this process when its parent is killed: it would wait for ever for the next chunk."""
    threading.Thread(target=_end_after, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _in_order(coming: Iterator[Future[R]], ahead: int) -> Iterator[R]:
    """Yield results in the order of submission; at most `ahead` are submitted before the first of them is taken."""
    held = deque(islice(coming, ahead))
    while held:
        yield held.popleft().result()
        held.extend(islice(coming, 1))


def _apply(function: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [function(item) for item in chunk]


def _cluster_map(function: Callable[[T], R], chunks: Sequence[Sequence[T]]) -> Iterator[R]:
    """Stream chunks through actors, one a core of the cluster; a chunk whose actor is lost is done by another one."""
    tasks = [{"task": pickle.dumps(chunk)} for chunk in chunks]
    with _ray() as cores:
        from ray.data import ActorPoolStrategy, from_items  # noqa: PLC0415 - Ray is an extra
        from ray.exceptions import OutOfMemoryError, RayActorError  # noqa: PLC0415 - Ray is an extra

        blocks = from_items(tasks, override_num_blocks=min(len(tasks), _MOST_BLOCKS))
        actors = ActorPoolStrategy(size=min(cores, len(tasks)))
        with warnings.catch_warnings():
            # which no other parameter tells
            warnings.filterwarnings("ignore", "`ray_remote_args`", DeprecationWarning)
            answers = blocks.map(
                _Actor,
                fn_constructor_args=(function, Path.cwd()),
                compute=actors,
                num_cpus=1,
                max_task_retries=_MOST_RETRIES,
            )
        what = f"A worker of the Ray cluster, started again {_MOST_RETRIES} times for the same work,"
        with _told(what, "Give its machines more memory", RayActorError, OutOfMemoryError):
            for answer in answers.iter_rows():
                results, fault = pickle.loads(answer["results"])  # noqa: S301 - written by our own actors
                if fault is not None:
                    raise fault
                yield from results


class _Actor:
    """Applies a function to chunks, in a process of the cluster."""

    def __init__(self, function: Callable[[Any], Any], folder: Path) -> None:
        self._function = function
        # names of files may be relative to it; of buckets alone a machine need not have it
        with suppress(FileNotFoundError):
            os.chdir(folder)

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        """Take a chunk, pickled, and give its results, or the error that a user should see as it is."""
        chunk = pickle.loads(row["task"])  # noqa: S301 - written by our own driver
        try:
            return {"results": pickle.dumps((_apply(self._function, chunk), None))}
        except Exception as fault:  # noqa: BLE001 - raised again where the results are taken
            return {"results": pickle.dumps(([], fault))}


@contextmanager
def _ray() -> Iterator[int]:
    """Hold a connection to a Ray cluster, and give the number of its cores; one that is open already stays open."""
    # nothing is told to anybody about the use of it
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray  # noqa: PLC0415 - Ray is an extra
        from ray.data import DataContext  # noqa: PLC0415 - Ray is an extra
    except ModuleNotFoundError as error:
        mend = "Install the extra: pip install 'breastseg[ray]'"
        raise BreastsegError(f"The package {error.name} is not installed. {mend}") from error
    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(ray)
    try:
        context = DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        yield _cores(ray)
    finally:
        if is_ours:
            ray.shutdown()


def _cores(ray: ModuleType) -> int:
    # what there is none of is not told
    cores = int(ray.cluster_resources().get("CPU", 0))
    if not cores:
        raise BreastsegError("The Ray cluster has no CPUs. Add a machine that has some: ray start --num-cpus")
    return cores


def _connect(ray: ModuleType) -> None:
    address = os.environ.get("RAY_ADDRESS") or "local"
    _require_answer(address)
    # one of our own is nobody else's to reach
    own = {"num_cpus": usable_cpus(), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        ray.init(address=address, logging_level="ERROR", log_to_driver=False, **(own if address == "local" else {}))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, error) from error


def _require_answer(address: str) -> None:
    """Knock at the cluster's door: Ray itself knocks for minutes."""
    where = urlsplit(address if "://" in address else f"//{address}")
    try:
        if where.hostname and where.port:
            socket.create_connection((where.hostname, where.port), timeout=_ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> BreastsegError:
    mend = "Look at RAY_ADDRESS; a cluster with a token wants RAY_AUTH_MODE=token, and the same token here"
    return BreastsegError(f"The Ray cluster at {address} cannot be reached ({error}). {mend}")
