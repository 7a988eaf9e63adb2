"""Encoder names are found without an import of smp or timm, exactly those that they have."""

from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import timm
from timm.models import _registry

from breastseg.errors import ProblemsError
from breastseg.params.encoder_names import TRANSFORMER_FAMILIES, EncoderName, Kind, find, smp_names, timm_families

# the libraries take seconds to import
pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("encoder", "kind", "found"),
    [
        ("resnet18", "cnn", EncoderName("resnet18", "smp", "cnn")),
        ("tu-resnet18", "cnn", EncoderName("resnet18", "timm", "cnn")),
        ("regnety_004", "cnn", EncoderName("regnety_004", "timm", "cnn")),
        ("tu-convnext_atto.d2_in1k", "cnn", EncoderName("convnext_atto.d2_in1k", "timm", "cnn")),
        ("mit_b0", "transformer", EncoderName("mit_b0", "smp", "transformer")),
        ("tu-pvt_v2_b0", "transformer", EncoderName("pvt_v2_b0", "timm", "transformer")),
        (
            "vit_small_patch14_dinov2",
            "transformer",
            EncoderName("vit_small_patch14_dinov2", "timm", "transformer"),
        ),
        ("tu-maxvit_tiny_tf_224", "transformer", EncoderName("maxvit_tiny_tf_224", "timm", "transformer")),
    ],
)
def test_finds_encoders_of_smp_and_timm(encoder: str, kind: Kind, found: EncoderName) -> None:
    assert find(encoder, kind) == found


@pytest.mark.parametrize(
    ("encoder", "kind", "way_out"),
    [("tu-pvt_v2_b0", "cnn", "vit_unet.encoder"), ("resnet18", "transformer", "cnn_unet.encoder")],
)
def test_refuses_the_other_kind_and_names_its_section(encoder: str, kind: Kind, way_out: str) -> None:
    with pytest.raises(ProblemsError, match=way_out):
        find(encoder, kind)


@pytest.mark.parametrize(
    ("encoder", "kind", "nearest"),
    [
        ("tu-pvt_v2b0", "transformer", "tu-pvt_v2_b0"),
        ("pvt_v2b0", "transformer", "tu-pvt_v2_b0"),
        ("TU-PVT_V2_B0", "transformer", "tu-pvt_v2_b0"),
        ("resnet-34", "cnn", "resnet34"),
        ("Resnet34", "cnn", "resnet34"),
        ("x" * 50, "cnn", "tu-regnety_004"),
    ],
)
def test_an_unknown_name_lists_close_ones_of_its_kind(encoder: str, kind: Kind, nearest: str) -> None:
    with pytest.raises(ProblemsError, match=rf"{encoder}: neither.*Did you mean {nearest}"):
        find(encoder, kind)


@pytest.mark.parametrize(
    "encoder", ["hf-hub:timm/pvt_v2_b0.in1k", "pvt_v2_b0.unheard_of", "pvt_v2_b0.", "tu-", " tu-pvt_v2_b0", "x" * 50]
)
def test_a_name_that_is_none_is_unknown(encoder: str) -> None:
    with pytest.raises(ProblemsError, match="neither smp nor timm has it"):
        find(encoder, "transformer")


def test_the_names_are_those_of_the_libraries() -> None:
    assert smp_names() == set(smp.encoders.encoders)
    assert set(timm_families()) == set(_registry._model_entrypoints)


def test_the_families_are_those_of_timm() -> None:
    registered = {name: timm.models.model_entrypoint(name).__module__.rpartition(".")[2] for name in timm.list_models()}
    assert registered.items() <= timm_families().items()


def test_no_tag_of_timm_is_refused() -> None:
    tagged = [name for name in timm.list_pretrained() if "." in name]
    assert len(tagged) > 1000
    for name in tagged:
        kind: Kind = "transformer" if timm_families()[name.partition(".")[0]] in TRANSFORMER_FAMILIES else "cnn"
        assert find(name, kind).name == name
