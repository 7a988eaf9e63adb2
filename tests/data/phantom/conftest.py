"""The default phantom and small copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from breastseg.data.phantom.plan import Plan, plan_images
from breastseg.params.base import load
from breastseg.params.phantom import Phantom

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def default() -> Phantom:
    """The section as committed."""
    return load("phantom", Phantom, REPOSITORY / "params.yaml")


@pytest.fixture(scope="session")
def small(default: Phantom) -> Phantom:
    """A few small images of every kind."""
    return default.model_copy(update={"images": 20, "height_px": 96, "width_px": 112, "two_lesions_share": 0.4})


@pytest.fixture(scope="session")
def plans(default: Phantom) -> list[Plan]:
    """What each image of the default set shows."""
    return plan_images(default)
