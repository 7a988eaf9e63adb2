"""A file is released whole, checked and by itself, or not at all."""

from __future__ import annotations

import copy
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
import pytest

from breastseg.data.table import DOUBTFUL_NORMAL, read_table
from breastseg.errors import ProblemsError
from breastseg.evaluation.evaluate import evaluate
from breastseg.evaluation.judged_case import JudgedCase, Logits
from breastseg.evaluation.operating_points_file import read_operating_points
from breastseg.evaluation.runner import predict_logits
from breastseg.export import release as release_module
from breastseg.export.checks import Parity, compare, differences, gate_result
from breastseg.export.graph import trace
from breastseg.export.quantization import quantize_weights
from breastseg.export.release import ReleasePlan, release
from breastseg.inference.contract import METADATA_KEY, Contract, read_contract
from breastseg.inference.segmenter import Segmenter
from breastseg.params.data import Data, DataSet
from breastseg.params.evaluate import Evaluate
from breastseg.params.export import Export, Gate, Int8
from breastseg.params.inference import Inference
from breastseg.params.monitoring import Monitoring
from tests.evaluation import stage_files, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breastseg.models.network import Predictor

OPEN_GATE = Gate(min_dice=0, max_missed=1, max_normal_false_positive_rate=1, on_failure="mark")
MONITORING = Monitoring(bins=5, directions=2, folds=2, false_alarm_share=0.05, flip_share=0.0)
INT8 = Int8(max_probability_difference=0.1, max_mean_probability_difference=1e-3, max_dice_difference=2e-3)
DATA = Data(
    layout=None,
    root="data/raw",
    sets={
        "mine": DataSet(layout="busi", root="mine"),
        "made": DataSet(layout="busi", root="phantom"),
        "later": DataSet(layout="table", root="later"),
    },
)
EXPORT = Export(
    licence="MIT",
    opset=20,
    weights="float32",
    max_probability_difference=1e-3,
    max_dice_difference=1e-3,
    int8=INT8,
    gate=OPEN_GATE,
)


