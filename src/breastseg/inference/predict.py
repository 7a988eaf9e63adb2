"""Segments files and folders without a server: a mask a file and one line a file in `predictions.jsonl`."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from tqdm import tqdm

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.files import replacing
from breastseg.inference.decode import IMAGE_ENDINGS, decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.raster import DecodeError
from breastseg.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from breastseg.inference.report import ImageReport

PREDICTIONS = "predictions.jsonl"


class Answerer(Protocol):
    """Whoever finds lesions: a model in this process, or a service elsewhere."""

    def __call__(self, data: bytes) -> tuple[bytes, ImageReport]:
        """Return the mask of an image file as PNG at native size, and what is told about it.

        Raises:
            DecodeError: The bytes are no image that can be read.
        """


def local_answerer(model: Path, frame: int | None = None) -> Answerer:
    """Answer in this process.

    Args:
        model: The ONNX file.
        frame: See `decode_image`.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
    """
    segmenter = Segmenter.load(model)

    def answer(data: bytes) -> tuple[bytes, ImageReport]:
        segmentation = segmenter.segment(decode_image(data, frame=frame))
        return encode_mask(segmentation.mask), segmenter.report(segmentation)

    return answer


def predict(paths: Sequence[Path], make_answerer: Callable[[], Answerer], out: Path) -> int:
    """Segment images and write `<stem>.png` (8-bit, 0 and 255, at native size) and `predictions.jsonl` into a folder.

    Args:
        paths: Image files, and folders, of which the image files right inside are taken in the order of their names,
            without hidden ones.
        make_answerer: Makes who finds the lesions; called once the paths are known to hold.
        out: The folder to write to; what stands there under the same names is replaced.

    Returns:
        The number of images.

    Raises:
        ProblemsError: A path does not exist, a folder holds no image, two inputs would write one file, or no file can
            be decoded: nothing is written. Or some files cannot be decoded: all others are written, these are listed.
        BreastsegError: The folder cannot be written to, or nobody answers; `predictions.jsonl` is as it was.
    """
    images = _list_images(paths)
    _require_distinct_outputs(images, out)
    answer = make_answerer()
    is_new = not out.exists()
    try:
        problems = _segment_all(images, answer, out)
    except ProblemsError:
        if is_new:
            out.rmdir()
        raise
    except OSError as error:
        raise BreastsegError(f"Cannot write to {out} ({error}). Name with --out a folder that can be") from error
    if problems:
        raise ProblemsError(f"Images that cannot be read; the others are written to {out}", problems)
    return len(images)


def _segment_all(images: list[Path], answer: Answerer, out: Path) -> list[Problem]:
    """Write everything that can be; return the images that cannot be read, raise where that is all of them."""
    problems = []
    with replacing(out / PREDICTIONS) as partial, partial.open("w", encoding="utf-8") as lines:
        for path in tqdm(images, desc="segment", unit="image", disable=None):
            try:
                mask_png, report = answer(path.read_bytes())
            except (OSError, DecodeError) as error:
                problems.append(Problem(str(path), str(error), "Mend it, or leave it out"))
                continue
            _write(mask_png, _mask_path(path, out))
            lines.write(_line(path, report))
        if len(problems) == len(images):
            raise ProblemsError("No image can be read; nothing is written", problems)
    return problems


def _write(mask_png: bytes, path: Path) -> None:
    with replacing(path) as partial:
        partial.write_bytes(mask_png)


def _line(path: Path, report: ImageReport) -> str:
    told = {"file": path.as_posix(), "mask": f"{path.stem}.png", **report.model_dump(mode="json")}
    return json.dumps(told) + "\n"


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
