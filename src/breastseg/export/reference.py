"""Makes the reference profile of a model from validation cases, which none of its weights was fitted to."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from breastseg.errors import BreastsegError
from breastseg.evaluation.distributions import distributions_of
from breastseg.evaluation.json_file import significant
from breastseg.monitoring.answer_features import EMPTY
from breastseg.monitoring.expected_dice import FEATURES
from breastseg.monitoring.image_features import SIZE_FEATURES
from breastseg.monitoring.novelty import Place
from breastseg.monitoring.profile import ExpectedDice, Novelty, Profile, Subspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from breastseg.monitoring.observation import Observation
    from breastseg.params.monitoring import Monitoring

    Floats = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)

# keeps the line from leaning on one feature where there are few cases
_RIDGE = 1.0
# of a direction, in squared standard deviations of a feature: what varies less would tell noise and rounding apart
_LEAST_VARIANCE = 1e-3
# of unseen reference images whose distance is the unit of novelty: with the median, the kind of number with the longer
# tail would drown the other
_TYPICAL_SHARE = 0.9
# of its value, or of one: what hardly differs among the cases, such as the size where all have one, is held to differ
# by so much. Less would be what numbers are rounded by, and all that is not just the same would be infinitely far
_LEAST_SCALE = 0.01


@dataclass(frozen=True)
class Reference:
    """One validation case with what the exported file says about it.

    Attributes:
        group: What no split parts; never partly fitted to and partly judged.
        observation: Of the image and the answer.
        dice: Real Dice of the answer; None for a normal.
    """

    group: str
    observation: Observation
    dice: float | None


def make_profile(cases: Sequence[Reference], params: Monitoring) -> Profile:
    """Make the profile; numbers have six significant digits, so that a platform's last bits do not reach it.

    Raises:
        BreastsegError: Too few groups, or too few with a lesion, for `params.folds`.
    """
    return Profile(
        images=len(cases),
        distributions=distributions_of([case.observation.features for case in cases], params.bins),
        novelty=_novelty(cases, params),
        expected_dice=_expected_dice(_telling(cases, params.folds), params.folds),
        flip_share=params.flip_share,
        design_effect=_design_effect([case.group for case in cases]),
    )


def _telling(cases: Sequence[Reference], folds: int) -> list[Reference]:
    """Return the lesion images that were not missed; of a network that misses nearly all, the missed ones too."""
    hit = [case for case in cases if _tells(case)]
    if len({case.group for case in hit}) >= folds:
        return hit
    _log.warning("Nearly all lesions of the validation set are missed: the expected Dice is fitted to misses too")
    return [case for case in cases if case.dice is not None]


def _tells(case: Reference) -> bool:
    """Tell whether there is a Dice to foretell: of a lesion that was missed it is 0, as of any empty answer."""
    return case.dice is not None and not case.observation.answer[EMPTY]


def _design_effect(groups: Sequence[str]) -> float:
    """Return the mean size of the group that an image is in: as if images of a group were all the same."""
    sizes = Counter(groups).values()
    return significant(sum(size**2 for size in sizes) / len(groups))


def _novelty(cases: Sequence[Reference], params: Monitoring) -> Novelty:
    names = tuple(name for name in cases[0].observation.image if name not in SIZE_FEATURES)
    blocks = [
        np.array([[case.observation.image[name] for name in names] for case in cases]),
        np.array([case.observation.embedding for case in cases], dtype=np.float64),
    ]
    folds = _folds([case.group for case in cases], params.folds)
    # features of an image are few: each direction of theirs has its own variance
    directions = (len(names), params.directions)
    unseen = [_unseen_distances(block, folds, count) for block, count in zip(blocks, directions, strict=True)]
    typical = [significant(float(np.quantile(distances, _TYPICAL_SHARE))) for distances in unseen]
    scores = np.sqrt(sum(distances / usual for distances, usual in zip(unseen, typical, strict=True)))
    threshold = significant(float(np.quantile(scores, 1 - params.false_alarm_share)))
    image, embedding = (
        _subspace(block, count, usual) for block, count, usual in zip(blocks, directions, typical, strict=True)
    )
    above = significant(float((scores > threshold).mean()))
    return Novelty(features=names, image=image, embedding=embedding, threshold=threshold, false_alarm_share=above)


def _unseen_distances(values: Floats, folds: Places, directions: int) -> Floats:
    """Squared distance of every row from the subspace of the other folds' rows: in-sample ones are too small."""
    found = np.zeros(len(values))
    for inside, outside in _parts(folds):
        place = Place(_subspace(values[inside], directions, 1.0))
        found[outside] = [place.squared_distance(row) for row in values[outside]]
    return found


