"""How well a release's reference profile tells shifted images from unshifted ones, on the test cases of its own run.

Usage: python -m benchmarks.shifts [--root .] [--other FOLDER]

`root` is a tree in which the pipeline has run. Each shift is applied to every test case; printed are the area under the
ROC curve of `novelty` against the unshifted cases, the share called out of distribution, and whether a window of all of
them is called drifted, with the features. Then the rank correlation of expected and real Dice on lesion images.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image, ImageFilter
from scipy.stats import mannwhitneyu, spearmanr

from benchmarks.serving.load import read_images
from breastseg.data.split_table import read_split
from breastseg.data.table import read_table
from breastseg.evaluation.metrics import score
from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.watch import Assessment, Watch
from breastseg.monitoring.windows import HORIZONS, Rules, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from breastseg.data.table import PreparedCase
    from breastseg.monitoring.profile import Profile

    UInt8Image = npt.NDArray[np.uint8]

RULES = Rules(fewest=50, level=0.05)


def _scaled(factor: float) -> Callable[[UInt8Image], UInt8Image]:
    return lambda image: (image * factor).clip(0, 255).astype(np.uint8)


def _gamma(image: UInt8Image) -> UInt8Image:
    return np.rint(255 * (image / 255.0) ** 1.8).astype(np.uint8)


def _blur(image: UInt8Image) -> UInt8Image:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))


def _speckle(image: UInt8Image) -> UInt8Image:
    noise = np.random.default_rng(0).normal(1, 0.3, image.shape)
    return (image * noise).clip(0, 255).astype(np.uint8)


def _jpeg(image: UInt8Image) -> UInt8Image:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=10)
    return np.asarray(Image.open(file))


def _flip(image: UInt8Image) -> UInt8Image:
    return np.ascontiguousarray(image[::-1])


def _overlay(image: UInt8Image) -> UInt8Image:
    coloured = np.asarray(Image.fromarray(image).convert("RGB")).copy()
    height, width = coloured.shape[:2]
    coloured[height // 10 : height // 5, width // 10 : width // 3] = (255, 160, 0)
    return coloured


SHIFTS: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    "none": lambda image: image,
    "gain +30 %": _scaled(1.3),
    "gain -30 %": _scaled(0.7),
    "gamma 1.8": _gamma,
    "blur of 2 px": _blur,
    "speckle of 30 %": _speckle,
    "JPEG of quality 10": _jpeg,
    "vertical flip": _flip,
    "colour overlay": _overlay,
}


def _judge(segmenter: Segmenter, watch: Watch, images: Sequence[UInt8Image]) -> list[Assessment]:
    return [watch.assess(image, segmenter.segment(image)) for image in images]


def _window(profile: Profile, assessments: Sequence[Assessment]) -> str:
    window = Window(profile, HORIZONS[0], RULES)
    for assessment in assessments:
        window.add(assessment, now=0)
    drift = window.drift()
    names = sorted((found.p_value, name) for name, found in drift.features.items() if found.drifted)
    if not drift.enough:
        return "too few images"
    return f"{len(names)}: {', '.join(name for _, name in names[:3])}" if names else "none"


def _row(name: str, profile: Profile, usual: Sequence[Assessment], shifted: Sequence[Assessment]) -> str:
    scores, others = ([found.novelty for found in group] for group in (shifted, usual))
    area = mannwhitneyu(scores, others).statistic / (len(scores) * len(others))
    out = np.mean([found.out_of_distribution for found in shifted])
    return f"| {name} | {len(shifted)} | {area:.2f} | {out:.0%} | {_window(profile, shifted)} |"


def main(
    root: Annotated[Path, typer.Option(help="A tree in which the pipeline has run")] = Path(),
    other: Annotated[Path | None, typer.Option(help="A folder of image files of another kind")] = None,
) -> None:
    """Print both tables."""
    segmenter = Segmenter.load(root / "models/release/model.onnx", threads=2)
    profile = segmenter.contract.reference_profile
    if profile is None:
        raise typer.BadParameter("the release has no reference profile")
    watch = Watch(profile)
    places = {row.case_id for row in read_split(root / "data/splits.csv") if row.subset == "test"}
    cases = list(read_table(root / "data/prepared/cases.parquet", places))
    images = [case.image() for case in cases]
    usual = _judge(segmenter, watch, images)
    typer.echo("| shift | images | AUROC | out of distribution | drifted features of a window |")
    typer.echo("| --- | --- | --- | --- | --- |")
    for name, shift in SHIFTS.items():
        typer.echo(_row(name, profile, usual, _judge(segmenter, watch, [shift(image) for image in images])))
    if other is not None:
        files = [decode_image(data) for data in read_images([other], most=1000)]
        typer.echo(_row(other.name, profile, usual, _judge(segmenter, watch, files)))
    typer.echo(f"\n{_foretelling(cases, segmenter, usual)}")


def _foretelling(cases: Sequence[PreparedCase], segmenter: Segmenter, assessments: Sequence[Assessment]) -> str:
    pairs = []
    for case, found in zip(cases, assessments, strict=True):
        truth = case.mask()
        dice = score(truth, segmenter.segment(case.image()).mask, np.ones_like(truth)).dice
        if dice is not None:
            pairs.append((found.expected_dice, dice))
    foretold, real = np.array(pairs).T
    correlation = spearmanr(foretold, real).statistic
    return f"expected and real Dice of {len(pairs)} lesion images: rank correlation {correlation:.2f}"


if __name__ == "__main__":
    typer.run(main)
