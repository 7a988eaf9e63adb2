"""What a folder of results holds, in a small file for whoever meets it later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.bulk.places import Place
    from breastseg.inference.predict import Answerer

MANIFEST = "manifest.json"
_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Counts:
    """What there was.

    Attributes:
        images: How many images there are.
        done: Of them have masks.
        with_lesion: Of these show at least one lesion.
        without_lesion: Of these show none.
        failed: Could not be read.
        skipped_masks: Masks that lie beside their images and were skipped.
        skipped_overlays: Overlays that lie beside their images and were skipped.
        out_of_distribution: Images unlike those that the model was made for; None for a model without a profile.
    """

    images: int
    done: int
    with_lesion: int
    without_lesion: int
    failed: int
    skipped_masks: int
    skipped_overlays: int
    out_of_distribution: int | None


def write_manifest(out: Place, answerer: Answerer, sources: Sequence[str], counts: Counts) -> None:
    """Write the manifest; it has no time in it, so that the same call writes the same bytes."""
    model = answerer.model
    told = {
        "schema_version": _SCHEMA_VERSION,
        "breastseg": version("breastseg"),
        "model": asdict(model) | {"gate": model.gate and model.gate.model_dump(mode="json")},
        "frame": answerer.frame,
        "overlays": answerer.overlay,
        "sources": list(sources),
        **asdict(counts),
    }
    out.write(MANIFEST, (json.dumps(told, indent=2) + "\n").encode())
