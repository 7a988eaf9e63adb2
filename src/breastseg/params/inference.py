"""The section `inference`: how a trained network is asked, in the judgement as in the exported file."""

from __future__ import annotations

from breastseg.params.base import Section


class Inference(Section):
    """Knobs of the answer.

    Attributes:
        flip_averaging: Average the answers to the image and to its mirror image (test-time augmentation); twice the
            time. The exported file does the same inside.
    """

    flip_averaging: bool
