from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.evaluation.labelled import write_lesions, write_normals
from tests.onnx_models import bright_image, write_model

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[1]


def run(*arguments: str | Path, before: str = "pass", folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in a folder; `before` is Python that comes first."""
    program = f"import sys; {before}; from breastseg.cli import app; app(prog_name='breastseg')"
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program, *map(str, arguments)],
        env={name: value for name, value in os.environ.items() if not name.startswith("BREASTSEG_")}
        | {"PYTHONPATH": str(REPOSITORY / "src")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_says_what_it_is_for_and_loads_nothing_heavy() -> None:
    done = run("--help", before="import atexit; atexit.register(lambda: print('LOADED', *sys.modules))")
    assert done.returncode == 0
    text, _, loaded = done.stdout.partition("LOADED")
    assert "Research use only" in text
    assert {"numpy", "onnxruntime", "fastapi", "torch", "pydantic"}.isdisjoint(loaded.split())


# a signal comes while the service is still importing
_SIGNALLED = """import os, signal
class Finder:
    def find_spec(self, name, *_):
        if name == "uvicorn":
            os.kill(os.getpid(), signal.{name})
sys.meta_path.insert(0, Finder())"""


def test_a_service_that_is_ended_while_it_starts_ends_with_status_0(tmp_path: Path) -> None:
    done = run("serve", "--model", tmp_path / "m.onnx", before=_SIGNALLED.format(name="SIGTERM"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_new_model_that_is_told_of_while_the_service_starts_does_not_end_it(tmp_path: Path) -> None:
    done = run("serve", "--model", tmp_path / "m.onnx", before=_SIGNALLED.format(name="SIGHUP"))
    assert (done.returncode, "there is no such model file" in done.stderr) == (1, True)


def test_predict_writes_masks_and_says_where(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.onnx")
    Image.fromarray(bright_image(40, 50, (10, 10, 30, 30))).save(tmp_path / "a.png")
    done = run("predict", tmp_path / "a.png", "--model", model, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 image: 1 with a lesion, 0 without, 0 failed." in done.stdout
    assert f"Masks, lesions.csv and predictions.jsonl are in {tmp_path / 'out'}. Research use only" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png"]
    assert json.loads((tmp_path / "out" / "predictions.jsonl").read_text(encoding="utf-8"))["mask"] == "a.png"


def test_an_error_that_a_user_can_mend_comes_without_a_trace(tmp_path: Path) -> None:
    done = run("predict", tmp_path / "gone.png", "--model", tmp_path / "m.onnx", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "gone.png: does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_is_a_file_is_told_without_a_trace(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.onnx")
    Image.fromarray(bright_image(40, 50, (10, 10, 30, 30))).save(tmp_path / "a.png")
    done = run("predict", tmp_path / "a.png", "--model", model, "--out", model)
    assert done.returncode == 1
    assert f"Cannot write to {model}" in done.stderr
    assert "Traceback" not in done.stderr


def test_predict_needs_no_extra_and_serve_names_the_one_it_needs(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.onnx")
    Image.fromarray(bright_image(40, 50, (10, 10, 30, 30))).save(tmp_path / "a.png")
    # None in sys.modules makes an import fail as if the package were not installed
    bare = "sys.modules.update(dict.fromkeys(['fastapi', 'uvicorn', 'pydantic_settings', 'torch', 'scipy', 'yaml']))"
    done = run("predict", tmp_path / "a.png", "--model", model, "--out", tmp_path / "out", before=bare)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("serve", "--model", model, before=bare)
    assert done.returncode == 1
    assert "pip install 'breastseg[serve]'" in done.stderr


def test_predict_names_the_extra_that_a_bucket_or_a_cluster_needs(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.onnx")
    Image.fromarray(bright_image(40, 50, (10, 10, 30, 30))).save(tmp_path / "a.png")
    bare = "from tests.blocked_imports import block; block('fsspec', 'ray')"
    for image, engine, name in (("gs://bucket/a.png", "local", "bucket"), (tmp_path / "a.png", "ray", "ray")):
        arguments = ("predict", image, "--model", model, "--out", tmp_path / "out", "--engine", engine)
        done = run(*arguments, before=bare)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"pip install 'breastseg[{name}]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_processes_of_a_cluster_are_not_counted_here(tmp_path: Path) -> None:
    given = ("predict", tmp_path, "--model", tmp_path / "m.onnx", "--out", tmp_path / "out", "--workers", 2)
    done = run(*map(str, given), "--engine", "ray")
    assert (done.returncode, "Name --workers without --engine ray" in done.stderr) == (1, True)


@pytest.mark.extended
def test_evaluate_needs_nothing_of_training(tmp_path: Path) -> None:
    model, root = write_model(tmp_path / "m.onnx"), write_normals(write_lesions(tmp_path / "raw"))
    training = (
        "torch",
        "torchvision",
        "lightning",
        "timm",
        "segmentation_models_pytorch",
        "safetensors",
        "onnx",
        "dvc",
    )
    bare = f"from tests.blocked_imports import block; block(*{(*training, 'dvclive', 'fastapi')})"
    arguments = ("evaluate", model, "--root", root, "--layout", "busi", "--out", tmp_path / "out", "--resamples", "200")
    done = run(*arguments, before=bare)
    assert done.returncode == 0, done.stderr
    assert "Dice         4       0.650 [" in done.stdout
    assert f"are in {tmp_path / 'out'}" in done.stdout
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["lesion"]["dice"]["mean"] == 0.65


@pytest.mark.extended
def test_evaluate_names_the_extra_it_needs(tmp_path: Path) -> None:
    arguments = ("evaluate", tmp_path / "m.onnx", "--root", tmp_path, "--layout", "busi", "--out", tmp_path / "out")
    for package in ("pyarrow", "statsmodels", "yaml"):
        done = run(*arguments, before=f"sys.modules.update({{{package!r}: None}})")
        assert done.returncode == 1
        assert "pip install 'breastseg[evaluate]'" in done.stderr


@pytest.mark.extended
def test_evaluate_tells_errors_without_a_trace(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.onnx")
    done = run("evaluate", model, "--root", tmp_path, "--layout", "dicom", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "--layout dicom is unknown" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.extended
def test_evaluate_names_the_charts_it_leaves(tmp_path: Path) -> None:
    model, root = write_model(tmp_path / "m.onnx"), write_lesions(tmp_path / "raw")
    arguments = ("evaluate", model, "--root", root, "--layout", "busi", "--out", tmp_path / "out", "--resamples", "100")
    told, asked = run(*arguments).stdout.splitlines()[-1], run("evaluate", "--help").stdout
    for name in ("overlays.png", "reliability.svg", "risk_coverage.svg"):
        assert name in told
        assert name in asked
        assert (tmp_path / "out" / name).is_file()


@pytest.mark.extended
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("summary",), "metrics/statistics.json holds no statistics (No such file or directory)"),
        (("report", "--out", "."), "Name with --out the HTML file to write"),
        (("report", "--out", "file/x.html"), "file is a file where a folder is needed"),
        (("report",), "metrics/statistics.json: is missing. Run `dvc repro`"),
        (("gather", "joined"), "is in no DVC repository"),
        (("leakage", "one", "other"), "is in no DVC repository"),
        (("results", "page"), "docs/results is no folder. Save a run first"),
    ],
)
def test_outside_the_repository_commands_say_what_they_need(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "file").write_text("stays")
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_summary_names_a_broken_file_and_how_to_make_it_again(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "statistics.json").write_text("{broken")
    done = run("summary", folder=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("metrics/statistics.json holds no statistics (the whole file: Invalid JSON")
    assert line.endswith("Run `dvc repro evaluate`")


def test_benchmark_needs_no_extra_and_writes_the_record(tmp_path: Path) -> None:
    bare = "sys.modules.update(dict.fromkeys(['fastapi', 'torch', 'scipy', 'yaml', 'matplotlib', 'pyarrow']))"
    arguments = (write_model(tmp_path / "m.onnx"), "--images", "3", "--threads", "1", "--json", tmp_path / "b.json")
    done = run("benchmark", *arguments, before=bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert "decode and segment" in done.stdout
    record = json.loads((tmp_path / "b.json").read_text())
    assert (record["images"], record["threads"]) == (3, 1)
    assert record["total"]["median_ms"] > 0


def test_serve_without_a_model_names_the_option_and_the_variable() -> None:
    done = run("serve")
    assert done.returncode == 1
    assert "BREASTSEG_MODEL" in done.stderr
