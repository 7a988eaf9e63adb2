"""Joins masks that people have drawn later with what the service had answered: real Dice, and how well it was foretold.

A mask belongs to the answer whose request id its file is named after; of a request of several files, to the one whose
place follows: `<id>.png`, `<id>.<index>.png`. Clients choose ids with the header X-Request-Id.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr, t

from breastseg.data.flag_tally import FlagTally
from breastseg.data.layouts.masks import MaskError, decode_bright_mask, read_bright_mask
from breastseg.data.quality import mask_flags
from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.metrics import score
from breastseg.inference.raster import DecodeError
from breastseg.monitoring.run_length import decode_runs
from breastseg.prediction_logs.queue import BY_CHANCE, Reason, Wish
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from breastseg.data.cases import MaskLayers
    from breastseg.monitoring.prediction import Prediction

_ID_MEND = "Name it after the answer's request id: <id>.png, or <id>.<index>.png for a file of several"
_FEWEST = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labelled:
    """One answer beside the truth; a row of labelled.csv.

    Attributes:
        time: When it was given.
        request_id: See `Prediction`.
        index: The same.
        contract_sha256: The same, of the model.
        reason: Why it was outlined, as the queue says; None where that was not told.
        truth_px: Lesion pixels in the truth.
        dice: Of the answer; None without a lesion in the truth, where `false_positive` tells.
        missed: Whether nothing was found of a lesion; None without one.
        false_positive: Whether anything was found where there is no lesion; None with one.
        expected_dice: What the service had foretold; None if it could not.
    """

    time: datetime
    request_id: str
    index: int
    contract_sha256: str
    reason: Reason | None
    truth_px: int
    dice: float | None
    missed: bool | None
    false_positive: bool | None
    expected_dice: float | None


@dataclass(frozen=True)
class Foretelling:
    """How well the expected Dice foretold the real one.

    Attributes:
        answers: Answers to lesion images that had an expected Dice.
        rank_correlation: Spearman's of both; None for fewer than three, or where either is always the same.
        mean_error: Mean of expected minus real.
        mean_absolute_error: Mean of its size.
    """

    answers: int
    rank_correlation: float | None
    mean_error: float | None
    mean_absolute_error: float | None


def label(predictions: Sequence[Prediction], masks: Path, wishes: Sequence[Wish] = ()) -> list[Labelled]:
    """Join masks with answers; of several answers under one id, the last counts, for a client may ask again.

    What is unusual about masks, see `mask_flags`, is logged.

    Args:
        predictions: The earliest first.
        masks: A folder of PNG files, each of the size of its image; bright is lesion, see `read_bright_mask`.
        wishes: The queue that people worked through, which says what was drawn by chance.

    Raises:
        BreastsegError: There is no mask.
        ProblemsError: Masks belong to no answer, cannot be read, are not masks or have another size; all of them are
            named.
    """
    files = sorted(masks.glob("*.png")) if masks.is_dir() else []
    if not files:
        raise BreastsegError(f"{masks} holds no mask. Name a folder of PNG files, <request id>.png")
    answers = _by_name(predictions)
    reasons = {(wish.request_id, wish.index): wish.reason for wish in wishes}
    rows: list[Labelled] = []
    problems: list[Problem] = []
    flags = FlagTally()
    for file in files:
        try:
            found = _answer_to(file, answers)
            truth = _read_mask(file)
            rows.append(_judge(truth.lesion, found, reasons.get((found.request_id, found.index))))
            flags.add(file.stem, mask_flags(truth.lesion, [truth]))
        except _FaultyMaskError as fault:
            problems.append(Problem(str(file), str(fault), fault.mend))
    if problems:
        raise ProblemsError("Nothing was labelled, for some masks cannot be used", problems)
    for line in flags.lines():
        _log.warning(line)
    return sorted(rows, key=lambda row: (row.time, row.request_id, row.index))


def by_day(rows: Iterable[Labelled]) -> dict[str, list[Labelled]]:
    """Return the rows of each day, the earliest first."""
    days: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        days[row.time.date().isoformat()].append(row)
    return dict(sorted(days.items()))


@dataclass(frozen=True)
class TrafficDice:
    """What the Dice of all traffic is, by the lesion images that were drawn by chance.

    Attributes:
        images: How many.
        mean: Of their Dice.
        low: Limits of its 95 % interval, by the t distribution.
        high: The same.
    """

    images: int
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Say it in words."""
        return f"Dice {self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def traffic_dice(rows: Iterable[Labelled]) -> TrafficDice | None:
    """Return the Dice of all traffic; None where fewer than three lesion images were drawn by chance."""
    dice = np.array([row.dice for row in rows if row.dice is not None and row.reason == BY_CHANCE])
    if len(dice) < _FEWEST:
        return None
    error = float(dice.std(ddof=1) / np.sqrt(len(dice))) * float(t.ppf(0.975, len(dice) - 1))
    mean = float(dice.mean())
    return TrafficDice(len(dice), mean, max(0.0, mean - error), min(1.0, mean + error))


