"""The folder: layout, determinism, all or nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from breastseg.data.layouts.busi import find_cases
from breastseg.data.phantom import dataset
from breastseg.data.phantom.dataset import leave_empty, write_phantom
from breastseg.data.phantom.plan import plan_images
from breastseg.errors import ProblemsError
from breastseg.inference.decode import decode_image

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.params.phantom import Phantom


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def written(small: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("raw") / "phantom"
    write_phantom(small, root, workers=1)
    return root


def test_folder_reads_as_busi_without_a_problem(written: Path, small: Phantom) -> None:
    listing = find_cases(written)
    plans = plan_images(small)
    assert listing.problems == ()
    assert Counter(case.label for case in listing.cases) == Counter(plan.label for plan in plans)
    assert {case.case_id: len(case.masks) for case in listing.cases} == {
        plan.stem: max(plan.lesions, 1) for plan in plans
    }


def test_second_lesion_has_a_mask_file_of_its_own(written: Path) -> None:
    seconds = sorted(written.rglob("*_mask_1.png"))
    assert seconds
    for second in seconds:
        first = decode_image(second.with_name(second.name.replace("_mask_1", "_mask")).read_bytes())
        assert first.any()
        assert not (first & decode_image(second.read_bytes())).any()


def test_images_are_grey_of_several_sizes_and_masks_as_large(written: Path, small: Phantom) -> None:
    shapes = {plan.stem: plan.shape for plan in plan_images(small)}
    assert len(set(shapes.values())) > len(shapes) / 2
    for mask_file in written.rglob("*_mask.png"):
        image = decode_image(mask_file.with_name(mask_file.name.replace("_mask", "")).read_bytes())
        mask = decode_image(mask_file.read_bytes())
        assert mask.shape == image.shape == shapes[mask_file.stem.removesuffix("_mask")]
        assert mask.any() == (mask_file.parent.name != "normal")


@pytest.mark.integration
def test_bytes_depend_on_params_alone_not_on_workers(written: Path, small: Phantom, tmp_path: Path) -> None:
    write_phantom(small, tmp_path / "again", workers=2)
    assert digests(tmp_path / "again") == digests(written)


@pytest.mark.integration
def test_more_images_leave_the_first_ones_as_they_are(written: Path, small: Phantom, tmp_path: Path) -> None:
    write_phantom(small.model_copy(update={"images": 26}), tmp_path / "more", workers=1)
    assert digests(written).items() < digests(tmp_path / "more").items()


def test_another_seed_draws_other_images(written: Path, small: Phantom, tmp_path: Path) -> None:
    write_phantom(small.model_copy(update={"seed": small.seed + 1}), tmp_path / "other", workers=1)
    ours, others = digests(written), digests(tmp_path / "other")
    images = [name for name in ours if "_mask" not in name]
    assert not any(ours[name] == others[name] for name in images)


def test_failure_midway_leaves_nothing(small: Phantom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []

    def failing(*_: object) -> None:
        written.append(1)
        if len(written) == 5:
            raise OSError("No space left on device")

    monkeypatch.setattr(dataset, "_write_scan", failing)
    with pytest.raises(OSError, match="No space"):
        write_phantom(small, tmp_path / "raw" / "phantom", workers=1)
    assert list((tmp_path / "raw").iterdir()) == []


def test_leftovers_of_a_killed_run_do_not_get_in(small: Phantom, tmp_path: Path) -> None:
    left = tmp_path / ".phantom.partial" / "benign"
    left.mkdir(parents=True)
    (left / "benign (999).png").write_bytes(b"half")
    write_phantom(small.model_copy(update={"images": 10}), tmp_path / "phantom", workers=1)
    assert not list(tmp_path.rglob("benign (999).png"))


def test_the_folder_stays_empty_where_other_images_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        leave_empty(tmp_path / "raw" / "phantom", "data/raw/busi")
    assert list((tmp_path / "raw" / "phantom").iterdir()) == []
    assert "those of data/raw/busi are read" in caplog.text


def test_an_existing_folder_is_not_overwritten(small: Phantom, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ProblemsError, match="exists already"):
        write_phantom(small, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"
