"""The layout of BCSS's patch edition: `train/`, `train_mask/`, `val/`, `val_mask/`, same names, RGB histology.

Amgad et al., Structured crowdsourcing enables convolutional segmentation of histology images, Bioinformatics 35, 2019,
doi 10.1093/bioinformatics/btz083. A mask holds a class code a pixel: 0 lies outside the annotated region and is not
to be judged, 1 is tumour, 2 is other tissue. The set's own parts train and val are not kept: they share
patients; `split` parts by patient.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from breastseg.colour import is_grey
from breastseg.data.cases import Listing, MaskLayers, RawCase
from breastseg.data.image_names import stem
from breastseg.data.layouts.files import group_masks, join_masks, list_images, locate
from breastseg.errors import BreastsegError, Problem
from breastseg.inference.decode import decode_image

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.inference.raster import UInt8Image

_PARTS = {"train": "train_mask", "val": "val_mask"}
_OUTSIDE, _TUMOUR, _OTHER = 0, 1, 2
# TCGA-A1-A0SK-DX1_…: project, tissue source site, participant
_BARCODE_PARTS = 3


def find_cases(root: Path) -> Listing:
    """List the patches; a case id is the patch's file name without its ending.

    The label is unknown: the mask tells whether a patch holds tumour, and one without is a normal.

    Raises:
        ProblemsError: `root` is missing or holds no folder of masks.
    """
    home = locate(root, _PARTS.values())
    listings = [_read_part(home / images, home / masks) for images, masks in _PARTS.items()]
    cases = tuple(case for listing in listings for case in listing.cases)
    return Listing(cases, tuple(problem for listing in listings for problem in listing.problems))


def decode_mask(data: bytes) -> UInt8Image:
    """Decode a file of class codes: uint8 `[H, W]`.

    Raises:
        DecodeError: As `decode_image`.
        BreastsegError: The file is not 8-bit grey; values of any other are scaled or mixed, and are codes no more.
    """
    pixels = decode_image(data)
    with Image.open(io.BytesIO(data)) as image:
        if image.mode != "L":
            raise BreastsegError(f"has the mode {image.mode} where class codes in 8-bit grey are expected")
    return pixels


def read_mask(image: UInt8Image) -> MaskLayers:
    """Read class codes, uint8 `[H, W]`: 1 is the lesion, 0 is ignored, 2 is other tissue.

    Raises:
        BreastsegError: The mask is coloured or holds other codes.
    """
    if not is_grey(image):
        raise BreastsegError("holds colours where class codes are expected")
    if image.max() > _OTHER:
        unknown = np.unique(image[image > _OTHER]).tolist()
        raise BreastsegError(f"holds values that are no class codes ({', '.join(map(str, unknown))}); 0, 1 and 2 are")
    return MaskLayers(image == _TUMOUR, image == _OUTSIDE)


def _read_part(image_folder: Path, mask_folder: Path) -> Listing:
    images, image_problems = list_images(image_folder)
    masks, mask_problems = list_images(mask_folder)
    joined, unjoined = join_masks(images, group_masks(masks))
    # class codes of two files may contradict each other, and cannot be united like lesions
    doubles = [mask for _, paths in joined if len(paths) > 1 for mask in paths]
    double_problems = [Problem(mask, "is not the only mask of its image", "Leave one mask") for mask in doubles]
    cases = tuple(
        RawCase(stem(i), "bcss", i, paths, "unknown", _patient(i), None) for i, paths in joined if len(paths) == 1
    )
    return Listing(cases, (*image_problems, *mask_problems, *unjoined, *double_problems))


def _patient(image: str) -> str:
    return "-".join(stem(image).split("-")[:_BARCODE_PARTS])
