"""The model card says what the contract and the scores say, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import onnx
import pytest

from breastseg.errors import BreastsegError
from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.evaluation.report import write_statistics
from breastseg.evaluation.statistics import Statistic
from breastseg.export.quantization import quantize_weights
from breastseg.params.data import Data, DataSet, Layout
from breastseg.params.split import Split
from breastseg.reporting.attribution import DATASETS
from breastseg.reporting.model_card import CardInputs, render_model_card, write_model_card
from tests.onnx_models import FAILED_GATE, heavy_graph, make_contract, write_model

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = make_contract()
OTHER = {"cnn_unet": "vit_unet", "vit_unet": "cnn_unet"}[CONTRACT.network]
SPLIT = Split(seed=0, folds=5, fold=0, val_share=0.2, train_share=1, held_out_sets=(), grouped=True)
STATISTICS = [
    Statistic(CONTRACT.network, "size<5%", "dice", 0.7125, 0.65, 0.75, 12, 11, None),
    Statistic(CONTRACT.network, "all", "dice", 0.8125, 0.75, 0.85, 50, 40, None),
    Statistic(CONTRACT.network, "all", "missed", 0.04, 0, 0.1, 50, 40, None),
    Statistic(OTHER, "all", "dice", 0.1235, 0.1, 0.2, 50, 40, None),
]


@pytest.fixture
def inputs(tmp_path: Path) -> CardInputs:
    write_statistics(STATISTICS, tmp_path / "statistics.json")
    write_costs({CONTRACT.network: NetworkCost(1.25, 2.5), OTHER: NetworkCost(7.77, 8.88)}, tmp_path / "compute.json")
    (tmp_path / "split_counts.csv").write_text("subset,label,cases,groups\ntrain,benign,97,92\n", encoding="utf-8")
    return CardInputs(
        model=write_model(tmp_path / "m.onnx"),
        statistics=tmp_path / "statistics.json",
        compute=tmp_path / "compute.json",
        split_counts=tmp_path / "split_counts.csv",
        data=Data(layout="busi", root="data/raw/phantom", sets={}),
        split=SPLIT,
        encoder_weights=None,
    )


def test_it_names_the_model_its_use_and_its_origin(inputs: CardInputs) -> None:
    card = render_model_card(inputs)
    assert card.startswith(f"# Model card: `{CONTRACT.model_name}`, version `{CONTRACT.model_version}`\n")
    assert CONTRACT.intended_use in card
    assert f"| threshold | {CONTRACT.operating_point.threshold:g} |" in card
    assert f"| checkpoint | `{CONTRACT.origin.checkpoint_sha256}` |" in card
    assert "| params, M | 1.25 |" in card
    assert "| train | benign | 97 | 92 |" in card


def test_it_shows_this_networks_scores_over_all_cases_first(inputs: CardInputs) -> None:
    lines = [line for line in render_model_card(inputs).splitlines() if line.startswith(("| all", "| size"))]
    assert lines[0].startswith("| all | 0.812 [0.750, 0.850], n = 50, 40 groups | - |")
    assert lines[1].startswith("| size<5% | 0.713 [0.650, 0.750]*, n = 12, 11 groups | - |")
    assert "0.040 [0.000, 0.100], n = 50" in lines[0]


def test_simulated_images_are_said_to_be_that(inputs: CardInputs) -> None:
    assert "Simulated images" in render_model_card(inputs)
    real = replace(inputs, data=Data(layout="busi", root="data/raw/busi", sets={}))
    assert "Simulated images" not in render_model_card(real)


def test_data_sets_and_a_pretrained_encoder_are_cited_with_their_licences(inputs: CardInputs) -> None:
    assert "## Sources" not in render_model_card(inputs)
    sets = {"a": DataSet(layout="busi", root="a"), "b": DataSet(layout="bus_bra", root="b")}
    several = replace(inputs, data=Data(layout=None, root="data/raw", sets=sets))
    card = render_model_card(several)
    for cited in ("10.1016/j.dib.2019.104863", "CC0 1.0; the authors", "10.1002/mp.16812"):
        assert cited in card
    assert f"| `{CONTRACT.encoder}` |" not in card
    assert f"| `{CONTRACT.encoder}` | - |" in render_model_card(replace(several, encoder_weights="imagenet"))
    write_model(inputs.model, make_contract(encoder="vit_small_patch14_dinov2").to_json())
    assert "2304.07193 | Apache-2.0 |" in render_model_card(replace(inputs, encoder_weights="imagenet"))


def test_every_layout_of_a_known_data_set_is_attributed() -> None:
    assert set(DATASETS) == set(get_args(Layout)) - {"table"}


def test_it_says_where_the_model_does_worst(inputs: CardInputs) -> None:
    assert "## Where it does worst" not in render_model_card(inputs)
    more = [
        Statistic(CONTRACT.network, "label=malignant", "dice", 0.7, 0.6, 0.75, 30, 25, None),
        Statistic(CONTRACT.network, "label=malignant", "missed", 0.1, 0, 0.2, 30, 25, None),
        Statistic(CONTRACT.network, "label=benign", "dice", 0.9, 0.85, 0.95, 30, 25, None),
    ]
    write_statistics([*STATISTICS, *more], inputs.statistics)
    section = render_model_card(inputs).partition("## Where it does worst")[2].partition("##")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    # too few groups, and better than the whole, are left out
    malignant = (
        "| label=malignant | 0.700 [0.600, 0.750], n = 30, 25 groups | 0.100 [0.000, 0.200], n = 30, 25 groups |"
    )
    assert rows == [malignant]


def test_it_says_how_the_split_was_made(inputs: CardInputs) -> None:
    card = render_model_card(inputs)
    assert "Neither known patients nor near-duplicates are parted" in card
    assert "not grouped" not in card
    leaky = render_model_card(replace(inputs, split=SPLIT.model_copy(update={"grouped": False})))
    assert "The split was not grouped" in leaky
    assert "are parted between" not in leaky


def test_it_says_how_the_model_did_at_its_gate(inputs: CardInputs) -> None:
    passed = render_model_card(inputs)
    assert "| quality gate | passed |" in passed
    assert "failed" not in passed
    write_model(inputs.model, make_contract(gate=FAILED_GATE).to_json())
    card = render_model_card(inputs)
    failure = "failed: mean Dice is 0.4137, at least 0.5 is required; share of missed lesion images is 0.25"
    assert f"| quality gate | {failure}" in card
    # where nobody who reads the first lines can miss it
    assert f"> **Quality gate {failure}" in card.partition("## Intended use")[0]


def test_it_says_how_the_weights_are_stored(inputs: CardInputs) -> None:
    write_model(inputs.model, graph=heavy_graph(layers=2, width=64))
    assert "| weights | float32 |" in render_model_card(inputs)
    model = quantize_weights(onnx.load(inputs.model))
    inputs.model.write_bytes(model.SerializeToString())
    # one of three matrices is large enough
    share = 64 * 64 / (64 * 64 + 64 + 64 + 64 + 2)
    told = f"int8 with a float32 scale per output channel, {share:.1%} of the values; the others float32"
    assert f"| weights | {told} |" in render_model_card(inputs)


def test_of_an_older_file_the_gate_is_unknown(inputs: CardInputs) -> None:
    older = make_contract(schema_version=2, gate=None)
    write_model(inputs.model, older.to_json())
    card = render_model_card(inputs)
    assert "| quality gate | unknown" in card
    assert f"version `{older.model_version}`" in card
    assert "failed" not in card


def test_the_same_inputs_give_the_same_bytes(inputs: CardInputs, tmp_path: Path) -> None:
    for name in ("first.md", "second.md"):
        write_model_card(inputs, tmp_path / name)
    assert (tmp_path / "first.md").read_bytes() == (tmp_path / "second.md").read_bytes()


def test_without_a_model_there_is_no_card(inputs: CardInputs, tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=r"none\.onnx"):
        write_model_card(replace(inputs, model=tmp_path / "none.onnx"), tmp_path / "card.md")
    assert not (tmp_path / "card.md").exists()
