from __future__ import annotations

import pytest

from breastseg.errors import ProblemsError
from breastseg.models.encoder_names import EncoderName, Kind, find


@pytest.mark.parametrize(
    ("encoder", "kind", "found"),
    [
        ("resnet18", "cnn", EncoderName("resnet18", "smp")),
        ("tu-resnet18", "cnn", EncoderName("resnet18", "timm")),
        ("regnety_004", "cnn", EncoderName("regnety_004", "timm")),
        ("tu-convnext_atto.d2_in1k", "cnn", EncoderName("convnext_atto.d2_in1k", "timm")),
        ("mit_b0", "transformer", EncoderName("mit_b0", "smp")),
        ("tu-pvt_v2_b0", "transformer", EncoderName("pvt_v2_b0", "timm")),
        ("vit_small_patch14_dinov2", "transformer", EncoderName("vit_small_patch14_dinov2", "timm")),
        ("tu-maxvit_tiny_tf_224", "transformer", EncoderName("maxvit_tiny_tf_224", "timm")),
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


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(ProblemsError, match=r"tu-pvt_v2b0.*Did you mean tu-pvt_v2_b0"):
        find("tu-pvt_v2b0", "transformer")


@pytest.mark.parametrize("encoder", ["hf-hub:timm/pvt_v2_b0.in1k", "pvt_v2_b0.unheard_of", "tu-", "x" * 50])
def test_a_name_that_is_none_is_unknown(encoder: str) -> None:
    with pytest.raises(ProblemsError, match="neither smp nor timm has it"):
        find(encoder, "transformer")
