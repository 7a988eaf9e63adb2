"""Opens one raw case and checks it entirely, so that a user learns of all faults of a data set at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from breastseg.colour import is_grey
from breastseg.data.cases import MaskLayers
from breastseg.data.fingerprint import fingerprint
from breastseg.data.layouts import layout
from breastseg.data.layouts.masks import FaintMaskError, MaskError
from breastseg.data.mask_copies import copies_image, repeats_texture
from breastseg.data.png import encode_png
from breastseg.data.quality import count_lesions, quality_flags
from breastseg.data.table import PreparedCase
from breastseg.errors import BreastsegError, Problem
from breastseg.folders import UnreadableError, read_file
from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.data.cases import Label, Mask, RawCase
    from breastseg.data.fingerprint import Fingerprints
    from breastseg.data.layouts import Layout
    from breastseg.inference.raster import UInt8Image

_RESTORE = "Restore the file, or remove it and what belongs to it"
_SAVE = "Save the mask as the layout has it; see docs/data.md"


@dataclass(frozen=True)
class Examined:
    """A case without fault.

    Attributes:
        case: The row of the table; its near-duplicate group is not known yet and names the case itself.
        fingerprint: uint8 `[24, 24]`.
    """

    case: PreparedCase
    fingerprint: Fingerprints


def examine(case: RawCase, layout_name: str) -> Examined | tuple[Problem, ...]:
    """Decode image and masks, check them against each other and the label, and pack them.

    Args:
        case: What the layout listed.
        layout_name: The layout that reads the masks.

    Returns:
        The row of the table, or every fault that was found.
    """
    problems: list[Problem] = []
    image = _decode(case.image, problems)
    read = [_read_mask(path, layout(layout_name), image, case.label) for path in case.masks]
    problems += [found for found in read if isinstance(found, Problem)]
    if image is None or problems:
        return tuple(problems)
    layers = [found for found in read if isinstance(found, MaskLayers)]
    lesion, ignored = _merge(layers, image)
    problem = _contradiction(case, lesion) or _nothing_judged(case, ignored)
    return (problem,) if problem else _pack(case, image, (lesion, ignored), quality_flags(image, lesion, layers))


def _decode(path: str, problems: list[Problem]) -> UInt8Image | None:
    try:
        return decode_image(read_file(path))
    except (UnreadableError, DecodeError) as error:
        problems.append(Problem(path, str(error), _RESTORE))
    return None


def _read_mask(path: str, reader: Layout, image: UInt8Image | None, label: Label) -> MaskLayers | Problem:
    try:
        pixels = reader.decode_mask(read_file(path))
        if image is not None:
            _require_mask_of(image, pixels)
        return reader.read_mask(pixels)
    except (UnreadableError, DecodeError) as error:
        return Problem(path, str(error), _RESTORE)
    except FaintMaskError as error:
        # noise around black is what lossy compression makes of a mask without a lesion
        if label == "normal" and (image is None or error.shape == image.shape[:2]):
            return MaskLayers(np.zeros(error.shape, dtype=np.bool_), None, ("faint_mask",))
        return Problem(path, str(error), error.mend)
    except MaskError as error:
        return Problem(path, str(error), error.mend)
    except BreastsegError as error:
        return Problem(path, str(error), _SAVE)


def _require_mask_of(image: UInt8Image, mask: UInt8Image) -> None:
    """Refuse a mask of another size than its image, and the image itself in place of a mask."""
    if mask.shape[:2] != image.shape[:2]:
        what = f"is {_size(mask)} pixels, but its image is {_size(image)}"
        raise MaskError(what, "Take the mask that was drawn on this very image")
    if copies_image(mask, image) or repeats_texture(mask, image):
        raise MaskError("shows its image, as it is, with marks on it, cut out or brightened, and not the lesion alone")


def _size(pixels: UInt8Image) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def _merge(layers: Sequence[MaskLayers], image: UInt8Image) -> tuple[Mask, Mask | None]:
    """Unite the lesions, and the pixels not to be judged, of all mask files of a case."""
    lesion = np.zeros(image.shape[:2], dtype=np.bool_)
    ignored = lesion.copy()
    for layer in layers:
        lesion |= layer.lesion
        if layer.ignored is not None:
            ignored |= layer.ignored
    return lesion, ignored if ignored.any() else None


def _contradiction(case: RawCase, lesion: Mask) -> Problem | None:
    has_lesion = bool(lesion.any())
    if case.label == "unknown" or has_lesion == (case.label != "normal"):
        return None
    found = "a lesion" if has_lesion else "no lesion"
    path = (*case.masks, case.image)[0]
    return Problem(path, f"shows {found}, but the label is {case.label}", "Mend the mask or the label")


def _nothing_judged(case: RawCase, ignored: Mask | None) -> Problem | None:
    # such an image would count as one that every network gets right
    if ignored is None or not ignored.all():
        return None
    return Problem((*case.masks, case.image)[0], "leaves no pixel to be judged", "Mend the mask, or leave the case out")


def _pack(case: RawCase, image: UInt8Image, layers: tuple[Mask, Mask | None], flags: tuple[str, ...]) -> Examined:
    lesion, ignored = layers
    label: Label = case.label if lesion.any() else "normal"
    prepared = PreparedCase(
        case_id=case.case_id,
        dataset=case.dataset,
        patient=case.patient,
        label=label,
        device=case.device,
        birads=case.birads,
        height=image.shape[0],
        width=image.shape[1],
        channels=1 if is_grey(image) else 3,
        lesions=count_lesions(lesion),
        flags=flags,
        content_hash=_content_hash(image),
        duplicate_group=case.case_id,
        image_png=encode_png(image),
        mask_png=encode_png(lesion),
        ignored_png=None if ignored is None else encode_png(ignored),
    )
    return Examined(prepared, fingerprint(image))


def _content_hash(image: UInt8Image) -> str:
    # the shape as well: the same bytes in other rows are another picture
    return hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).hexdigest()
