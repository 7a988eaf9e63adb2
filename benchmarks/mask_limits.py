"""Where the limit lies between a lossy mask and an image in place of a mask.

Usage: python -m benchmarks.mask_limits BUSI-FOLDER BUS-BRA-FOLDER

Takes 60 lesion masks by chance, spoils each as careless tools do, cuts the image out around it and changes its tones,
and prints how much of what varies within each the image explains (`explained_share`): the most of masks, the least of
cut-outs. `repeats_texture` parts them at 0.85.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image
from scipy.ndimage import binary_dilation, gaussian_filter

from breastseg.data.layouts import bus_bra, busi
from breastseg.data.mask_copies import explained_share
from breastseg.inference.decode import decode_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breastseg.inference.raster import UInt8Image

TONES: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    "half as bright": lambda grey: grey // 2,
    "brighter by half": lambda grey: np.minimum(grey * 1.5, 255).astype(np.uint8),
    "brighter by 60": lambda grey: np.minimum(grey.astype(int) + 60, 255).astype(np.uint8),
    "of gamma 0.5": lambda grey: (255 * (grey / 255) ** 0.5).astype(np.uint8),
    "inverted": lambda grey: 255 - grey,
}


def as_jpeg(grey: UInt8Image, quality: int) -> UInt8Image:
    """Return what is left of an image."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def lossy(mask: UInt8Image) -> Iterator[tuple[str, UInt8Image]]:
    """Spoil a mask, 0 and 255."""
    for quality in (20, 50, 75, 95):
        for level in (60, 127, 255):
            yield f"JPEG of quality {quality}", as_jpeg(mask // 255 * np.uint8(level), quality)
    for sigma in (1, 2, 4):
        yield f"blurred by {sigma} px", gaussian_filter(mask, sigma)
    height, width = mask.shape
    small = Image.fromarray(mask).resize((width // 4, height // 4), Image.Resampling.BILINEAR)
    yield "enlarged four times", np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def cut_outs(mask: UInt8Image, image: UInt8Image) -> Iterator[tuple[str, UInt8Image]]:
    """Cut the image out, and change its tones."""
    for margin in (0, 5, 15):
        inside = binary_dilation(mask > 0, iterations=margin) if margin else mask > 0
        for name, change in TONES.items():
            cut = np.where(inside, change(image), 0).astype(np.uint8)
            yield name, cut
            yield f"{name}, JPEG", as_jpeg(cut, 75)


def main(
    busi_root: Annotated[Path, typer.Argument(help="BUSI's folder", file_okay=False, exists=True)],
    bus_bra_root: Annotated[Path, typer.Argument(help="BUS-BRA's folder", file_okay=False, exists=True)],
    count: Annotated[int, typer.Option(help="How many masks")] = 60,
) -> None:
    """Print a line a kind."""
    pairs = [
        (case.image, case.masks[0])
        for case in (*busi.find_cases(busi_root).cases, *bus_bra.find_cases(bus_bra_root).cases)
        if case.label != "normal"
    ]
    masks, cuts = dict[str, list[float]](), dict[str, list[float]]()
    for place in np.random.default_rng(0).permutation(len(pairs))[:count]:
        image, mask = (decode_image(Path(name).read_bytes()) for name in pairs[place])
        for kinds, made in ((masks, lossy(mask)), (cuts, cut_outs(mask, image))):
            for kind, spoilt in made:
                share = explained_share(spoilt, image)
                if share is not None:
                    kinds.setdefault(kind, []).append(share)
    for kind, shares in masks.items():
        typer.echo(f"masks, {kind}: {max(shares):.2f} at most")
    for kind, shares in cuts.items():
        typer.echo(f"cut-outs, {kind}: {min(shares):.2f} at least")


if __name__ == "__main__":
    typer.run(main)