def foretelling(rows: Iterable[Labelled]) -> Foretelling:
    """Hold expected Dice against the real one."""
    pairs = [(row.expected_dice, row.dice) for row in rows if row.expected_dice is not None and row.dice is not None]
    if not pairs:
        return Foretelling(0, None, None, None)
    expected, real = np.array(pairs, dtype=np.float64).T
    told = len(pairs) >= _FEWEST and np.ptp(expected) > 0 and np.ptp(real) > 0
    return Foretelling(
        answers=len(pairs),
        rank_correlation=float(spearmanr(expected, real).statistic) if told else None,
        mean_error=float((expected - real).mean()),
        mean_absolute_error=float(np.abs(expected - real).mean()),
    )


def format_truth(rows: Sequence[Labelled]) -> str:
    """Say in a line a day what the truth has shown, and how well it was foretold; of each model by itself."""
    models: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        models[row.contract_sha256].append(row)
    if len(models) == 1:
        return _format_of_model(rows)
    return "\n".join(f"Model {sha[:12]}:\n{_format_of_model(held)}" for sha, held in models.items())


def _format_of_model(rows: Sequence[Labelled]) -> str:
    lines = [f"{day}: {_sentence(held)}" for day, held in by_day(rows).items()]
    told = foretelling(rows)
    if told.rank_correlation is not None:
        rank = f"rank correlation {told.rank_correlation:.2f}"
        lines.append(f"Expected and real Dice of {told.answers} lesion images: {rank}")
    if (all_traffic := traffic_dice(rows)) is not None:
        lines.append(f"All traffic, by {counted(all_traffic.images, 'lesion image')} drawn by chance: {all_traffic}")
    return "\n".join(lines)


def _sentence(rows: Sequence[Labelled]) -> str:
    dice = [row.dice for row in rows if row.dice is not None]
    told = foretelling(rows)
    mean = f", Dice {np.mean(dice):.3f} of {counted(len(dice), 'lesion image')}" if dice else ""
    expected = f", expected minus real {told.mean_error:+.3f}" if told.mean_error is not None else ""
    missed, alarms = sum(bool(row.missed) for row in rows), sum(bool(row.false_positive) for row in rows)
    return f"{counted(len(rows), 'answer')}{mean}{expected}, {missed} missed, {counted(alarms, 'false alarm')}"


class _FaultyMaskError(Exception):
    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def _by_name(predictions: Iterable[Prediction]) -> dict[str, list[Prediction]]:
    """Return the last answer of each place under each name that it goes by: an id may end like another's place."""
    last = {(prediction.request_id, prediction.index): prediction for prediction in predictions}
    answers: dict[str, list[Prediction]] = defaultdict(list)
    for (request_id, index), prediction in last.items():
        for name in {f"{request_id}.{index}", *([] if index else [request_id])}:
            answers[name].append(prediction)
    return answers


def _answer_to(file: Path, answers: Mapping[str, Sequence[Prediction]]) -> Prediction:
    found = answers.get(file.stem, ())
    if not found:
        raise _FaultyMaskError("belongs to no answer in the log", _ID_MEND)
    if len(found) > 1:
        raise _FaultyMaskError("could belong to several answers", "Name it <id>.<index>.png, with the index 0 too")
    return found[0]


def _judge(truth: npt.NDArray[np.bool_], found: Prediction, reason: Reason | None) -> Labelled:
    if truth.shape != (found.height, found.width):
        size = f"{truth.shape[1]} x {truth.shape[0]}"
        raise _FaultyMaskError(
            f"has {size} pixels, its image {found.width} x {found.height}", "Draw it at the image's own size"
        )
    scores = score(truth, decode_runs(found.runs, (found.height, found.width)), np.ones_like(truth))
    return Labelled(
        time=found.time,
        request_id=found.request_id,
        index=found.index,
        contract_sha256=found.contract_sha256,
        reason=reason,
        truth_px=scores.truth_px,
        dice=scores.dice,
        missed=scores.missed,
        false_positive=scores.false_positive,
        expected_dice=found.expected_dice,
    )


def _read_mask(file: Path) -> MaskLayers:
    try:
        return read_bright_mask(decode_bright_mask(file.read_bytes()))
    except MaskError as error:
        raise _FaultyMaskError(str(error), error.mend) from error
    except (OSError, DecodeError) as error:
        raise _FaultyMaskError(f"cannot be read ({error})", "Save it again as PNG") from error
