"""One model for a lone image and for a crowd: what answers which, and that both are of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.inference.segmenter import Segmenter
from breastseg.inference.session import ModelFileError
from breastseg.serving.opened_model import OpenedModel
from tests.onnx_models import make_contract, write_model

if TYPE_CHECKING:
    from pathlib import Path


def test_only_an_image_that_is_alone_has_all_threads(model_path: Path) -> None:
    model = OpenedModel.load(model_path, threads=2)
    assert model.at(1) is model.alone
    assert model.at(2) is model.at(17) is model.crowded
    assert model.alone is not model.crowded


def test_with_one_thread_the_model_is_opened_once(model_path: Path) -> None:
    model = OpenedModel.load(model_path, threads=1)
    assert model.alone is model.crowded


def test_a_file_that_is_replaced_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_model(tmp_path / "m.onnx")
    load = Segmenter.load

    def load_and_replace(path: Path, threads: int | None = None) -> Segmenter:
        found = load(path, threads)
        write_model(path, make_contract(encoder="newer").to_json())
        return found

    monkeypatch.setattr(Segmenter, "load", load_and_replace)
    with pytest.raises(ModelFileError, match=r"was replaced while it was read"):
        OpenedModel.load(path, threads=2)