@pytest.fixture(scope="module", autouse=True)
def traced_once() -> Iterator[None]:
    """Trace each network once: that takes most of the time of an export."""
    models: dict[tuple[object, ...], onnx.ModelProto] = {}

    def trace_once(network: Predictor, *arguments: Any) -> onnx.ModelProto:  # noqa: ANN401 - as `trace` has them
        key = (type(network), *arguments)
        models[key] = models.get(key) or trace(network, *arguments)
        return copy.deepcopy(models[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_module, "trace", trace_once)
        yield


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables, two untrained checkpoints, and their judgement."""
    root = tmp_path_factory.mktemp("judged")
    inputs = stage_files.make_inputs(root, [world.make_case(i) for i in range(36)], stage_files.write_checkpoints(root))
    params = Evaluate(max_normal_false_positive_rate=0.1, resamples=100, seed=0, overlays=1)
    evaluate(inputs, stage_files.make_outputs(root), params)
    return root


def make_plan(judged: Path, out: Path, network: Literal["cnn_unet", "vit_unet"] = "cnn_unet") -> ReleasePlan:
    return ReleasePlan(
        network=network,
        params=EXPORT,
        monitoring=MONITORING,
        data=DATA,
        held_out_sets=("later",),
        asked=world.ONCE,
        all_params={"seed": 0},
        checkpoint=judged / network,
        operating_points=judged / "models/operating_points.json",
        statistics=judged / "metrics/statistics.json",
        table=judged / "cases.parquet",
        split=judged / "splits.csv",
        release=out / "release",
        report=out / "release.json",
    )


@pytest.fixture(scope="module")
def released(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> ReleasePlan:
    plan = make_plan(judged, tmp_path_factory.mktemp("released"))
    release(plan)
    return plan


def test_the_release_is_one_file_that_names_nothing_of_its_making(released: ReleasePlan) -> None:
    (path,) = released.release.iterdir()
    model = onnx.load(path)
    assert [prop.key for prop in model.metadata_props] == [METADATA_KEY]
    assert not [node for node in model.graph.node if node.doc_string or node.metadata_props]
    assert str(released.checkpoint.parent).encode() not in path.read_bytes()


def test_the_graph_takes_any_number_of_images_of_one_size(released: ReleasePlan) -> None:
    graph = onnx.load(released.release / "model.onnx").graph
    (image,) = graph.input
    shape = image.type.tensor_type.shape.dim
    assert (image.name, image.type.tensor_type.elem_type) == ("image", onnx.TensorProto.UINT8)
    assert shape[0].dim_param == "N"
    assert [d.dim_value for d in shape[1:]] == [1, world.SIZE, world.SIZE]


def test_the_contract_carries_the_operating_point_and_the_scores(released: ReleasePlan) -> None:
    model = onnx.load(released.release / "model.onnx")
    contract = read_contract({prop.key: prop.value for prop in model.metadata_props})
    assert contract.operating_point == read_operating_points(released.operating_points)["cnn_unet"]
    rows = json.loads(released.statistics.read_text())
    (dice,) = [r for r in rows if (r["network"], r["stratum"], r["metric"]) == ("cnn_unet", "all", "dice")]
    assert contract.scores["dice"].mean == dice["mean"]
    assert contract.scores["dice"].ci_low == dice["ci_low"]
    assert contract.scores["dice"].groups == dice["groups"]
    assert contract.licence == "MIT"
    assert contract.trained_on == ("mine", "phantom")


@pytest.mark.extended
def test_the_same_inputs_give_the_same_bytes(
    released: ReleasePlan, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_module, "trace", trace)
    again = make_plan(judged, tmp_path)
    release(again)
    assert (again.release / "model.onnx").read_bytes() == (released.release / "model.onnx").read_bytes()
    assert again.report.read_bytes() == released.report.read_bytes()


@pytest.mark.extended
def test_the_file_averages_mirror_images_where_asked_to(released: ReleasePlan, judged: Path, tmp_path: Path) -> None:
    flipping = replace(make_plan(judged, tmp_path), asked=Inference(flip_averaging=True))
    release(flipping)  # which compares it with the checkpoint asked in the same way
    image = next(read_table(flipping.table)).image()
    plain, mirrored = (
        [Segmenter.load(plan.release / "model.onnx").segment(view).probability for view in (image, image[:, ::-1])]
        for plan in (released, flipping)
    )
    assert np.abs(mirrored[0] - mirrored[1][:, ::-1]).max() < 1e-4
    assert np.abs(plain[0] - plain[1][:, ::-1]).max() > 1e-3


@pytest.mark.extended
def test_the_probabilities_are_calibrated_in_the_graph(released: ReleasePlan, judged: Path, tmp_path: Path) -> None:
    points = json.loads((judged / "models/operating_points.json").read_text())
    points["cnn_unet"]["temperature"] *= 4
    (tmp_path / "points.json").write_text(json.dumps(points))
    hot = replace(make_plan(judged, tmp_path), operating_points=tmp_path / "points.json")
    release(hot)
    image = next(read_table(hot.table)).image()
    answers = [Segmenter.load(plan.release / "model.onnx").segment(image).probability for plan in (released, hot)]
    certainties = [float(np.abs(answer - 0.5).mean()) for answer in answers]
    assert certainties[1] < certainties[0]


def refuse(plan: ReleasePlan) -> str:
    with pytest.raises(ProblemsError) as error:
        release(plan)
    assert not plan.release.exists()
    assert not plan.report.exists()
    return str(error.value)


def export_with(judged: Path, out: Path, **gate: object) -> ReleasePlan:
    """A plan whose gate differs from the open one."""
    changed = OPEN_GATE.model_copy(update=gate)
    return replace(make_plan(judged, out), params=EXPORT.model_copy(update={"gate": changed}))


def contract_of(plan: ReleasePlan) -> Contract:
    return Segmenter.load(plan.release / "model.onnx").contract


def test_a_passed_gate_is_recorded_with_its_scores(released: ReleasePlan) -> None:
    gate, report = contract_of(released).gate, json.loads(released.report.read_text())
    assert gate is not None
    assert gate.passed
    scores = {check.name: check.measured for check in gate.checks}
    assert scores == {
        "min_dice": report["dice"],
        "max_missed": report["missed"],
        "max_normal_false_positive_rate": report["normal_false_positive_rate"],
    }
    assert report["gate"] == gate.model_dump(mode="json")


@pytest.fixture(scope="module")
def marked(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReleasePlan, list[str]]:
    """What is exported though its gate failed, and the warnings that were logged."""
    plan, warnings = export_with(judged, tmp_path_factory.mktemp("marked"), min_dice=1.0), list[str]()
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("breastseg.export")
    logger.addHandler(handler)
    try:
        release(plan)
    finally:
        logger.removeHandler(handler)
    return plan, warnings


def test_a_failed_gate_marks_the_file_and_warns(marked: tuple[ReleasePlan, list[str]]) -> None:
    plan, warnings = marked
    gate, report = contract_of(plan).gate, json.loads(plan.report.read_text())
    assert gate is not None
    assert [(check.name, check.bound) for check in gate.failures] == [("min_dice", 1.0)]
    assert report["gate"] == gate.model_dump(mode="json")
    assert report["model_version"] == contract_of(plan).model_version
    (line,) = [warning for warning in warnings if "gate" in warning]
    assert f"mean Dice is {report['dice']}, at least 1.0 is required" in line
    assert "export.gate" in line


def test_a_marked_file_differs_from_a_passing_one_in_its_contract_alone(
    released: ReleasePlan, marked: tuple[ReleasePlan, list[str]]
) -> None:
    graphs = [onnx.load(plan.release / "model.onnx").graph for plan in (released, marked[0])]
    assert graphs[0] == graphs[1]
    passed, failed = contract_of(released), contract_of(marked[0])
    assert passed.model_copy(update={"gate": failed.gate}) == failed
    assert passed.model_version != failed.model_version


def test_a_failed_gate_of_a_release_says_why_and_takes_an_older_one_away(judged: Path, tmp_path: Path) -> None:
    plan = export_with(judged, tmp_path, min_dice=1.0, max_missed=0.0, on_failure="fail")
    plan.release.mkdir(parents=True)
    (plan.release / "model.onnx").write_bytes(b"an older one")
    plan.report.write_text("{}")
    said = refuse(plan)
    assert "mean Dice: is" in said
    assert "at least 1.0 is required" in said
    assert "export.gate.on_failure" in said


def shift_logits(monkeypatch: pytest.MonkeyPatch, of: str, shift: float) -> None:
    """Let the checkpoint predict other pixels, or another presence, than the exported file."""

    def shifted(*arguments: Any) -> Iterator[Logits]:  # noqa: ANN401 - as `predict_logits` has them
        return (replace(found, **{of: getattr(found, of) + shift}) for found in predict_logits(*arguments))

    monkeypatch.setattr(release_module, "predict_logits", shifted)


@pytest.mark.parametrize("of", ["pixels", "presence"])
def test_a_file_that_differs_from_its_checkpoint_is_refused_even_where_a_failed_gate_would_be_marked(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    shift_logits(monkeypatch, of, 0.1)
    said = refuse(export_with(judged, tmp_path, min_dice=1.0))
    assert "probabilities" in said
    assert "at least 1.0" not in said


def test_a_release_that_differs_and_fails_its_gate_is_refused_for_both(judged: Path, tmp_path: Path) -> None:
    plan = export_with(judged, tmp_path, min_dice=1.0, on_failure="fail")
    parity = Parity(10, 0.5, 0.5, 0.9, 0.0, 0.0, None)
    problems, gate = differences(parity, plan.params), gate_result(parity, plan.params.gate)
    with pytest.raises(ProblemsError) as error:
        release_module._require_release(plan, problems, gate)
    assert [problem.path for problem in error.value.problems] == ["mean Dice", "probabilities"]


def export_int8(judged: Path, out: Path, **bounds: float) -> ReleasePlan:
    """A plan with int8 weights, and bounds that an untrained network keeps."""
    int8 = INT8.model_copy(update={"max_mean_probability_difference": 0.05, "max_dice_difference": 0.1, **bounds})
    plan = make_plan(judged, out)
    return replace(plan, params=plan.params.model_copy(update={"weights": "int8", "int8": int8}))


def int8_tensors(path: Path) -> list[str]:
    return [t.name for t in onnx.load(path).graph.initializer if t.data_type == onnx.TensorProto.INT8]


def test_int8_weights_make_a_smaller_file_that_was_checked_as_it_is(
    released: ReleasePlan, judged: Path, tmp_path: Path
) -> None:
    plan = export_int8(judged, tmp_path)
    release(plan)
    small, large = plan.release / "model.onnx", released.release / "model.onnx"
    assert int8_tensors(small)
    assert not int8_tensors(large)
    before, after = (len(onnx.load(path).graph.SerializeToString()) for path in (large, small))
    assert after < 0.5 * before
    report, other = json.loads(plan.report.read_text()), json.loads(released.report.read_text())
    assert (report["weights"], other["weights"]) == ("int8", "float32")
    # of the file that is written, not of the one that it was made from
    assert report["max_probability_difference"] > 10 * other["max_probability_difference"]
    gate = contract_of(plan).gate
    assert gate is not None
    assert gate.model_dump(mode="json") == report["gate"]
    assert gate.checks[0].measured == report["dice"]
    image = next(read_table(plan.table)).image()
    answers = [Segmenter.load(path).segment(image).probability for path in (small, large)]
    assert 0 < np.abs(answers[0] - answers[1]).max() < 0.1


def test_int8_weights_that_are_off_by_more_than_rounding_are_refused(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(model: onnx.ModelProto) -> onnx.ModelProto:
        quantized = quantize_weights(model)
        scale = next(t for t in quantized.graph.initializer if t.name.endswith(".scale"))
        scale.CopyFrom(onnx.numpy_helper.from_array(np.roll(onnx.numpy_helper.to_array(scale), 1), scale.name))
        return quantized

    monkeypatch.setattr(release_module, "quantize_weights", broken)
    assert "is off by more than rounding to int8 explains" in refuse(export_int8(judged, tmp_path))


def test_int8_weights_that_cost_too_much_are_refused(judged: Path, tmp_path: Path) -> None:
    said = refuse(export_int8(judged, tmp_path, max_probability_difference=1e-6, max_mean_probability_difference=1e-7))
    assert "mean probabilities with int8 weights: differ from the checkpoint's by" in said
    assert "export.weights: float32" in said


def test_the_file_before_quantization_has_the_bounds_of_float32(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift_logits(monkeypatch, "pixels", 0.02)
    said = refuse(export_int8(judged, tmp_path))
    assert "probabilities: differ from the checkpoint's" in said
    assert "with int8 weights" not in said


def test_the_gate_does_not_count_a_normal_that_shows_a_lesion_image(released: ReleasePlan) -> None:
    cases = [replace(world.make_case(i), ignored_png=None) for i in range(12)]
    logits = Logits(np.full((world.SIZE, world.SIZE), 9, np.float32), 9.0)
    point = read_operating_points(released.operating_points)["cnn_unet"]
    segmenter = Segmenter.load(released.release / "model.onnx", threads=1)

    def rate(*doubtful: int) -> float | None:
        flagged = [replace(case, flags=(DOUBTFUL_NORMAL,)) if i in doubtful else case for i, case in enumerate(cases)]
        return compare(
            segmenter, flagged, [JudgedCase.of(case, logits) for case in flagged], point
        ).normal_false_positive_rate

    painted = [segmenter.segment(cases[i].image()).mask.any() for i in (0, 4, 8)]
    assert rate() == pytest.approx(np.mean(painted))
    assert rate(4) == pytest.approx(np.mean(painted[::2]))
    assert rate(0, 4, 8) is None
