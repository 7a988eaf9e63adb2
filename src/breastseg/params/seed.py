"""The seed of training: initial weights, order of the cases, augmentation. Data has seeds of its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Seed = Annotated[int, Field(ge=0, lt=2**32)]
