"""The medium that the sound travels through: what tissue, lesions and distractors draw, and acoustics reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.data.phantom.fields import Field


@dataclass(frozen=True)
class Medium:
    """Two maps, each float `[H, W]`.

    Attributes:
        echo_db: Echogenicity: mean power scattered back, in dB above glandular tissue.
        attenuation: Attenuation coefficient in dB/(cm MHz), one way.
    """

    echo_db: Field
    attenuation: Field

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.echo_db.shape
        return height, width

    def replaced(self, weight: Field, echo_db: Field | float, attenuation: float) -> Medium:
        """Put another tissue where `weight` is 1, a mixture where it is between 0 and 1."""
        return Medium(
            self.echo_db + weight * (echo_db - self.echo_db),
            self.attenuation + weight * (attenuation - self.attenuation),
        )

    def raised(self, echo_db: Field) -> Medium:
        """Add echogenicity in dB, as thin reflectors do that hardly attenuate."""
        return Medium(self.echo_db + echo_db, self.attenuation)

    def damped(self, attenuation: Field) -> Medium:
        """Add attenuation in dB/(cm MHz)."""
        return Medium(self.echo_db, self.attenuation + attenuation)
