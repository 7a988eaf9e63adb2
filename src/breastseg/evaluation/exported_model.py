"""Judges an exported model case by case, on all cores: the code that serves it, then the code that scores networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.parallel import threaded_map
from breastseg.evaluation.figures import Overlay, choose_cases
from breastseg.evaluation.judgement import Judgement, judge
from breastseg.evaluation.per_image import lesion_dice
from breastseg.inference.cpus import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from breastseg.data.split_table import SplitRow
    from breastseg.data.table import PreparedCase
    from breastseg.evaluation.labelled_folder import FolderCases
    from breastseg.evaluation.per_image import Row
    from breastseg.inference.segmenter import Segmenter


def judge_cases(segmenter: Segmenter, cases: FolderCases) -> Iterator[Judgement]:
    """Segment and score every case, a few in work at once, in the order of their ids.

    Cases are spread over the cores: give a model that computes one image with one thread.

    Yields:
        The judgement of each case, in the name of the contract's network.
    """
    places = cases.places()

    def judge_one(case: PreparedCase) -> Judgement:
        return judge_case(segmenter, case, places[case.case_id])

    return threaded_map(judge_one, cases.read(), usable_cpus())


def judge_case(segmenter: Segmenter, case: PreparedCase, place: SplitRow) -> Judgement:
    """Segment and score one case at native size."""
    found = segmenter.segment(case.image())
    network = segmenter.contract.network
    return judge(network, case, place, found.probability, found.mask, presence=found.presence)


def choose_overlays(
    segmenter: Segmenter, cases: FolderCases, rows: Sequence[Row], count: int
) -> dict[str, list[Overlay]]:
    """Segment the cases of the gallery again: best, median and worst lesion images.

    Where no image has a lesion, the gallery is of the normals with the largest false positives.

    Args:
        segmenter: The model.
        cases: The cases.
        rows: Their rows of the per-image table.
        count: Cases a kind.
    """
    chosen = _choose(rows, segmenter.contract.network, count)
    wanted = cases.read(row.case_id for kind in chosen.values() for row in kind)
    overlays = _overlays(segmenter, wanted, {row.case_id: _title(row) for kind in chosen.values() for row in kind})
    return {kind: [overlays[row.case_id] for row in rows_of_kind] for kind, rows_of_kind in chosen.items()}


def _choose(rows: Sequence[Row], network: str, count: int) -> dict[str, list[Row]]:
    if any(row.truth_px for row in rows):
        return choose_cases(rows, network, count)
    ranked = sorted((row for row in rows if row.normal), key=lambda row: (-_painted_share(row), row.case_id))
    return {"normal": ranked[:count]}


def _overlays(segmenter: Segmenter, cases: Iterator[PreparedCase], titles: Mapping[str, str]) -> dict[str, Overlay]:
    found = {}
    for case in cases:
        image = case.image()
        found[case.case_id] = Overlay(titles[case.case_id], image, case.mask(), segmenter.segment(image).mask)
    return found


def _title(row: Row) -> str:
    told = f"Dice {lesion_dice(row):.3f}" if row.truth_px else f"{100 * _painted_share(row):.2f} % painted"
    return f"{told}\n{row.case_id}"


def _painted_share(row: Row) -> float:
    """Share of a normal's judged pixels that is painted, 0..1."""
    if row.false_positive_share is None:
        raise ValueError(f"{row.case_id} does not count as a normal: it has no false-positive share")
    return row.false_positive_share
