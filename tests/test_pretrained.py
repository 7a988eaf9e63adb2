"""The released model is found, or it is said that there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from breastseg import pretrained
from breastseg.pretrained import FOLDER, ReleasedModelError

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_BYTES = 25_000_000


def test_the_only_onnx_file_is_the_released_one(tmp_path: Path) -> None:
    for name in ("cnn_unet-0123456789ab.onnx", "cnn_unet-0123456789ab.md", "__init__.py", ".other.onnx.partial"):
        (tmp_path / name).touch()
    assert pretrained.path(tmp_path) == tmp_path / "cnn_unet-0123456789ab.onnx"


def test_without_a_released_model_the_way_to_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "cnn_unet-0123456789ab.md").touch()
    with pytest.raises(ReleasedModelError, match=r"holds no released model\. .*--model.*breastseg release"):
        pretrained.path(tmp_path)


def test_of_two_models_none_is_chosen(tmp_path: Path) -> None:
    for name in ("b.onnx", "a.onnx"):
        (tmp_path / name).touch()
    with pytest.raises(ReleasedModelError, match=r"\(a\.onnx, b\.onnx\)\. Remove all but one"):
        pretrained.path(tmp_path)


def test_what_is_committed_is_at_most_one_model_with_its_card() -> None:
    models = list(FOLDER.glob("*.onnx"))
    assert len(models) <= 1
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == [model.stem for model in models]
    assert all(model.stat().st_size <= MAX_BYTES for model in models)
    assert not models or pretrained.path() == models[0]


def test_git_keeps_a_released_model_and_takes_it_for_no_text() -> None:
    """A wheel holds what git does not ignore."""
    names = [f"src/breastseg/pretrained/cnn_unet-0123456789ab.{suffix}" for suffix in ("onnx", "md")]
    ignored = subprocess.run(["git", "check-ignore", "--no-index", *names], cwd=REPOSITORY, check=False)  # noqa: S603, S607 - fixed command
    assert ignored.returncode == 1
    told = subprocess.check_output(["git", "check-attr", "text", "diff", "--", names[0]], cwd=REPOSITORY, text=True)  # noqa: S603, S607 - fixed command
    assert [line.rpartition(": ")[2] for line in told.splitlines()] == ["unset", "unset"]
