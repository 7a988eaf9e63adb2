"""All of params.yaml is checked in one go, before anything is simulated or trained."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from breastseg.errors import ProblemsError
from breastseg.params.base import SECTIONS
from breastseg.params.check import TYPES, check_params

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPES = sorted((REPOSITORY / "recipes").glob("*.yaml"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, as the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**changes: Any) -> None:  # noqa: ANN401 - values of any kind
    """The committed params with `section__key=value` replaced, or added."""
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if key:
            params[section][key] = value
        else:
            params[section] = value
    Path("params.yaml").write_text(yaml.safe_dump(params))


def problems(**changes: Any) -> dict[str, str]:  # noqa: ANN401 - values of any kind
    """What is reported, by where it is."""
    write(**changes)
    with pytest.raises(ProblemsError) as error:
        check_params()
    return {problem.path: f"{problem.what}. {problem.mend}" for problem in error.value.problems}


@pytest.mark.usefixtures("here")
def test_the_committed_params_pass() -> None:
    write()
    check_params()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_pass_where_their_data_is(here: Path, recipe: Path) -> None:
    data = yaml.safe_load(recipe.read_text())["data"]
    for folder in [part["root"] for part in data["sets"].values()] or ["."]:
        (here / data["root"] / folder).mkdir(parents=True)
    check_params(recipe)


def test_every_section_is_checked() -> None:
    assert set(TYPES) == set(SECTIONS)


@pytest.mark.usefixtures("here")
def test_everything_is_reported_at_once() -> None:
    found = problems(
        model="resnet",
        seed=-1,
        data__layout="bussi",
        data__root="data/raw/nowhere",
        split__folds="five",
        train__epoch=3,
        train__batch_size=0,
        cnn_unet__encoder="tu-regnety_04",
        cnn_unet__drop_path_rate=float("nan"),
        vit_unet__encoder="resnet18",
        export__gate={"min_dice": 2, "max_missed": 0.2, "max_normal_false_positive_rate": 0.5, "on_failure": "mark"}
        | {"min_dise": 0.1},
        unknown={},
    )
    assert set(found) == {
        "model",
        "seed",
        "data.layout",
        "data.root",
        "split.folds",
        "train.epoch",
        "train.batch_size",
        "cnn_unet.encoder",
        "cnn_unet.drop_path_rate",
        "vit_unet.encoder",
        "export.gate.min_dice",
        "export.gate.min_dise",
        "unknown",
    }
    assert "'cnn_unet' or 'vit_unet'" in found["model"]
    assert "'busi', 'bus_bra'" in found["data.layout"]
    assert "Did you mean epochs?" in found["train.epoch"]
    assert "Did you mean min_dice?" in found["export.gate.min_dise"]
    assert "tu-regnety_004" in found["cnn_unet.encoder"]
    assert "Set it as `cnn_unet.encoder`" in found["vit_unet.encoder"]


@pytest.mark.usefixtures("here")
def test_what_yaml_hides_is_reported_beside_the_rest() -> None:
    write()
    text = Path("params.yaml").read_text().replace("batch_size: 16", "batch_size: 010")
    Path("params.yaml").write_text(text.replace("model: vit_unet", "model: resnet"))
    with pytest.raises(ProblemsError) as error:
        check_params()
    assert [problem.path for problem in error.value.problems] == ["model", "train.batch_size"]
    assert "is written 010" in error.value.problems[1].what


@pytest.mark.parametrize("root", ["data/raw/own", "../own", "nowhere/deeper"])
@pytest.mark.usefixtures("here")
def test_images_that_are_not_there_are_reported(root: str) -> None:
    found = problems(data__root=root)
    assert "does not exist" in found["data.root"]
    assert f"--copy-paths {root}" in found["data.root"]


def test_a_file_or_a_dangling_link_is_not_a_folder_of_images(here: Path) -> None:
    (here / "own").touch()
    assert "is a file" in problems(data__root="own")["data.root"]
    (here / "link").symlink_to("gone")
    assert "does not exist" in problems(data__root="link")["data.root"]


@pytest.mark.usefixtures("here")
def test_a_bucket_is_imported_first() -> None:
    assert "dvc import-url gs://bucket/busi" in problems(data__root="gs://bucket/busi")["data.root"]


def test_images_that_dvc_can_bring_need_not_be_there(here: Path) -> None:
    (here / "data/raw").mkdir(parents=True)
    (here / "data/raw/busi.dvc").touch()
    for root in ("data/raw/busi", "data/raw/busi/Dataset_BUSI_with_GT"):
        write(data__root=root)
        check_params()


@pytest.mark.parametrize("root", ["data/raw/phantom", "./data/raw/phantom/", "data/raw/../raw/phantom", "data/raw"])
@pytest.mark.usefixtures("here")
def test_images_that_will_be_simulated_need_not_be_there(root: str) -> None:
    write(data__root=root)
    check_params()


@pytest.mark.usefixtures("here")
def test_the_simulated_images_have_one_layout_and_are_read_as_a_whole() -> None:
    assert "laid out as busi" in problems(data__layout="table")["data.layout"]
    assert "data/raw/phantom, the whole of it" in problems(data__root="data/raw/phantom/benign")["data.root"]


def test_files_of_pretrained_weights_have_to_be_there(here: Path) -> None:
    local = {
        "vit_unet__encoder_weights": "models/pretrained/x.safetensors",
        "vit_unet__encoder_weights_sha256": "0" * 64,
    }
    assert "--copy-paths models/pretrained" in problems(**local)["vit_unet.encoder_weights"]
    weights = here / local["vit_unet__encoder_weights"]
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    assert "has the SHA-256" in problems(**local)["vit_unet.encoder_weights"]
    write(**local | {"vit_unet__encoder_weights_sha256": hashlib.sha256(b"weights").hexdigest()})
    check_params()


@pytest.mark.usefixtures("here")
def test_what_smp_s_own_encoders_cannot_do_is_reported() -> None:
    found = problems(cnn_unet__encoder="resnet18", cnn_unet__drop_path_rate=0.1)
    assert "no stochastic depth" in found["cnn_unet.encoder"]
    assert "Take timm's `tu-resnet18`" in found["cnn_unet.encoder"]


@pytest.mark.usefixtures("here")
def test_layers_of_smp_s_own_encoders_are_not_known() -> None:
    for knob, value in (("encoder_frozen_layers", 2), ("encoder_layer_decay", 0.5)):
        found = problems(cnn_unet__encoder="resnet18", **{f"cnn_unet__{knob}": value})
        assert "does not say what its layers are" in found["cnn_unet.encoder"]
        assert "Take timm's `tu-resnet18`" in found["cnn_unet.encoder"]
    write(cnn_unet__encoder="resnet18", cnn_unet__encoder_frozen_layers="all")
    check_params()


@pytest.mark.usefixtures("here")
def test_a_wrong_count_of_frozen_layers_is_one_problem() -> None:
    found = problems(cnn_unet__encoder_frozen_layers="some", vit_unet__encoder_frozen_epochs=3)
    assert "it is all, or a whole number from 0 on (found 'some')" in found.pop("cnn_unet.encoder_frozen_layers")
    assert "encoder_frozen_epochs is all where encoder_frozen_layers is 0" in found.pop("vit_unet")
    assert not found


@pytest.mark.usefixtures("here")
def test_a_batch_of_one_value_per_channel_is_refused_where_batch_normalisation_is_trained() -> None:
    tiny = {"train__image_size": 32, "train__batch_size": 1}
    assert "on which cnn_unet cannot be trained" in problems(**tiny)["train.batch_size"]
    without = {"cnn_unet__decoder_norm": "group", "cnn_unet__encoder_frozen_layers": "all"}
    assert "on which vit_unet cannot be trained" in problems(**tiny, **without)["train.batch_size"]
    write(**tiny, **without, vit_unet__decoder_norm="group")
    check_params()


@pytest.mark.usefixtures("here")
def test_an_operator_set_that_no_exporter_writes_is_refused() -> None:
    assert "28" in problems(export__opset=99)["export.opset"]


def test_neither_torch_nor_what_imports_it_is_loaded() -> None:
    code = (
        "import pkgutil, sys, importlib, breastseg.params as params\n"
        "for module in pkgutil.iter_modules(params.__path__):\n"
        "    importlib.import_module('breastseg.params.' + module.name)\n"
        "from breastseg.params.check import check_params\n"
        "check_params()\n"
        "print({'torch', 'timm', 'segmentation_models_pytorch', 'lightning', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "set()"


def test_names_of_unknown_sets_are_reported_with_the_nearest(here: Path) -> None:
    for name in ("busi", "bus_bra"):
        (here / "data/raw" / name).mkdir(parents=True)
    sets = {name: {"layout": name, "root": name} for name in ("busi", "bus_bra")}
    data = {"layout": None, "root": "data/raw", "sets": sets}
    found = problems(data=data, split__held_out_sets=["bus_brra", "other"], train__set_weights={"bussi": 2.0})
    assert found == {
        "split.held_out_sets.bus_brra": "is not in data.sets. Did you mean bus_bra?",
        "split.held_out_sets.other": "is not in data.sets. The sets are bus_bra, busi",
        "train.set_weights.bussi": "is not in data.sets. Did you mean busi?",
    }
