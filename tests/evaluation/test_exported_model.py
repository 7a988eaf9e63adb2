"""A case judged through the exported file has the very row that the pipeline gives it from the network's logits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.png import encode_png
from breastseg.data.split_table import SplitRow
from breastseg.data.table import write_table
from breastseg.evaluation.exported_model import choose_overlays, judge_case, judge_cases
from breastseg.evaluation.judged_case import JudgedCase, Logits
from breastseg.evaluation.judgement import Judgement, judge
from breastseg.evaluation.labelled_folder import FolderCases
from breastseg.inference.letterbox import Letterbox
from breastseg.inference.segmenter import Segmenter
from tests.evaluation import world
from tests.onnx_models import MIDDLE_GREY, SIZE, SOFTNESS, write_model

if TYPE_CHECKING:
    from breastseg.data.table import PreparedCase


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    return Segmenter.load(write_model(tmp_path_factory.mktemp("model") / "m.onnx"), threads=1)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> FolderCases:
    """Cases of all kinds; of every fifth the right half, through the lesion, is not to be judged."""
    table = tmp_path_factory.mktemp("cases") / "cases.parquet"
    half = encode_png(np.tile(np.arange(world.WIDTH) >= world.WIDTH // 2, (world.HEIGHT, 1)))
    made = [replace(world.make_case(i), ignored_png=half if i % 5 == 0 else None) for i in range(40)]
    write_table(made, table)
    return FolderCases(tuple(made), 0, table)


def judged_by_the_pipeline(case: PreparedCase, segmenter: Segmenter) -> Judgement:
    """What the evaluation stage does with a network's logits; those of the hand-made model are known."""
    image = Letterbox(case.height, case.width, SIZE).image(case.image(), 1)[0]
    centred = image.astype(np.float32) - np.float32(MIDDLE_GREY)
    judged = JudgedCase.of(case, Logits(centred / np.float32(SOFTNESS), 4 * float(centred.max())))
    probability = judged.probability(segmenter.contract.operating_point.temperature)
    predicted = judged.predicted(segmenter.contract.operating_point)
    place = SplitRow(case.case_id, case.case_id, 0, "test")
    return judge("cnn_unet", case, place, probability, predicted, presence=judged.presence)


def sums(judgement: Judgement) -> list[float]:
    """Over all bins: pixels, their probability, and lesion pixels."""
    return [sum(getattr(bin_, name) for bin_ in judgement.bins) for name in ("pixels", "probability_sum", "lesion_px")]


def test_the_judgement_is_that_of_the_pipeline(segmenter: Segmenter, cases: FolderCases) -> None:
    judgements = [judged_by_the_pipeline(case, segmenter) for case in cases.read()]
    exported = list(judge_cases(segmenter, cases))
    rows = [judgement.row for judgement in judgements]
    assert [replace(judgement.row, expected_dice=0.0) for judgement in exported] == [
        replace(row, expected_dice=0.0) for row in rows
    ]
    # what sees the last bits of probabilities; one that lies on the edge of a bin may fall on either side of it
    for mine, theirs in zip(exported, judgements, strict=True):
        assert mine.row.expected_dice == pytest.approx(theirs.row.expected_dice, rel=1e-4)
        np.testing.assert_allclose(sums(mine), sums(theirs), rtol=1e-4)
    assert any(row.predicted_px for row in rows)
    assert any(row.dice not in {None, 0.0, 1.0} for row in rows)


def test_what_lies_under_ignored_pixels_changes_no_score(segmenter: Segmenter, cases: FolderCases) -> None:
    for case in cases.read():
        ignored = case.ignored()
        if ignored is not None:
            changed = replace(case, mask_png=encode_png(np.where(ignored, ~case.mask(), case.mask())))
            place = cases.places()[case.case_id]
            assert judge_case(segmenter, changed, place) == judge_case(segmenter, case, place)


def test_the_gallery_is_of_the_cases_that_the_table_names(segmenter: Segmenter, cases: FolderCases) -> None:
    rows = [judgement.row for judgement in judge_cases(segmenter, cases)]
    gallery = choose_overlays(segmenter, cases, rows, 2)
    assert {kind: len(overlays) for kind, overlays in gallery.items()} == {"best": 2, "median": 2, "worst": 2}
    best = max(row.dice for row in rows if row.dice is not None)
    assert gallery["best"][0].title.startswith(f"Dice {best:.3f}")


def test_without_lesions_the_gallery_is_of_the_largest_false_positives(
    segmenter: Segmenter, cases: FolderCases
) -> None:
    rows = [judgement.row for judgement in judge_cases(segmenter, cases) if not judgement.row.truth_px]
    gallery = choose_overlays(segmenter, cases, rows, 3)
    largest = max(row.false_positive_share or 0 for row in rows)
    assert list(gallery) == ["normal"]
    assert gallery["normal"][0].title.startswith(f"{100 * largest:.2f} % painted")
    doubtful = [replace(row, false_positive=None, false_positive_share=None) for row in rows[:1]]
    names = [overlay.title for overlay in choose_overlays(segmenter, cases, [*doubtful, *rows[1:]], 99)["normal"]]
    assert len(names) == len(rows) - 1
