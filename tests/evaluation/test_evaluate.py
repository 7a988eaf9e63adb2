from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.png import encode_png
from breastseg.data.table import DOUBTFUL_NORMAL
from breastseg.errors import BreastsegError
from breastseg.evaluation import evaluate as module
from breastseg.evaluation.compute_file import NetworkCost
from breastseg.evaluation.evaluate import Inputs, Outputs, evaluate, report
from breastseg.evaluation.judged_case import Logits
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.reliability import read_bins
from breastseg.inference.letterbox import Letterbox
from tests.evaluation import stage_files, world

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from breastseg.data.table import PreparedCase
    from breastseg.params.evaluate import Evaluate
    from breastseg.params.inference import Inference

pytestmark = pytest.mark.integration


def contents(outputs: Outputs) -> list[bytes]:
    """The bytes of every out."""
    *files, overlays = vars(outputs).values()
    return [path.read_bytes() for path in (*files, *sorted(overlays.iterdir()))]


@pytest.fixture(scope="module")
def done(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory, params: Evaluate) -> Outputs:
    """A judgement that was carried out; tests look at it only."""
    outputs = stage_files.make_outputs(tmp_path_factory.mktemp("done"))
    evaluate(inputs, outputs, params)
    return outputs


def test_every_validation_and_test_case_has_a_row_of_each_network(done: Outputs) -> None:
    rows = read_rows(done.per_image)
    expected = {
        (network, f"case {i:03}", ("train", "val", "test")[i % 3])
        for network in ("cnn_unet", "vit_unet")
        for i in range(36)
        if i % 3
    }
    assert {(row.network, row.case_id, row.subset) for row in rows} == expected
    assert len(rows) == len(expected)
    lesions = {(row.network, row.case_id) for row in rows if row.truth_px and row.subset == "test"}
    assert {(bin_.network, bin_.case_id) for bin_ in read_bins(done.reliability)} == lesions
    assert {path.name for path in done.overlays.iterdir()} == {"cnn_unet.png", "vit_unet.png"}


def test_the_headline_can_be_computed_from_the_per_image_table_by_anybody(done: Outputs) -> None:
    rows = [row for row in read_rows(done.per_image) if row.subset == "test"]
    numbers = json.loads(done.headline.read_text())
    means = {}
    for network in ("cnn_unet", "vit_unet"):
        own = [row for row in rows if row.network == network]
        for metric in ("dice", "iou", "nsd2", "hd95_px"):
            values = [getattr(row, metric) for row in own if row.truth_px]
            means[network, metric] = np.mean(values)
            assert numbers[network][metric] == pytest.approx(means[network, metric], rel=1e-5)
        assert numbers[network]["missed"] == sum(row.missed or 0 for row in own)
        normals = [row.false_positive or 0 for row in own if not row.truth_px]
        assert numbers[network]["normal_fpr"] == pytest.approx(np.mean(normals), rel=1e-5)
    difference = means["vit_unet", "dice"] - means["cnn_unet", "dice"]
    assert numbers["difference"]["dice"] == pytest.approx(difference, rel=1e-4, abs=1e-6)


def test_the_report_comes_from_the_per_image_table_and_its_bins_alone(
    done: Outputs, tmp_path: Path, params: Evaluate
) -> None:
    copy = stage_files.make_outputs(tmp_path / "copy")
    copy.per_image.parent.mkdir(parents=True)
    copy.per_image.write_bytes(done.per_image.read_bytes())
    copy.reliability.write_bytes(done.reliability.read_bytes())
    report(copy, params)
    assert copy.risk_coverage.read_bytes() == done.risk_coverage.read_bytes()
    assert copy.headline.read_bytes() == done.headline.read_bytes()
    assert copy.statistics.read_bytes() == done.statistics.read_bytes()


@pytest.mark.extended
def test_the_same_inputs_give_the_same_bytes(done: Outputs, inputs: Inputs, tmp_path: Path, params: Evaluate) -> None:
    again = stage_files.make_outputs(tmp_path / "again")
    evaluate(inputs, again, params)
    assert contents(again) == contents(done)


