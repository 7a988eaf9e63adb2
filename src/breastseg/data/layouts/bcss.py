"""The layout of BCSS's patch edition: `train/`, `train_mask/`, `val/`, `val_mask/`, same names, RGB histology.

Amgad et al., Structured crowdsourcing enables convolutional segmentation of histology images, Bioinformatics 35, 2019,
doi 10.1093/bioinformatics/btz083. A mask holds a class code a pixel: 0 lies outside the annotated region and is not
to be judged, 1 is tumour, any other is other tissue. The set's own parts train and val are not kept: they share
patients; `split` parts by patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.cases import Listing, MaskLayers, RawCase
from breastseg.data.layouts.files import join_masks, list_images, locate, stem
from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.inference.decode import UInt8Image

_PARTS = {"train": "train_mask", "val": "val_mask"}
_OUTSIDE, _TUMOUR = 0, 1
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


def read_mask(image: UInt8Image) -> MaskLayers:
    """Read class codes, uint8 `[H, W]`: 1 is the lesion, 0 is ignored.

    Raises:
        BreastsegError: The mask is coloured.
    """
    if image.ndim != 2:  # noqa: PLR2004 - two axes are grey
        raise BreastsegError("holds colours where class codes are expected")
    return MaskLayers(image == _TUMOUR, image == _OUTSIDE)


def _read_part(image_folder: Path, mask_folder: Path) -> Listing:
    images, image_problems = list_images(image_folder)
    masks, mask_problems = list_images(mask_folder)
    joined, unjoined = join_masks(images, {stem(mask): [mask] for mask in masks})
    cases = tuple(RawCase(stem(i), "bcss", i, paths, "unknown", _patient(i), None) for i, paths in joined)
    return Listing(cases, (*image_problems, *mask_problems, *unjoined))


def _patient(image: str) -> str:
    return "-".join(stem(image).split("-")[:_BARCODE_PARTS])
