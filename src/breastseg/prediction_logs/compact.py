"""Packs the parts that no service writes to any more into Parquet files in a folder or a bucket, and removes them.

A part is removed only after its packed file has been found there with all of its bytes, and that file is named after
the part: whenever the command is killed, the next one packs what is left, and nothing is there twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.monitoring.prediction_log import PARTS, lock_part
from breastseg.prediction_logs.parquet import encode_predictions
from breastseg.prediction_logs.parts import decode_part

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.storage import Store


@dataclass
class Compacted:
    """What was done.

    Attributes:
        parts: Parts that were packed and removed.
        lines: Predictions in them.
        cut: Parts whose last line a kill had cut.
        busy: Parts that a service still writes to, or that another run packs; they were left.
    """

    parts: int = 0
    lines: int = 0
    cut: int = 0
    busy: int = 0


def compact(folder: Path, store: Store) -> Compacted:
    """Pack what is in a folder.

    Args:
        folder: Of the prediction log.
        store: Where packed files go, in a folder a day.

    Raises:
        BreastsegError: There is no such folder, or the store does not take a file; parts not yet packed stay.
        ProblemsError: Parts are damaged; they stay, and all others were packed.
    """
    if not folder.is_dir():
        raise BreastsegError(f"{folder} is no folder. Name the one that BREASTSEG_PREDICTION_LOG names")
    store.make()
    done = Compacted()
    problems: list[Problem] = []
    for path in sorted(folder.glob(PARTS)):
        try:
            _compact_part(path, store, done)
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError("Some parts were left where they are, all others are packed", problems)
    return done


def _compact_part(path: Path, store: Store, done: Compacted) -> None:
    try:
        with lock_part(path) as locked:
            if not locked:
                done.busy += 1
                return
            part = decode_part(path.read_bytes(), path.name)
            if part.predictions:
                day = part.predictions[0].time.date().isoformat()
                store.write(f"date={day}/{path.stem}.parquet", encode_predictions(part.predictions))
            path.unlink()
    except FileNotFoundError:
        # another process has packed or forgotten it
        return
    except OSError as error:
        mend = "Run this as a user who may write there, on a folder that knows locks"
        raise ProblemsError("Parts cannot be packed", [Problem(path.name, f"{error.strerror}", mend)]) from error
    done.parts += 1
    done.lines += len(part.predictions)
    done.cut += part.cut
