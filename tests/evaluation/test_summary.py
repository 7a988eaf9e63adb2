from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.evaluation.report import write_statistics
from breastseg.evaluation.statistics import Statistic
from breastseg.evaluation.summary import comparison_table, format_mean, release_note
from tests.onnx_models import FAILED_GATE, PASSED_GATE

if TYPE_CHECKING:
    from pathlib import Path


def statistic(network: str, metric: str, mean: float, n: int = 50) -> Statistic:
    p_value, p_holm, p_ranks = (0.0312, 0.187, 0.91) if network == "difference" else (None, None, None)
    return Statistic(network, "all", metric, mean, mean - 0.01, mean + 0.02, n, n, p_value, p_holm, None, p_ranks)


def write(path: Path, *, normals: bool = True) -> Path:
    means = {"cnn_unet": 0.8, "vit_unet": 0.85, "difference": 0.05}
    metrics = ["dice", "iou", "nsd2", "hd95_px", "missed"] + ["false_positive"] * normals
    write_statistics([statistic(network, metric, mean) for network, mean in means.items() for metric in metrics], path)
    return path


def write_compute(path: Path) -> Path:
    write_costs({"cnn_unet": NetworkCost(5.0258, 0.39753), "vit_unet": NetworkCost(4.2351, 0.4144)}, path)
    return path


def test_the_table_shows_means_intervals_and_difference(tmp_path: Path) -> None:
    lines = comparison_table(write(tmp_path / "s.json"), write_compute(tmp_path / "c.json")).splitlines()
    assert lines[0].split() == ["groups", "cnn_unet", "vit_unet", "difference"]
    assert lines[1] == "Dice         50      0.800 [0.790, 0.820]  0.850 [0.840, 0.870]  +0.050 [+0.040, +0.070]"
    assert [line.split("  ")[0] for line in lines[1:7]] == [
        "Dice", "IoU", "NSD at 2 px", "HD95 px", "missed", "normals FPR"
    ]  # fmt: skip
    assert lines[7].split() == ["params,", "M", "5.03", "4.24"]
    assert lines[8].split() == ["MACs,", "G", "0.40", "0.41"]
    text = "\n".join(lines)
    assert "50 lesion images, 50 normals" in text
    assert "Its mean Dice: p = 0.0312 (sign flips), Holm: 0.187." in text
    assert "signed-rank test, which compares ranks and not the mean: p = 0.91." in text
    assert "One training per network: no claim about networks" in text
    assert "*" not in text
    assert lines[-1].startswith("Research use only")
    assert max(map(len, lines)) <= 100


def test_intervals_of_few_groups_are_marked(tmp_path: Path) -> None:
    few, enough = statistic("cnn_unet", "dice", 0.8, n=19), statistic("cnn_unet", "dice", 0.8, n=20)
    assert format_mean(few, 3) == "0.800 [0.790, 0.820]*"
    assert format_mean(enough, 3) == "0.800 [0.790, 0.820]"
    rows = [statistic(network, "dice", 0.8, n=19) for network in ("cnn_unet", "vit_unet", "difference")]
    rows += [statistic(network, "missed", 0.1, n=19) for network in ("cnn_unet", "vit_unet", "difference")]
    write_statistics(rows, tmp_path / "s.json")
    text = comparison_table(tmp_path / "s.json", write_compute(tmp_path / "c.json"))
    assert "* Fewer than 20 groups: the interval may be too narrow." in text


def test_what_no_case_tells_is_a_dash(tmp_path: Path) -> None:
    text = comparison_table(write(tmp_path / "s.json", normals=False), write_compute(tmp_path / "c.json"))
    assert "normals FPR  -       -                     -                     -" in text
    assert "0 normals" in text


def test_it_needs_neither_torch_nor_pandas() -> None:
    code = "import sys, breastseg.evaluation.summary; sys.exit(bool({'torch', 'pandas', 'sklearn'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "src"})  # noqa: S603 - own code


def write_release(path: Path, **facts: object) -> Path:
    path.write_text(json.dumps({"network": "vit_unet", "model_version": "0123456789ab", "cases": 50} | facts))
    return path


def test_what_was_exported_is_named_with_its_gate(tmp_path: Path) -> None:
    passed = write_release(tmp_path / "r.json", gate=PASSED_GATE.model_dump(mode="json"))
    assert release_note(passed) == "Exported: vit_unet, version 0123456789ab. Quality gate: passed."
    failed = write_release(tmp_path / "r.json", gate=FAILED_GATE.model_dump(mode="json"))
    assert release_note(failed) == (
        "Exported: vit_unet, version 0123456789ab. "
        "Quality gate: failed: mean Dice is 0.4137, at least 0.5 is required; "
        "share of missed lesion images is 0.25, at most 0.2 is allowed."
    )
    assert "Quality gate: unknown" in release_note(write_release(tmp_path / "r.json"))


def test_a_run_that_exported_nothing_says_how_to(tmp_path: Path) -> None:
    assert release_note(tmp_path / "none.json") == "No model is exported: `dvc repro export_onnx` does so."


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"network": 3, "model_version": "a"}'])
def test_a_broken_report_of_the_export_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(BreastsegError, match=r"r\.json .*`dvc repro export_onnx`"):
        release_note(tmp_path / "r.json")


def test_a_test_that_was_not_made_is_a_dash(tmp_path: Path) -> None:
    records = json.loads(write(tmp_path / "s.json").read_text())
    (tmp_path / "s.json").write_text(json.dumps([record | {"p_holm": None} for record in records]))
    assert "p = 0.0312 (sign flips), Holm: -." in comparison_table(
        tmp_path / "s.json", write_compute(tmp_path / "c.json")
    )


def test_statistics_of_one_network_are_refused(tmp_path: Path) -> None:
    records = json.loads(write(tmp_path / "s.json").read_text())
    (tmp_path / "s.json").write_text(json.dumps([record for record in records if record["network"] == "cnn_unet"]))
    with pytest.raises(BreastsegError, match=r"s\.json compares no two networks"):
        comparison_table(tmp_path / "s.json", write_compute(tmp_path / "c.json"))
