"""`breastseg monitor label` and `queue` as they are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image
from typer.testing import CliRunner

from breastseg.cli import app
from breastseg.inference.contract import Contract
from breastseg.prediction_logs.tables import read_queue
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.prediction_logs.makers import SQUARE, keep, make_predictions

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = Contract.model_validate(make_contract(reference_profile=make_profile(1)))


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Answers of the model, and later ones of another."""
    kept = [*make_predictions(4, sha=CONTRACT.sha256), *make_predictions(4, hours=5)]
    keep(tmp_path / "log", kept).close()
    return str(tmp_path / "log")


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_model(tmp_path / "model.onnx", CONTRACT.to_json(), make_graph(embedding=True)))


def monitor(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["monitor", *arguments])
    return done.exit_code, done.output


def test_a_model_and_what_is_outlined_narrow_the_queue(log: str, model: str, tmp_path: Path) -> None:
    queue, masks, labelled = tmp_path / "queue.csv", tmp_path / "masks", tmp_path / "labelled.csv"
    narrowed = ["queue", log, "--model", model, "--out", str(queue)]
    assert monitor(*narrowed) == (0, f"{queue} names 4 images to outline\n")
    first = read_queue(queue)[0]
    masks.mkdir()
    Image.fromarray(SQUARE).save(masks / f"{first.request_id}.png")
    code, told = monitor("label", log, "--masks", str(masks), "--model", model, "--out", str(labelled))
    assert code == 0, told
    assert monitor(*narrowed, "--labelled", str(labelled)) == (0, f"{queue} names 3 images to outline\n")
    assert first not in read_queue(queue)


def test_answers_of_other_models_and_times_are_not_there(log: str, model: str, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "queue.csv")]
    code, told = monitor("queue", log, "--model", model, "--since", "2026-03-02", *out)
    assert (code, "No answer is of model" in told) == (1, True)
    code, told = monitor("queue", log, "--since", "2026-03-03", "--until", "2026-03-02", *out)
    assert (code, "No moment is from" in told) == (1, True)


def test_a_queue_that_cannot_be_written_is_one_clear_error(log: str, tmp_path: Path) -> None:
    code, told = monitor("queue", log, "--out", str(tmp_path))
    assert (code, "Cannot write" in told) == (1, True)
