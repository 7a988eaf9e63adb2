from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from breastseg.inference.contract import ContractError
from breastseg.inference.segmenter import Segmenter
from tests.monitoring.profiles import make_profile
from tests.onnx_models import MIDDLE_GREY, SIZE, SOFTNESS, bright_image, make_contract, make_graph, write_model

if TYPE_CHECKING:
    from pathlib import Path


def test_the_answer_is_the_one_computed_by_hand(model_path: Path) -> None:
    image = bright_image(SIZE, SIZE, (10, 20, 30, 50), bright=138)
    answer = Segmenter.load(model_path).segment(image)
    expected = 1 / (1 + np.exp(-(image.astype(np.float64) - MIDDLE_GREY) / SOFTNESS))
    assert np.abs(answer.probability - expected).max() < 1e-6
    assert (answer.mask == (image == 138)).all()
    (lesion,) = answer.lesions
    assert lesion.box == (10, 20, 30, 50)
    assert lesion.confidence == pytest.approx(1 / (1 + np.exp(-10 / 8)), abs=1e-6)


@pytest.mark.parametrize("shape", [(200, 301), (33, 20), (500, 40)])
def test_masks_come_at_native_size_and_place(model_path: Path, shape: tuple[int, int]) -> None:
    height, width = shape
    box = (width // 4, height // 4, width // 4 * 3, height // 4 * 3)
    answer = Segmenter.load(model_path).segment(bright_image(height, width, box))
    assert answer.mask.shape == answer.probability.shape == shape
    (lesion,) = answer.lesions
    assert np.abs(np.subtract(lesion.box, box)).max() <= max(shape) / SIZE


def test_colour_images_go_through_a_grey_network_and_grey_through_a_colour_one(tmp_path: Path) -> None:
    rgb_model = write_model(
        tmp_path / "rgb.onnx", make_contract(channels=3).to_json(), make_graph(("N", 3, SIZE, SIZE))
    )
    grey = bright_image(SIZE, SIZE, (10, 20, 30, 50))
    rgb = np.repeat(grey[..., None], 3, axis=2)
    for path in (rgb_model, write_model(tmp_path / "grey.onnx")):
        segmenter = Segmenter.load(path)
        assert (segmenter.segment(grey).mask == (grey > 128)).all()
        assert (segmenter.segment(rgb).mask == (grey > 128)).all()


POINT = {"temperature": 1.0, "threshold": 0.5, "min_area_share": 0.0, "presence_threshold": 0.5}


def test_the_operating_point_of_the_contract_decides(tmp_path: Path) -> None:
    image = bright_image(SIZE, SIZE, (10, 20, 30, 50), bright=138)
    strict = make_contract(operating_point={**POINT, "threshold": 0.9})
    large = make_contract(operating_point={**POINT, "min_area_share": 0.5})
    for contract in (strict, large):
        answer = Segmenter.load(write_model(tmp_path / "m.onnx", contract.to_json())).segment(image)
        assert not answer.mask.any()
        assert answer.lesions == []


def test_an_image_of_less_presence_than_the_threshold_has_no_lesion(tmp_path: Path) -> None:
    # its brightest pixel is a quarter of a level above the middle: a presence of 1 / (1 + exp(-1)), about 0.73
    image = bright_image(SIZE, SIZE, (10, 20, 30, 50), bright=128)
    graph = make_graph(middle=127.75)
    for threshold, lesions in ((0.72, 1), (0.74, 0)):
        contract = make_contract(operating_point={**POINT, "presence_threshold": threshold})
        answer = Segmenter.load(write_model(tmp_path / "m.onnx", contract.to_json(), graph)).segment(image)
        assert answer.presence == pytest.approx(1 / (1 + np.exp(-1)))
        assert len(answer.lesions) == lesions
        assert answer.mask.any() == bool(lesions)
        assert (answer.probability > 0.5).any()
        for lesion in answer.lesions:
            assert lesion.confidence == pytest.approx(answer.presence * answer.probability.max(), rel=1e-5)


def test_a_file_of_an_earlier_version_decides_by_pixels_alone(tmp_path: Path) -> None:
    image = bright_image(SIZE, SIZE, (10, 20, 30, 50), bright=138)
    graph = make_graph()
    del graph.output[1:]
    older = write_model(tmp_path / "older.onnx", make_contract(schema_version=3).to_json(), graph)
    answer, newer = (Segmenter.load(path).segment(image) for path in (older, write_model(tmp_path / "newer.onnx")))
    assert answer.presence is None
    assert answer.lesions == newer.lesions
    assert (answer.mask == newer.mask).all()


def test_many_threads_get_the_same_answer(model_path: Path) -> None:
    segmenter = Segmenter.load(model_path, threads=1)
    images = [bright_image(50 + i, 60, (5, 5, 20 + i, 30)) for i in range(16)]
    alone = [segmenter.segment(image).mask for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: segmenter.segment(image).mask, images))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    ("graph", "fault"),
    [
        (make_graph(("N", 1, 32, 32)), "input image has shape ['N', 1, 32, 32], not ['N', 1, 64, 64]"),
        (make_graph(("N", 3, SIZE, SIZE)), "input image has shape"),
        (make_graph((1, 1, SIZE, SIZE)), "input image has shape [1, 1, 64, 64]"),
        (make_graph(("N", 1, "H", "W")), "output probability has shape"),
        (make_graph(image_type=onnx.TensorProto.FLOAT), "input image is tensor(float), not tensor(uint8)"),
        (make_graph(names=("x", "probability")), "no input image; unknown input x"),
        (make_graph(names=("image", "y")), "no output probability"),
        (make_graph(names=("image", "probability", "z")), "no output presence"),
    ],
)
def test_a_graph_that_does_not_fit_its_contract_is_refused(tmp_path: Path, graph: onnx.GraphProto, fault: str) -> None:
    path = write_model(tmp_path / "m.onnx", make_contract().to_json(), graph)
    with pytest.raises(ContractError, match=r"m\.onnx: the graph does not fit.*" + re.escape(fault)):
        Segmenter.load(path)


def test_an_embedding_is_told_where_the_graph_has_one(tmp_path: Path, model_path: Path) -> None:
    image = bright_image(SIZE, SIZE, (10, 20, 30, 50))
    path = write_model(tmp_path / "m.onnx", graph=make_graph(embedding=True))
    assert Segmenter.load(path).segment(image).embedding == pytest.approx([image.mean()])
    assert Segmenter.load(model_path).segment(image).embedding.size == 0


def test_a_profile_for_another_embedding_is_refused(tmp_path: Path) -> None:
    contract = make_contract(reference_profile=make_profile(4)).to_json()
    for graph, fault in ((make_graph(), "no output embedding"), (make_graph(embedding=True), "not ['N', 4]")):
        with pytest.raises(ContractError, match=re.escape(fault)):
            Segmenter.load(write_model(tmp_path / "m.onnx", contract, graph))


def test_the_file_is_named_when_the_contract_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"m\.onnx: the file has no contract"):
        Segmenter.load(write_model(tmp_path / "m.onnx", contract_json=None))
