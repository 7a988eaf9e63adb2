"""What a run says at its end: how many images have a lesion, have none or failed, and where the results are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from breastseg.bulk.manifest import Counts
from breastseg.bulk.summary import Tally, summary
from breastseg.cli import app
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from pathlib import Path


def counts(with_lesion: int, without_lesion: int, failed: int, unlike: int | None) -> Counts:
    done = with_lesion + without_lesion
    return Counts(done + failed, done, with_lesion, without_lesion, failed, 0, 0, unlike)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            (7, 4, 1, 2),
            "12 images: 7 with a lesion, 4 without, 1 failed. 2 of 11 images are unlike the training images.",
        ),
        ((1, 0, 0, 1), "1 image: 1 with a lesion, 0 without, 0 failed. 1 of 1 image is unlike the training images."),
        ((0, 2, 0, None), "2 images: 0 with a lesion, 2 without, 0 failed."),
    ],
)
def test_the_first_line_counts_the_images(found: tuple[int, int, int, int | None], said: str) -> None:
    assert summary(counts(*found), "out", overlays=False).splitlines()[0] == said


def test_the_second_line_says_where_the_results_are() -> None:
    plain = summary(counts(1, 0, 0, None), "gs://bucket/out", overlays=False).splitlines()[1]
    assert plain.startswith("Masks, lesions.csv and predictions.jsonl are in gs://bucket/out. Research use only.")
    drawn = summary(counts(1, 0, 0, None), "a\nb", overlays=True).splitlines()[1]
    assert drawn.startswith(r"Masks, overlays (*_overlay.png), lesions.csv and predictions.jsonl are in a\nb. ")


def test_images_are_counted_by_their_lines() -> None:
    tally = Tally()
    told: list[tuple[list[object], bool]] = [([{}], True), ([{}, {}], False), ([], True)]
    for lesions, unlike in told:
        tally.add({"lesions": lesions, "out_of_distribution": unlike})
    tally.add({"error": "is gone"})
    assert (tally.with_lesion, tally.without_lesion, tally.out_of_distribution) == (2, 1, 2)


def test_of_a_model_without_a_profile_nothing_is_said_to_be_unlike() -> None:
    tally = Tally()
    tally.add({"lesions": [], "out_of_distribution": None})
    assert tally.out_of_distribution is None


def test_the_command_says_it_after_failures_too(tmp_path: Path, model_path: Path) -> None:
    for name, image in (("a.png", bright_image(40, 50, (10, 10, 30, 30))), ("b.png", np.full((40, 50), 30, np.uint8))):
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"hello")
    out = tmp_path / "out"
    arguments = ["predict", str(tmp_path), "--model", str(model_path), "--out", str(out), "--overlay"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "3 images: 1 with a lesion, 1 without, 1 failed."
    assert f"Masks, overlays (*_overlay.png), lesions.csv and predictions.jsonl are in {out}. " in done.stdout
    assert "c.png: is no PNG" in done.stderr
    assert (out / "a_overlay.png").exists()
