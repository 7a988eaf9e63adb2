"""Draws the split: folds, stratified by label, that part no patient and no near-duplicates unless asked to."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from breastseg.data.csv_file import write_csv
from breastseg.data.groups import group_cases
from breastseg.data.split_table import SUBSETS, SplitRow, Subset
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from breastseg.data.table import CaseRow
    from breastseg.params.split import Split

_log = logging.getLogger(__name__)

Strings = npt.NDArray[np.str_]
Folds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CountRow:
    """How many cases and groups of a label in a data set a subset holds."""

    subset: Subset
    dataset: str
    label: str
    cases: int
    groups: int


def make_split(rows: Sequence[CaseRow], params: Split) -> list[SplitRow]:
    """Assign every case to a fold and to a subset.

    Folds are stratified by data set and label; a label that is rare in a set is drawn with the same one of the others.
    They depend on the cases, `seed`, `folds`, `held_out_sets` and `grouped` alone, so that all choices of `params.fold`
    together are one cross-validation, and all choices of `params.train_share` share their validation and test cases.
    Cases of sets that are held out are in no fold's turn: they have the chosen one. Where `params.grouped` is false,
    groups are parted, and a warning says so.

    Args:
        rows: The cases.
        params: `val_share` is met as nearly as 1/2, 1/3, 1/4, … allow.

    Returns:
        One row a case, in the order of `rows`.

    Raises:
        ProblemsError: A label has fewer groups than folds, or too few for the validation set; or a set that is held out
            is not there, or nothing is left without them.
    """
    labels, sets = (np.array([getattr(row, name) for row in rows]) for name in ("label", "dataset"))
    groups = np.array(group_cases(rows))
    units = groups if params.grouped else np.array([row.case_id for row in rows])
    folds = np.full(len(rows), params.fold)
    drawn = np.flatnonzero(~_held_out(sets, units, params.held_out_sets))
    folds[drawn] = _folds(
        _strata(sets[drawn], labels[drawn], units[drawn], params.folds),
        units[drawn],
        params.folds,
        params.seed,
        "Lower split.folds",
    )
    subsets = np.where(folds == params.fold, "test", "train").astype(object)
    rest = np.flatnonzero(folds != params.fold)
    count = round(1 / params.val_share)
    strata = _strata(sets[rest], labels[rest], units[rest], count)
    parts = _folds(strata, units[rest], count, params.seed, "Raise split.val_share")
    subsets[rest[parts == 0]] = "val"
    if not params.grouped:
        _warn_of_leaks(groups, subsets)
    train = np.flatnonzero(subsets == "train")
    subsets[train[~_kept(labels[train], units[train], params.train_share, params.seed)]] = "unused"
    places = zip(rows, groups.tolist(), folds.tolist(), subsets.tolist(), strict=True)
    return [SplitRow(row.case_id, group, fold, subset) for row, group, fold, subset in places]


def count_table(rows: Sequence[CaseRow], split: Sequence[SplitRow]) -> list[CountRow]:
    """Count cases and groups, one row per subset, data set and label; `rows` and `split` are in the same order."""
    pairs = list(zip(rows, split, strict=True))
    cases = Counter((place.subset, row.dataset, row.label) for row, place in pairs)
    found = {(place.subset, row.dataset, row.label, place.group) for row, place in pairs}
    groups = Counter((subset, dataset, label) for subset, dataset, label, _ in found)
    subsets = [subset for subset in SUBSETS if any(place.subset == subset for place in split)]
    kinds = sorted({(row.dataset, row.label) for row in rows})
    return [
        CountRow(subset, dataset, label, cases[subset, dataset, label], groups[subset, dataset, label])
        for subset in subsets
        for dataset, label in kinds
    ]


def write_counts(rows: Sequence[CountRow], path: Path) -> None:
    """Write the table of counts as CSV with the columns `subset`, `dataset`, `label`, `cases`, `groups`."""
    write_csv(CountRow, rows, path)


def _warn_of_leaks(groups: Strings, subsets: npt.NDArray[np.object_]) -> None:
    places = Counter(group for group, _ in set(zip(groups.tolist(), subsets.tolist(), strict=True)))
    parted = sum(count > 1 for count in places.values())
    message = "split.grouped is false: %d of %d groups of patients and near-duplicates are parted; scores will flatter"
    _log.warning(message, parted, len(places))


def _held_out(sets: Strings, units: Strings, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Find the cases of sets that are held out, and of units that hold such a case: bool `[cases]`."""
    known = sorted(set(sets.tolist()))
    if unknown := [name for name in names if name not in known]:
        fix = f"The data sets are {', '.join(known)}"
        problems = [Problem(name, "is in split.held_out_sets but is not a data set", fix) for name in unknown]
        raise ProblemsError("Unknown data sets", problems)
    held_out = np.isin(units, units[np.isin(sets, names)])
    if held_out.all():
        nothing = Problem("split.held_out_sets", "leave nothing to train on", "Hold out fewer")
        raise ProblemsError("All data sets are held out", [nothing])
    return held_out


def _strata(sets: Strings, labels: Strings, units: Strings, parts: int) -> Strings:
    """Name the stratum of every case: its set and label, or the label alone where its set has too few units of it."""
    strata = np.char.add(np.char.add(sets, ", "), labels)
    for label in np.unique(labels):
        of_label = labels == label
        few = [stratum for stratum in np.unique(strata[of_label]) if _count(units[strata == stratum]) < parts]
        pooled = np.isin(strata, few)
        # too few together are drawn with those of all sets
        strata[pooled if _count(units[pooled]) >= parts else pooled.any() & of_label] = label
    return strata


def _count(units: Strings) -> int:
    return len(np.unique(units))


def _kept(labels: Strings, units: Strings, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Choose a share of each label's units, at least one: bool `[cases]`. A smaller share is a part of a larger one."""
    names, first = np.unique(units, return_index=True)
    order = np.random.default_rng(seed).permutation(len(names))
    kept = [
        names[chosen[: max(1, round(share * len(chosen)))]]
        for label in np.unique(labels[first])
        for chosen in [order[labels[first][order] == label]]
    ]
    return np.isin(units, np.concatenate(kept))


def _folds(labels: Strings, groups: Strings, parts: int, seed: int, mend: str) -> Folds:
    """Number the part of every case, from 0: int64 `[cases]`."""
    _check_sizes(labels, groups, parts, mend)
    folds = np.zeros(len(labels), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=seed)
    for part, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
        folds[held_out] = part
    return folds


def _check_sizes(labels: Strings, groups: Strings, parts: int, mend: str) -> None:
    sizes = {str(label): len(np.unique(groups[labels == label])) for label in np.unique(labels)}
    problems = [
        Problem(f"label {label}", f"has {size} groups for {parts} parts", f"{mend}, or add cases of other patients")
        for label, size in sizes.items()
        if size < parts
    ]
    if problems:
        raise ProblemsError("Too few groups to split", problems)