def _subspace(values: Floats, directions: int, typical: float) -> Subspace:
    centre, scale = _standardisation(values)
    _, singular, rows = np.linalg.svd((values - centre) / scale, full_matrices=False)
    variances = singular**2 / max(1, len(values) - 1)
    kept = min(directions, len(variances) - 1)
    others = values.shape[1] - kept
    rest = max(float(variances[kept:].sum()) / max(1, others), _LEAST_VARIANCE)
    # a direction of less than the rest's variance would be trusted more than what was never looked at
    return Subspace(
        centre=_rounded(centre),
        scale=_rounded(scale),
        directions=tuple(_rounded(_signed(row)) for row in rows[:kept]),
        variances=_rounded(np.maximum(variances[:kept], rest)),
        rest_variance=significant(rest),
        typical=typical,
    )


def _standardisation(values: Floats) -> tuple[Floats, Floats]:
    """Return the centre and the scale of each column."""
    centre = values.mean(axis=0)
    return centre, np.maximum(values.std(axis=0), _LEAST_SCALE * np.maximum(1, np.abs(centre)))


def _signed(row: Floats) -> Floats:
    """Turn a direction so that its largest value is positive: which way it points is the library's whim."""
    return row if row[np.abs(row).argmax()] > 0 else -row


def _expected_dice(cases: Sequence[Reference], folds: int) -> ExpectedDice:
    dice = np.array([case.dice for case in cases], dtype=np.float64)
    raw = np.array([[case.observation.answer[name] for name in FEATURES] for case in cases], dtype=np.float64)
    with np.errstate(all="ignore"):
        fill = np.array([np.median(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0 for column in raw.T])
    filled = np.where(np.isnan(raw), fill, raw)
    foretold = np.zeros(len(dice))
    for inside, outside in _parts(_folds([case.group for case in cases], folds)):
        weights, intercept = _line(filled[inside], dice[inside])
        foretold[outside] = (filled[outside] @ weights + intercept).clip(0, 1)
    weights, intercept = _line(filled, dice)
    varied = np.ptp(foretold) > 0 and np.ptp(dice) > 0
    correlation = float(spearmanr(foretold, dice).statistic) if varied else 0.0
    return ExpectedDice(
        features=FEATURES,
        fill=_rounded(fill),
        weights=_rounded(weights),
        intercept=significant(intercept),
        rank_correlation=significant(correlation),
        n=len(dice),
    )


def _line(values: Floats, wanted: Floats) -> tuple[Floats, float]:
    """Fit a line by ridge regression over scaled values (Hoerl and Kennard 1970)."""
    centre, scale = _standardisation(values)
    scaled = (values - centre) / scale
    slope = np.linalg.solve(scaled.T @ scaled + _RIDGE * np.eye(len(centre)), scaled.T @ (wanted - wanted.mean()))
    weights = slope / scale
    return weights, float(wanted.mean() - weights @ centre)


def _folds(groups: Sequence[str], folds: int) -> Places:
    """Number each case's fold: groups go round, in the order of their names."""
    names = sorted(set(groups))
    if len(names) < folds:
        raise BreastsegError(
            f"The validation set has {len(names)} groups that the reference profile needs, monitoring.folds asks for "
            f"{folds}. Lower monitoring.folds, or raise split.val_share"
        )
    number = {name: place % folds for place, name in enumerate(names)}
    return np.array([number[group] for group in groups])


def _parts(folds: Places) -> Iterator[tuple[Places, Places]]:
    """For each fold the cases outside of it and those inside."""
    for fold in range(int(folds.max()) + 1):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(significant(float(value)) for value in values)
