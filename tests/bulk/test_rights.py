"""What may not be read, written or named is told in one sentence, by real rights."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from breastseg.bulk.predict import Engine, predict
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.inference.predict import local_answerer
from tests.bulk.images import save_images
from tests.onnx_models import make_contract, write_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

HERE = Engine(workers=1)
# to root, which may read and write all, rights say something once its capabilities are gone
_WITHOUT_CAPABILITIES = [] if os.geteuid() else ["setpriv", "--bounding-set=-all"]


def _refused(model: Path, source: Path, out: Path) -> str:
    """Return what the command tells of why it ends."""
    command = [*_WITHOUT_CAPABILITIES, sys.executable, "-m", "breastseg.cli", "predict", str(source)]
    command += ["--model", str(model), "--out", str(out), "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return save_images(tmp_path / "images", 3)


@pytest.mark.parametrize(("source", "mode"), [("", 0o600), ("0000.png", 0o600), ("", 0o300)])
def test_an_input_that_may_not_be_read_is_named(
    images: Path, model_path: Path, tmp_path: Path, source: str, mode: int
) -> None:
    (images / "00").chmod(mode)
    try:
        told = _refused(model_path, images / "00" / source, tmp_path / "out")
    finally:
        (images / "00").chmod(0o700)
    assert str(images / "00") in told
    assert "Permission denied" in told
    assert told.endswith(("Look at its name and your rights\n", "Look at its permissions\n"))


def test_an_image_that_may_not_be_read_is_listed_where_its_folder_cannot_be(
    images: Path, model_path: Path, tmp_path: Path
) -> None:
    image = images / "00" / "0000.png"
    image.chmod(0)
    image.parent.chmod(0o300)
    try:
        told = _refused(model_path, image, tmp_path / "out")
    finally:
        image.parent.chmod(0o700)
    assert f"{image}: cannot be read (Permission denied)" in told


def test_finished_parts_that_may_not_be_removed_are_named(images: Path, model_path: Path, tmp_path: Path) -> None:
    (images / "00" / "bad.png").write_bytes(b"hello")
    with pytest.raises(ProblemsError, match="1 found"):
        predict([images], partial(local_answerer, model_path), tmp_path / "out", HERE)
    (part,) = (tmp_path / "out").glob(".parts/*/*/part-*")
    part.parent.chmod(0o500)
    other = write_model(tmp_path / "other.onnx", make_contract(encoder="other").to_json())
    try:
        told = _refused(other, images, tmp_path / "out")
    finally:
        part.parent.chmod(0o700)
    assert told.startswith(f"Cannot remove {part} ([Errno 13] Permission denied")


def test_names_that_cannot_be_are_told(images: Path, model_path: Path, tmp_path: Path) -> None:
    long = "a" * 256
    with pytest.raises(BreastsegError, match=rf"Cannot read .*{long}.*too long"):
        predict([f"{images}/{long}"], partial(local_answerer, model_path), tmp_path / "out", HERE)
    with pytest.raises(BreastsegError, match=rf"Cannot write to .*{long}.*too long.*--out"):
        predict([images], partial(local_answerer, model_path), tmp_path / long, HERE)
    for out in (os.fsdecode(b"out\xff"), f"gs://bucket/{os.fsdecode(b'out')}\udcff"):
        with pytest.raises(BreastsegError, match=r"out\\udcff' is not UTF-8\. Name with --out"):
            predict([images], partial(local_answerer, model_path), out, HERE)