def test_the_operating_point_never_sees_test_cases(
    done: Outputs, checkpoints: dict[str, Path], tmp_path: Path, params: Evaluate
) -> None:
    full = np.ones((world.HEIGHT, world.WIDTH), np.bool_)
    cases = [world.make_case(index) for index in range(36)]

    def changed(subset: int) -> Outputs:
        masks = [replace(c, mask_png=encode_png(full)) if i % 3 == subset else c for i, c in enumerate(cases)]
        outputs = stage_files.make_outputs(tmp_path / f"changed {subset}")
        evaluate(stage_files.make_inputs(tmp_path / f"inputs {subset}", masks, checkpoints), outputs, params)
        return outputs

    validation, test = changed(1), changed(2)
    assert test.operating_points.read_bytes() == done.operating_points.read_bytes()
    assert test.headline.read_bytes() != done.headline.read_bytes()
    assert validation.operating_points.read_bytes() != done.operating_points.read_bytes()


def test_a_test_set_without_a_lesion_is_refused(checkpoints: dict[str, Path], tmp_path: Path, params: Evaluate) -> None:
    black = encode_png(np.zeros((world.HEIGHT, world.WIDTH), np.bool_))
    cases = [world.make_case(i) for i in range(12)]
    cases = [replace(case, mask_png=black) if i % 3 == 2 else case for i, case in enumerate(cases)]
    with pytest.raises(BreastsegError, match="No test case has a lesion"):
        evaluate(stage_files.make_inputs(tmp_path, cases, checkpoints), stage_files.make_outputs(tmp_path), params)


@pytest.mark.extended
def test_what_lies_under_ignored_pixels_changes_no_score(
    done: Outputs, checkpoints: dict[str, Path], tmp_path: Path, params: Evaluate
) -> None:
    cases = [world.make_case(index) for index in range(36)]
    for i, case in enumerate(cases):
        ignored = case.ignored()
        if ignored is not None:
            cases[i] = replace(case, mask_png=encode_png(np.where(ignored, ~case.mask(), case.mask())))
    outputs = stage_files.make_outputs(tmp_path / "changed")
    evaluate(stage_files.make_inputs(tmp_path / "changed inputs", cases, checkpoints), outputs, params)
    assert outputs.per_image.read_bytes() == done.per_image.read_bytes()
    assert outputs.reliability.read_bytes() == done.reliability.read_bytes()
    assert outputs.operating_points.read_bytes() == done.operating_points.read_bytes()


def test_a_normal_that_shows_a_lesion_image_has_no_part_in_the_operating_point(
    tmp_path: Path, params: Evaluate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of such cases white ones are added: as normals, they would move the presence threshold."""
    monkeypatch.setattr(module, "predict_logits", _brightness)
    monkeypatch.setattr(module, "measure_cost", lambda *_: NetworkCost(1.0, 2.0))
    cases = [world.make_case(index) for index in range(18)]
    white = encode_png(np.full((world.HEIGHT, world.WIDTH), 255, np.uint8))
    empty = encode_png(np.zeros((world.HEIGHT, world.WIDTH), np.bool_))
    added = [
        replace(world.make_case(index), label="normal", lesions=0, image_png=white, mask_png=empty, ignored_png=None)
        for index in range(18, 24)
    ]
    networks = {name: tmp_path / name for name in ("cnn_unet", "vit_unet")}

    def evaluated(name: str, *others: PreparedCase) -> Outputs:
        outputs = stage_files.make_outputs(tmp_path / name)
        evaluate(stage_files.make_inputs(tmp_path / f"inputs {name}", [*cases, *others], networks), outputs, params)
        return outputs

    without = evaluated("without")
    doubtful = evaluated("doubtful", *(replace(case, flags=(DOUBTFUL_NORMAL,)) for case in added))
    assert doubtful.operating_points.read_bytes() == without.operating_points.read_bytes()
    assert doubtful.headline.read_bytes() == without.headline.read_bytes()
    assert len(read_rows(doubtful.per_image)) == len(read_rows(without.per_image)) + 2 * 4
    assert "4 normals (2 val, 2 test) are near-duplicates of lesion images and are not counted" in caplog.text
    assert evaluated("sure", *added).operating_points.read_bytes() != without.operating_points.read_bytes()


def _brightness(_: Path, cases: Iterable[PreparedCase], _asked: Inference) -> Iterator[Logits]:
    """Logits of a network that takes bright for lesion."""
    for case in cases:
        image = Letterbox(case.height, case.width, world.SIZE).image(case.image(), 1)[0]
        yield Logits((image.astype(np.float32) - np.float32(100)) / np.float32(20), float(image.mean()) / 20 - 5)
