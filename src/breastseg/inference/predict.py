"""Segments files and folders without a server: a mask a file and one line a file in `predictions.jsonl`."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from tqdm import tqdm

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.files import replacing
from breastseg.inference.decode import IMAGE_ENDINGS, DecodeError, decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.report import ImageReport
from breastseg.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from breastseg.inference.contract import Contract
    from breastseg.inference.segmenter import Segmentation

PREDICTIONS = "predictions.jsonl"


def predict(paths: Sequence[Path], model: Path, out: Path) -> int:
    """Segment images and write `<stem>.png` (8-bit, 0 and 255, at native size) and `predictions.jsonl` into a folder.

    Args:
        paths: Image files, and folders, of which the image files right inside are taken in the order of their names,
            without hidden ones.
        model: The ONNX file.
        out: The folder to write to; what stands there under the same names is replaced.

    Returns:
        The number of images.

    Raises:
        ProblemsError: A path does not exist, a folder holds no image, two inputs would write one file, or no file can
            be decoded: nothing is written. Or some files cannot be decoded: all others are written, these are listed.
        BreastsegError: The folder cannot be written to; `predictions.jsonl` is as it was.
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
    """
    images = _list_images(paths)
    _require_distinct_outputs(images, out)
    segmenter = Segmenter.load(model)
    is_new = not out.exists()
    try:
        problems = _segment_all(images, segmenter, out)
    except ProblemsError:
        if is_new:
            out.rmdir()
        raise
    except OSError as error:
        raise BreastsegError(f"Cannot write to {out} ({error}). Name with --out a folder that can be") from error
    if problems:
        raise ProblemsError(f"Images that cannot be read; the others are written to {out}", problems)
    return len(images)


def _segment_all(images: list[Path], segmenter: Segmenter, out: Path) -> list[Problem]:
    """Write everything that can be; return the images that cannot be read, raise where that is all of them."""
    problems = []
    with replacing(out / PREDICTIONS) as partial, partial.open("w", encoding="utf-8") as lines:
        for path in tqdm(images, desc="segment", unit="image", disable=None):
            image = _read(path)
            if isinstance(image, Problem):
                problems.append(image)
            else:
                segmentation = segmenter.segment(image)
                _write_mask(segmentation, _mask_path(path, out))
                lines.write(_line(path, segmentation, segmenter.contract))
        if len(problems) == len(images):
            raise ProblemsError("No image can be read; nothing is written", problems)
    return problems


def _read(path: Path) -> np.ndarray | Problem:
    try:
        return decode_image(path.read_bytes())
    except (OSError, DecodeError) as error:
        return Problem(str(path), str(error), "Mend it, or leave it out")


def _write_mask(segmentation: Segmentation, path: Path) -> None:
    with replacing(path) as partial:
        partial.write_bytes(encode_mask(segmentation.mask))


def _line(path: Path, segmentation: Segmentation, contract: Contract) -> str:
    report = ImageReport.of(segmentation, contract).model_dump(mode="json")
    return json.dumps({"file": path.as_posix(), "mask": f"{path.stem}.png", **report}) + "\n"


def _mask_path(image: Path, out: Path) -> Path:
    return out / f"{image.stem}.png"


def _list_images(paths: Sequence[Path]) -> list[Path]:
    images: list[Path] = []
    problems = []
    for path in paths:
        found = _images_of(path)
        images += found
        if not found:
            what = "holds no image" if path.is_dir() else "does not exist"
            problems.append(Problem(str(path), what, f"Name image files or folders of {_suffixes()} files"))
    if problems:
        raise ProblemsError("Nothing to segment", problems)
    return images


def _images_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.exists() else []
    return sorted(file for file in path.iterdir() if _is_image_file(file))


def _is_image_file(path: Path) -> bool:
    # desktop systems keep hidden files beside images, under the same endings
    return path.is_file() and path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def _suffixes() -> str:
    return ", ".join(sorted(IMAGE_ENDINGS))


def _require_distinct_outputs(images: list[Path], out: Path) -> None:
    by_mask = defaultdict(list)
    for image in images:
        # some file systems do not tell upper from lower case
        by_mask[image.stem.casefold()].append(image)
    problems = [
        Problem(str(image), f"shares the mask {image.stem}.png with another input", "Rename one, or run them apart")
        for sharing in by_mask.values()
        for image in sharing
        if len(sharing) > 1
    ]
    inputs = {image.resolve() for image in images}
    problems += [
        Problem(str(image), "has its mask where an input image is", "Choose another output folder")
        for image in images
        if _mask_path(image, out).resolve() in inputs
    ]
    if problems:
        raise ProblemsError("Masks would overwrite each other or an input; nothing is written", problems)
