"""Names of encoders with what only timm itself knows of them, once it is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import timm
from timm.models import PretrainedCfg

from breastseg.errors import Problem, ProblemsError
from breastseg.params import encoder_names

if TYPE_CHECKING:
    from breastseg.params.encoder_names import EncoderName, Kind


def find(encoder: str, kind: Kind) -> EncoderName:
    """Look the name up as `params.encoder_names.find` does, and the tag behind its dot in timm.

    Raises:
        ProblemsError: No library has it, or it is not of the kind asked for.
    """
    found = encoder_names.find(encoder, kind)
    if "." in found.name and not timm.is_model_pretrained(found.name):
        model = found.name.partition(".")[0]
        fix = f"`timm.list_pretrained('{model}.*')` lists the tags of {model}"
        raise ProblemsError("Unknown encoder", [Problem(encoder, "timm has no such tag of this model", fix)])
    return found


def config(encoder: EncoderName) -> PretrainedCfg:
    """What timm publishes on the pretrained encoder: mean and deviation, fixed input size, classifier."""
    return timm.get_pretrained_cfg(encoder.name) or PretrainedCfg()
