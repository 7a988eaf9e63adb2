"""The section `monitoring`: how the reference profile of a release is made."""

from __future__ import annotations

from pydantic import Field

from breastseg.params.base import Section


class Monitoring(Section):
    """Knobs of the reference profile.

    Attributes:
        bins: Most bins of a feature's distribution.
        directions: Directions in which the scatter of embeddings has a variance of its own.
        folds: Folds over groups, so that no threshold is set on images that it was fitted to.
        false_alarm_share: Share of unseen reference images that are called out of distribution.
        flip_share: Share of the service's images whose mirror image is looked at as well, while no other image waits.
    """

    bins: int = Field(ge=2, le=50)
    directions: int = Field(ge=1, le=64)
    folds: int = Field(ge=2)
    false_alarm_share: float = Field(gt=0, lt=0.5)
    flip_share: float = Field(ge=0, le=1)
