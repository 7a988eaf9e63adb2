"""Processes of this machine and Ray's leave the same bytes as this process alone, whatever happens to one of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from breastseg.bulk import inputs
from breastseg.bulk.predict import Engine, predict
from breastseg.errors import BreastsegError
from breastseg.inference.predict import carried_answerer, local_answerer
from breastseg.storage import Store
from tests.bulk.dying import dying_once
from tests.bulk.images import contents, lines, results, save_images

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

IMAGES = 450


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = save_images(tmp_path / "images", IMAGES)
    (folder / "00" / "0007.png").write_bytes(b"hello")
    return folder


def expect(images: Path, model: Path, out: Path) -> dict[str, bytes]:
    with pytest.raises(BreastsegError, match=r"0007\.png: is no PNG"):
        predict([images], partial(local_answerer, model, overlay=True), out, Engine(workers=1))
    assert len(lines(out)) == IMAGES
    assert len(list(out.rglob("*_overlay.png"))) == IMAGES - 1
    return results(out)


@pytest.mark.extended
def test_several_processes_leave_what_one_leaves(images: Path, model_path: Path, tmp_path: Path) -> None:
    expected = expect(images, model_path, tmp_path / "one")
    with pytest.raises(BreastsegError, match=r"1 found.*(?s:.*)0007\.png: is no PNG"):
        predict([images], partial(local_answerer, model_path, overlay=True), tmp_path / "two", Engine(workers=2))
    assert results(tmp_path / "two") == expected


@pytest.mark.extended
def test_a_killed_process_of_this_machine_is_told_and_the_run_goes_on_later(
    images: Path, model_path: Path, tmp_path: Path
) -> None:
    expected = expect(images, model_path, tmp_path / "one")
    image = (images / "03" / "0333.png").read_bytes()
    dying = partial(dying_once, model_path, image, tmp_path / "flag", overlay=True)
    with pytest.raises(BreastsegError, match=r"process was ended.*memory.*goes on"):
        predict([images], dying, tmp_path / "two", Engine(workers=2))
    with pytest.raises(BreastsegError, match=r"0007\.png: is no PNG"):
        predict([images], dying, tmp_path / "two", Engine(workers=2))
    assert results(tmp_path / "two") == expected


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_a_killed_worker_of_ray_loses_nothing(images: Path, model_path: Path, tmp_path: Path) -> None:
    expected = expect(images, model_path, tmp_path / "one")
    image = (images / "03" / "0333.png").read_bytes()
    dying = partial(dying_once, model_path, image, tmp_path / "flag", overlay=True)
    with pytest.raises(BreastsegError, match=r"1 found.*(?s:.*)0007\.png: is no PNG"):
        predict([images], dying, tmp_path / "two", Engine("ray"))
    assert (tmp_path / "flag").exists()
    assert results(tmp_path / "two") == expected


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_ray_goes_from_bucket_to_bucket(model_path: Path, tmp_path: Path, bucket: str) -> None:
    store = Store.open(bucket)
    for name, content in contents(save_images(tmp_path / "few", 30)).items():
        store.write(name, content)
    for engine, place in ((Engine("ray"), f"{bucket}-ray"), (Engine(workers=1), f"{bucket}-here")):
        assert predict([bucket], carried_answerer(model_path, overlay=True), place, engine) == 30
    there, here = Store.open(f"{bucket}-ray"), Store.open(f"{bucket}-here")
    assert len(here.names("**")) == 2 * 30 + 3
    assert {name: there.read(name) for name in there.names("**")} == {
        name: here.read(name) for name in here.names("**")
    }


def test_a_model_can_be_carried_to_where_its_file_is_not(images: Path, model_path: Path) -> None:
    data = (images / "00" / "0000.png").read_bytes()
    carried = carried_answerer(model_path, overlay=True)(threads=1)
    here = local_answerer(model_path, overlay=True)
    assert carried(data) == here(data)
    assert carried(data).overlay_png
    assert carried.model == here.model
    assert carried.model.file_sha256


def test_an_unknown_engine_is_refused(images: Path, model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=r"no engine 'spark'\. Name local or ray"):
        predict([images], partial(local_answerer, model_path), tmp_path / "out", Engine("spark"))
    assert not (tmp_path / "out").exists()


def test_of_many_failures_the_first_are_told(
    images: Path, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "SHOWN", 2)
    for name in ("01/0101.png", "01/0102.png"):
        (images / name).write_bytes(b"hello")
    with pytest.raises(
        BreastsegError, match=r"predictions\.jsonl tells of all \(3 found, these are the first\)"
    ) as raised:
        predict([images], partial(local_answerer, model_path), tmp_path / "out", Engine(workers=1))
    assert str(raised.value).count("is no PNG") == 2
    assert sum("error" in line for line in lines(tmp_path / "out")) == 3


def test_of_many_clashes_the_first_are_told(
    images: Path, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "SHOWN", 3)
    count = sum(1 for file in images.rglob("*") if file.is_file())
    with pytest.raises(BreastsegError, match=rf"{3 * count} found, these are the first") as raised:
        predict([images, images], partial(local_answerer, model_path), tmp_path / "out", Engine(workers=1))
    assert str(raised.value).count("shares the mask") == 3
    assert not (tmp_path / "out").exists()
