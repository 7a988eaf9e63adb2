"""Finds encoders by name in segmentation-models-pytorch and timm, and tells CNNs from vision transformers."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

import segmentation_models_pytorch as smp
import timm
from timm.models import PretrainedCfg

from breastseg.errors import Problem, ProblemsError

TIMM_PREFIX = "tu-"

# The modules of timm whose models attend over tokens or windows, hybrids with convolutions included.
TRANSFORMER_FAMILIES = frozenset(
    """
    beit cait coat convit crossvit davit deepseek_vit deit edgenext efficientformer efficientformer_v2 efficientvit_mit
    efficientvit_msra eva fastvit gcvit gemma4_vit hiera hieradet_sam2 iformer levit lowformer maxxvit metaformer
    mobilevit mvitv2 naflexvit nest nextvit pit pvt_v2 qwen3_vit shvit swiftformer swin_transformer swin_transformer_v2
    swin_transformer_v2_cr tiny_vit tnt twins visformer vision_transformer vision_transformer_hybrid
    vision_transformer_relpos vision_transformer_sam vitamin volo xcit
    """.split()  # noqa: SIM905 - as a list, one name a line, it would fill the page
)

Kind = Literal["cnn", "transformer"]


@dataclass(frozen=True)
class EncoderName:
    """A name that exists.

    Attributes:
        name: As smp or timm knows it, without the prefix `tu-`.
        library: Which of the two.
    """

    name: str
    library: Literal["smp", "timm"]

    @property
    def config(self) -> PretrainedCfg:
        """What timm publishes on the pretrained encoder: mean and deviation, fixed input size, classifier."""
        return timm.get_pretrained_cfg(self.name) or PretrainedCfg()

    @property
    def kind(self) -> Kind:
        """`transformer` for smp's Mix Transformers and timm's transformer families, `cnn` for every other encoder."""
        if self.library == "smp":
            return "transformer" if self.name.startswith("mit_") else "cnn"
        family = timm.models.model_entrypoint(timm.models.get_arch_name(self.name)).__module__.rpartition(".")[2]
        return "transformer" if family in TRANSFORMER_FAMILIES else "cnn"


def find(encoder: str, kind: Kind) -> EncoderName:
    """Look the name up; smp's own names win, `tu-` in front of timm's may be left out.

    Raises:
        ProblemsError: No library has it, or it is not of the kind asked for.
    """
    if encoder in smp.encoders.encoders:
        found = EncoderName(encoder, "smp")
    elif _in_timm(encoder.removeprefix(TIMM_PREFIX)):
        found = EncoderName(encoder.removeprefix(TIMM_PREFIX), "timm")
    else:
        raise ProblemsError("Unknown encoder", [Problem(encoder, "neither smp nor timm has it", _close(encoder))])
    if found.kind != kind:
        other = "cnn_unet" if found.kind == "cnn" else "vit_unet"
        problem = Problem(encoder, f"is a {found.kind}, not a {kind}", f"Set it as `{other}.encoder` instead")
        raise ProblemsError("Wrong kind of encoder", [problem])
    return found


def _in_timm(name: str) -> bool:
    # `is_model` looks at what stands before the dot of `pvt_v2_b0.in1k`, not at the tag behind it
    return timm.is_model(name) and ("." not in name or timm.is_model_pretrained(name))


def _close(encoder: str) -> str:
    known = [*smp.encoders.encoders, *(TIMM_PREFIX + name for name in timm.list_models())]
    matches = difflib.get_close_matches(encoder, known, n=5) or ["tu-regnety_004", "tu-pvt_v2_b0"]
    return f"Did you mean {', '.join(matches)}? `timm.list_models()` lists the names that go behind `tu-`"
