"""params.yaml is read whole and strictly, and all that is wrong with a section is reported at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from breastseg.errors import ProblemsError
from breastseg.params.base import SECTIONS, Section, load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.data import Data
from breastseg.params.evaluate import Evaluate
from breastseg.params.export import Export
from breastseg.params.inference import Inference
from breastseg.params.model import Model
from breastseg.params.monitoring import Monitoring
from breastseg.params.phantom import Phantom
from breastseg.params.prepare import Prepare
from breastseg.params.seed import Seed
from breastseg.params.split import Split
from breastseg.params.train import Train
from breastseg.params.vit_unet import VitUnet

COMMITTED = Path(__file__).resolve().parents[2] / "params.yaml"
RECIPES = sorted((COMMITTED.parent / "recipes").glob("*.yaml"))
# what each recipe is about
CHOSEN = {
    "pretrained": {"data", "train", "cnn_unet", "vit_unet", "inference"},
    "two_hospitals": {"data", "train", "cnn_unet", "vit_unet", "inference", "export"},
    "smoke": {"phantom", "split", "train", "cnn_unet", "vit_unet", "evaluate", "monitoring"},
}
SECTION_TYPES: dict[str, type[Section]] = {
    "phantom": Phantom,
    "data": Data,
    "prepare": Prepare,
    "split": Split,
    "train": Train,
    "cnn_unet": CnnUnet,
    "vit_unet": VitUnet,
    "inference": Inference,
    "evaluate": Evaluate,
    "export": Export,
    "monitoring": Monitoring,
}


def write(tmp_path: Path, section: str, **changes: object) -> Path:
    """The committed params with some values of one section replaced."""
    params: dict[str, Any] = yaml.safe_load(COMMITTED.read_text())
    params[section] |= changes
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params))
    return path


@pytest.mark.parametrize("path", [COMMITTED, *RECIPES], ids=lambda path: path.stem)
@pytest.mark.parametrize(("name", "type_"), SECTION_TYPES.items())
def test_the_committed_params_are_valid(path: Path, name: str, type_: type[Section]) -> None:
    assert load(name, type_, path).model_dump(mode="json") == yaml.safe_load(path.read_text())[name]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_changes_nothing_but_what_it_is_about(path: Path) -> None:
    default, recipe = (yaml.safe_load(file.read_text()) for file in (COMMITTED, path))
    assert {name for name in default if default[name] != recipe[name]} <= CHOSEN[path.stem]


@pytest.mark.parametrize("path", [COMMITTED, *RECIPES], ids=lambda path: path.stem)
def test_plain_sections_of_params_and_recipes_are_valid(path: Path) -> None:
    assert load("seed", Seed, path) >= 0
    assert load("model", Model, path).root in {"cnn_unet", "vit_unet"}


@pytest.mark.parametrize("path", [COMMITTED, *RECIPES], ids=lambda path: path.stem)
def test_a_failed_gate_loses_no_experiment_by_default(path: Path) -> None:
    assert load("export", Export, path).gate.on_failure == "mark"


def test_an_unknown_answer_to_a_failed_gate_is_refused(tmp_path: Path) -> None:
    gate = yaml.safe_load(COMMITTED.read_text())["export"]["gate"]
    for wrong in ({"on_failure": "warn"}, {"on_failure": None}):
        with pytest.raises(ProblemsError, match=r"export\.gate\.on_failure: .*'mark' or 'fail'"):
            load("export", Export, write(tmp_path, "export", gate=gate | wrong))


def test_weights_are_stored_in_one_of_two_ways(tmp_path: Path) -> None:
    for weights in ("float32", "int8"):
        assert load("export", Export, write(tmp_path, "export", weights=weights)).weights == weights
    with pytest.raises(ProblemsError, match=r"export\.weights: .*'float32' or 'int8'"):
        load("export", Export, write(tmp_path, "export", weights="float16"))


@pytest.mark.parametrize("path", [COMMITTED, *RECIPES], ids=lambda path: path.stem)
def test_int8_weights_may_cost_at_most_0_002_of_dice(path: Path) -> None:
    assert load("export", Export, path).int8.max_dice_difference <= 0.002


def test_the_smoke_recipe_is_small_and_needs_no_network() -> None:
    (path,) = [path for path in RECIPES if path.stem == "smoke"]
    assert load("phantom", Phantom, path).images <= 60
    assert load("train", Train, path).epochs <= 10
    for network in (load("cnn_unet", CnnUnet, path), load("vit_unet", VitUnet, path)):
        assert network.encoder_weights is None


def test_plain_values_are_validated_too(tmp_path: Path) -> None:
    assert load("seed", Seed, COMMITTED) >= 0
    assert load("model", Model, COMMITTED).root in {"cnn_unet", "vit_unet"}
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED.read_text().replace("\nseed: ", "\nseed: -").replace("seed: -0", "seed: -1"))
    with pytest.raises(ProblemsError, match="seed"):
        load("seed", Seed, path)


def test_every_fault_of_a_section_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "train", epochs="many", image_size=100, learning_rate=0.1)
    with pytest.raises(ProblemsError) as error:
        load("train", Train, path)
    assert [problem.path for problem in error.value.problems] == [
        "train.epochs",
        "train.image_size",
        "train.learning_rate",
    ]


def test_a_number_is_never_made_of_text_or_a_switch(tmp_path: Path) -> None:
    for wrong in ("30", True):
        with pytest.raises(ProblemsError, match=r"train\.epochs"):
            load("train", Train, write(tmp_path, "train", epochs=wrong))


def test_unknown_and_missing_sections_are_named(tmp_path: Path) -> None:
    params = yaml.safe_load(COMMITTED.read_text())
    del params["export"]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params | {"modle": "vit_unet"}))
    with pytest.raises(ProblemsError, match=r"(?s)export.*modle"):
        load("seed", Seed, path)


def test_a_fold_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="0 to 4"):
        load("split", Split, write(tmp_path, "split", folds=5, fold=5))


def test_a_missing_file_says_how_to_get_it_back(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="git checkout"):
        load("seed", Seed, tmp_path / "params.yaml")


def test_sections_cannot_be_changed() -> None:
    split = load("split", Split, COMMITTED)
    with pytest.raises(ValueError, match="frozen"):
        split.fold = 1


def test_the_sections_are_those_of_the_committed_file() -> None:
    assert set(yaml.safe_load(COMMITTED.read_text())) == set(SECTIONS)


@pytest.mark.parametrize(
    ("section", "key", "nearest"),
    [("train", "epoch", "epochs"), ("train", "Batch_Size", "batch_size"), ("split", "val_shares", "val_share")],
)
def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path, section: str, key: str, nearest: str) -> None:
    with pytest.raises(ProblemsError, match=rf"{section}\.{key}: is not a known key\. Did you mean {nearest}\?"):
        load(section, SECTION_TYPES[section], write(tmp_path, section, **{key: 1}))


def test_an_unknown_key_of_a_part_names_the_nearest_of_that_part(tmp_path: Path) -> None:
    augment = load("train", Train, COMMITTED).augment.model_dump() | {"gama": 1.0}
    with pytest.raises(ProblemsError, match=r"train\.augment\.gama: .*Did you mean gamma\?"):
        load("train", Train, write(tmp_path, "train", augment=augment))


def test_a_key_that_is_near_none_lists_all(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="The keys are layout, root"):
        load("data", Data, write(tmp_path, "data", xyz=1))


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1e999"])
def test_a_number_is_finite(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED.read_text().replace("gradient_clip_norm: 1.0", f"gradient_clip_norm: {text}"))
    with pytest.raises(ProblemsError, match=r"train\.gradient_clip_norm: .*finite"):
        load("train", Train, path)


@pytest.mark.parametrize("text", ["yes", "'true'", "1"])
def test_a_switch_is_true_or_false(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED.read_text().replace("channels_last: true", f"channels_last: {text}"))
    with pytest.raises(ProblemsError, match=r"train\.channels_last: .*boolean"):
        load("train", Train, path)


@pytest.mark.parametrize("text", ["010", "1_6"])
def test_a_number_that_readers_read_differently_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED.read_text().replace("batch_size: 16", f"batch_size: {text}"))
    with pytest.raises(ProblemsError, match=rf"train\.batch_size: is written {text} \(line \d+\)"):
        load("train", Train, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not map sections"),
        (b"- 1", "does not map sections"),
        (b"model: caf\xe9", "cannot be read.*utf-8"),
        (b"train:\n\tepochs: 1", r"cannot be read.*'\\t'.*line 2"),
        (b"train: [", "cannot be read"),
    ],
)
def test_what_is_not_a_params_file_is_one_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ProblemsError, match=message) as error:
        load("seed", Seed, path)
    assert len(error.value.problems) == 1


def test_a_value_that_holds_itself_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(COMMITTED.read_text().replace("model: vit_unet", "model: &a [*a]"))
    with pytest.raises(ProblemsError, match="model: is not plain YAML"):
        load("model", Model, path)
