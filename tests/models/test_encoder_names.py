"""What only timm knows of a name is asked of timm."""

from __future__ import annotations

import pytest

from breastseg.errors import ProblemsError
from breastseg.models.encoder_names import find


def test_a_tag_of_the_model_is_found() -> None:
    assert find("tu-convnext_atto.d2_in1k", "cnn").name == "convnext_atto.d2_in1k"


def test_a_tag_of_another_model_of_the_family_is_refused() -> None:
    with pytest.raises(ProblemsError, match=r"no such tag.*timm\.list_pretrained\('convnext_atto\.\*'\)"):
        find("tu-convnext_atto.fb_in22k", "cnn")
