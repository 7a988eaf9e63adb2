"""A run that ended goes on where it was; nothing is half-written, done twice or taken from another run."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from breastseg.bulk import parts
from breastseg.bulk import predict as predict_module
from breastseg.bulk.lock import sole_run
from breastseg.bulk.manifest import MANIFEST
from breastseg.bulk.places import Folder, open_place
from breastseg.bulk.predict import Engine, predict
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.inference.predict import Answer, Answerer, local_answerer
from breastseg.storage import Store
from tests.bulk.images import contents, lines, save_images
from tests.onnx_models import make_contract, write_model
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from breastseg.bulk.places import Place

pytestmark = pytest.mark.integration

HERE = Engine(workers=1)
CHUNK = 10
IMAGES = 2 * CHUNK + 3


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CHUNK", CHUNK)


def _give_up() -> None:
    raise BreastsegError("enough")


class Counting:
    """Answers as a model does, counts, and gives up, or does something else, after a number of images."""

    def __init__(
        self, model: Path, most: int = 10**6, then: Callable[[], object] | None = None, *, overlay: bool = False
    ) -> None:
        self._model, self._most, self._then, self._overlay, self.count = model, most, then or _give_up, overlay, 0

    def __call__(self, *, threads: int | None = None) -> Answerer:
        inner, counting = local_answerer(self._model, overlay=self._overlay, threads=threads), self

        class Answering:
            model, frame, overlay = inner.model, inner.frame, inner.overlay

            def __call__(self, data: bytes) -> Answer:
                if counting.count == counting._most:
                    counting._then()
                counting.count += 1
                return inner(data)

        return Answering()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return save_images(tmp_path / "images", IMAGES)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.extended)])
def place(request: pytest.FixtureRequest, out: Path) -> str:
    return str(out) if request.param == "folder" else str(request.getfixturevalue("bucket"))


def end_early(images: Path, model: Path, out: Path) -> None:
    with pytest.raises(BreastsegError, match="enough"):
        predict([images], Counting(model, CHUNK + 5), out, HERE)


def test_only_what_no_finished_chunk_holds_is_done_again(images: Path, model_path: Path, out: Path) -> None:
    predict([images], partial(local_answerer, model_path), out, HERE)
    expected = contents(out)
    other = out.with_name("other")
    end_early(images, model_path, other)
    assert "predictions.jsonl" not in contents(other)
    again = Counting(model_path)
    assert predict([images], again, other, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK
    assert contents(other) == expected


def test_images_that_changed_came_or_went_are_done_again(images: Path, model_path: Path, out: Path) -> None:
    end_early(images, model_path, out)
    changed, gone = images / "00" / "0003.png", images / "00" / "0005.png"
    changed.write_bytes((images / "00" / "0015.png").read_bytes())
    gone.unlink()
    new = save_images(images / "new", 1) / "00" / "0000.png"
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    # the rest, the changed one and the new one
    assert again.count == IMAGES - CHUNK + 2
    told = {line["file"]: line["lesions"] for line in lines(out)}
    assert told[str(changed)] == told[str(images / "00" / "0015.png")]
    assert str(gone) not in told
    assert str(new) in told
    assert list(told) == sorted(told)


def test_lines_whose_masks_lie_elsewhere_are_no_lines_of_another_call(
    images: Path, model_path: Path, out: Path
) -> None:
    end_early(images, model_path, out)
    again = Counting(model_path)
    assert predict([images / "00"], again, out, HERE) == again.count == IMAGES
    assert [line["mask"] for line in lines(out)] == [f"{number:04}.png" for number in range(IMAGES)]
    assert all((out / line["mask"]).exists() for line in lines(out))


def test_images_that_failed_are_tried_again(images: Path, model_path: Path, out: Path) -> None:
    image = images / "00" / "0000.png"
    good = image.read_bytes()
    image.write_bytes(b"x" * len(good))
    changed = image.stat()
    end_early(images, model_path, out)
    # as if what kept it from being read was mended elsewhere
    image.write_bytes(good)
    os.utime(image, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK + 1
    assert all("error" not in line for line in lines(out))


def test_masks_that_are_gone_are_made_again(images: Path, model_path: Path, out: Path) -> None:
    end_early(images, model_path, out)
    mask = out / "00" / "0003.png"
    mask.unlink()
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK + 1
    assert mask.exists()


@pytest.mark.parametrize("ends", ["early", "with a failure"])
def test_a_line_does_not_outlive_its_mask_when_another_input_replaces_it(
    images: Path, model_path: Path, out: Path, place: str, ends: str
) -> None:
    others = images.with_name("others")
    # other images by the same names
    for number, path in enumerate(sorted(images.rglob("*.png"), reverse=True)):
        (others / "00").mkdir(parents=True, exist_ok=True)
        (others / "00" / f"{number:04}.png").write_bytes(path.read_bytes())
    if ends == "with a failure":
        for folder in (images, others):
            (folder / "00" / "bad.png").write_bytes(b"hello")
    for folder in (images, others, images):
        with pytest.raises(BreastsegError, match="enough" if ends == "early" else "1 found"):
            predict([folder], Counting(model_path, CHUNK + 5 if ends == "early" else 10**6), place, HERE)
    for folder in (images, others):
        (folder / "00" / "bad.png").unlink(missing_ok=True)
    predict([images], Counting(model_path), place, HERE)
    expected = out.with_name("expected")
    predict([images], Counting(model_path), expected, HERE)
    found = open_place(place)
    assert {name: found.read(name) for name, _ in found.listed() if name != MANIFEST} == {
        name: content for name, content in contents(expected).items() if name != MANIFEST
    }


def test_of_a_resumed_run_no_mask_is_made_twice_whose_name_is_hidden(images: Path, model_path: Path, out: Path) -> None:
    named = [path.rename(path.with_name(f".{path.name}")) for path in sorted((images / "00").iterdir())]
    with pytest.raises(BreastsegError, match="enough"):
        predict(named, Counting(model_path, CHUNK + 5), out, HERE)
    gone = out / named[3].name
    gone.unlink()
    again = Counting(model_path)
    assert predict(named, again, out, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK + 1
    assert gone.exists()


def overlays(place: str) -> dict[str, bytes]:
    found = open_place(place)
    return {name: found.read(name) for name, _ in found.listed() if name.endswith("_overlay.png")}


def test_a_run_that_was_begun_without_overlays_draws_those_that_are_missing(
    images: Path, model_path: Path, out: Path, place: str
) -> None:
    with pytest.raises(BreastsegError, match="enough"):
        predict([images], Counting(model_path, CHUNK + 5), place, HERE)
    assert overlays(place) == {}
    assert predict([images], Counting(model_path, overlay=True), place, HERE) == IMAGES
    other = out.with_name("other")
    predict([images], Counting(model_path, overlay=True), other, HERE)
    assert len(overlays(place)) == IMAGES
    assert overlays(place) == overlays(str(other))
    # and a finished one
    for name in overlays(place):
        open_place(place).remove(name)
    predict([images], Counting(model_path), place, HERE)
    predict([images], Counting(model_path, overlay=True), place, HERE)
    assert overlays(place) == overlays(str(other))
    assert not list(out.glob(f"{parts.PARTS}/*"))


def test_of_a_run_with_overlays_only_what_lacks_one_is_done_again(
    images: Path, model_path: Path, out: Path, place: str
) -> None:
    with pytest.raises(BreastsegError, match="enough"):
        predict([images], Counting(model_path, CHUNK + 5, overlay=True), place, HERE)
    found = open_place(place)
    found.remove("00/0003_overlay.png")
    found.write("00/0004_overlay.png", b"of somebody else")
    again = Counting(model_path, overlay=True)
    assert predict([images], again, place, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK + 2
    predict([images], Counting(model_path, overlay=True), out.with_name("other"), HERE)
    assert overlays(place) == overlays(str(out.with_name("other")))


def test_a_run_with_overlays_goes_on_without_them(images: Path, model_path: Path, out: Path) -> None:
    with pytest.raises(BreastsegError, match="enough"):
        predict([images], Counting(model_path, CHUNK + 5, overlay=True), out, HERE)
    (out / "00" / "0003_overlay.png").unlink()
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK
    predict([images], Counting(model_path), out.with_name("other"), HERE)
    for name in ("predictions.jsonl", "lesions.csv", MANIFEST):
        assert (out / name).read_bytes() == (out.with_name("other") / name).read_bytes()


def test_overlays_whose_names_are_hidden_are_found_again(images: Path, model_path: Path, out: Path) -> None:
    named = [path.rename(path.with_name(f".{path.name}")) for path in sorted((images / "00").iterdir())]
    with pytest.raises(BreastsegError, match="enough"):
        predict(named, Counting(model_path, CHUNK + 5, overlay=True), out, HERE)
    (out / ".0003_overlay.png").unlink()
    again = Counting(model_path, overlay=True)
    assert predict(named, again, out, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK + 1
    assert (out / ".0003_overlay.png").exists()


@pytest.mark.parametrize("overlay", [False, True])
def test_parts_that_were_written_before_there_were_overlays_are_taken(
    images: Path, model_path: Path, out: Path, *, overlay: bool
) -> None:
    end_early(images, model_path, out)
    (part,) = out.glob(f"{parts.PARTS}/*/*/part-*")
    head, *rest = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(json.dumps([mask for mask, _ in json.loads(head)]).encode() + b"\n" + b"".join(rest))
    again = Counting(model_path, overlay=overlay)
    assert predict([images], again, out, HERE) == IMAGES
    assert again.count == (IMAGES if overlay else IMAGES - CHUNK)


def test_a_folder_of_another_user_in_the_results_does_not_hold_up_a_resumed_run(
    images: Path, model_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_early(images, model_path, out)
    closed, scan = out / "lost+found", os.scandir
    closed.mkdir()

    def refusing(path: Any) -> object:  # noqa: ANN401 - as theirs
        if path == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scan(path)

    # root may read all
    monkeypatch.setattr(os, "scandir", refusing)
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK


@pytest.mark.parametrize("left", [True, False])
def test_a_lost_input_folder_ends_the_run_which_goes_on_later(
    images: Path, model_path: Path, out: Path, *, left: bool
) -> None:
    away = images.with_name("away")

    def lose() -> None:
        images.rename(away)
        if left:
            images.mkdir()

    losing = Counting(model_path, most=CHUNK + 1, then=lose)
    with pytest.raises(BreastsegError, match=r"images is gone, or holds nothing any more.*goes on where it was"):
        predict([images], losing, out, HERE)
    if left:
        images.rmdir()
    away.rename(images)
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    # a chunk whose files had all been read is whole
    assert 0 < again.count <= IMAGES - CHUNK


def test_an_unfinished_run_of_another_model_is_refused(images: Path, model_path: Path, out: Path) -> None:
    end_early(images, model_path, out)
    before = contents(out)
    other = write_model(out.with_name("other.onnx"), make_contract(encoder="other").to_json())
    with pytest.raises(BreastsegError, match=r"unfinished run of another model.*remove .*/\.parts/[0-9a-f]{16}, or"):
        predict([images], partial(local_answerer, other), out, HERE)
    with pytest.raises(BreastsegError, match="another model, frame or breastseg version"):
        predict([images], partial(local_answerer, model_path, 1), out, HERE)
    assert contents(out) == before


def test_after_failures_only_what_is_mended_is_done(images: Path, model_path: Path, out: Path) -> None:
    image = images / "00" / "0007.png"
    good = image.read_bytes()
    image.write_bytes(b"hello")
    with pytest.raises(ProblemsError, match="1 found"):
        predict([images], Counting(model_path), out, HERE)
    image.write_bytes(good)
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == IMAGES
    assert again.count == 1
    predict([images], Counting(model_path), out.with_name("other"), HERE)
    assert contents(out) == contents(out.with_name("other"))


def test_a_finished_run_with_failures_does_not_hold_up_another_model(images: Path, model_path: Path, out: Path) -> None:
    (images / "00" / "0007.png").write_bytes(b"hello")
    with pytest.raises(ProblemsError, match="1 found"):
        predict([images], Counting(model_path), out, HERE)
    other = Counting(write_model(out.with_name("other.onnx"), make_contract(encoder="other").to_json()), CHUNK + 1)
    with pytest.raises(BreastsegError, match="enough"):
        predict([images], other, out, HERE)
    # some masks are the other model's now
    assert len(list((out / parts.PARTS).iterdir())) == 1
    with pytest.raises(BreastsegError, match="unfinished run"):
        predict([images], Counting(model_path), out, HERE)


def test_a_finished_run_that_goes_on_is_unfinished_again(images: Path, model_path: Path, out: Path) -> None:
    (images / "00" / "0007.png").write_bytes(b"hello")
    with pytest.raises(ProblemsError, match="1 found"):
        predict([images], Counting(model_path), out, HERE)
    save_images(images / "new", IMAGES)
    end_early(images, model_path, out)
    other = write_model(out.with_name("other.onnx"), make_contract(encoder="other").to_json())
    with pytest.raises(BreastsegError, match="unfinished run"):
        predict([images], Counting(other), out, HERE)


def test_a_run_that_is_killed_while_it_tidies_up_is_finished(
    images: Path, model_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(predict_module, "write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            predict([images], Counting(model_path), out, HERE)
    assert list(out.glob(f"{parts.PARTS}/*/*/part-*"))
    other = write_model(out.with_name("other.onnx"), make_contract(encoder="other").to_json())
    assert predict([images], Counting(other), out, HERE) == IMAGES
    assert not (out / parts.PARTS).exists()


@pytest.mark.extended
def test_a_run_into_a_bucket_leaves_alone_what_another_one_writes_there(
    images: Path, model_path: Path, bucket: str
) -> None:
    def other_run() -> None:
        # another process of the first one would read its chunks anew
        parts._plan_lines.cache_clear()
        assert predict([images], Counting(model_path), bucket, HERE) == IMAGES

    # the second one starts and ends while the first one is at work, and takes what it has done by then
    first = Counting(model_path, CHUNK + 5, other_run)
    with pytest.raises(BreastsegError, match=r"lines are gone; did another run end there\? Run it again"):
        predict([images], first, bucket, HERE)
    assert first.count == IMAGES
    assert predict([images], Counting(model_path), bucket, HERE) == IMAGES


def test_two_runs_never_share_a_folder(images: Path, model_path: Path, out: Path) -> None:
    with sole_run(out / parts.PARTS), pytest.raises(BreastsegError, match=f"Another run writes to {out}"):
        predict([images], partial(local_answerer, model_path), out, HERE)
    assert predict([images], partial(local_answerer, model_path), out, HERE) == IMAGES
    assert not (out / parts.PARTS).exists()


def test_a_lock_that_goes_while_it_is_taken_holds_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = fcntl.flock

    def late(file: int, how: int) -> None:
        # another run ends between opening and locking
        (path,) = out.iterdir()
        path.unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(BreastsegError, match="has just ended"), sole_run(out):
        pass


@pytest.mark.parametrize("kind", [Folder, Store.open])
def test_a_file_is_on_the_disk_before_it_has_its_name(
    out: Path, kind: Callable[[Any], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[str, int, int]] = []
    sync, replace = os.fsync, os.replace

    def syncing(file: int) -> None:
        order.append(("synced", os.fstat(file).st_ino, os.fstat(file).st_size))
        sync(file)

    def replacing(source: Path, target: Path) -> None:
        order.append(("named", source.stat().st_ino, source.stat().st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    kind(out if kind is Folder else str(out)).write("a.png", b"content")
    (synced, *of_synced), (named, *of_named) = order
    assert (synced, named) == ("synced", "named")
    assert of_synced == of_named
    assert of_named[1] == len(b"content")


@pytest.mark.extended
def test_a_killed_command_leaves_nothing_half_written_and_goes_on(images: Path, model_path: Path, out: Path) -> None:
    chunk, many = 100, 500
    save_images(images, many)
    command = [sys.executable, "-m", "breastseg.cli", "predict", str(images), "--model", str(model_path)]
    command += ["--out", str(out), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        wait_until(lambda: list(out.glob(f"{parts.PARTS}/*/*/part-*")))
        process.send_signal(signal.SIGKILL)
    assert "predictions.jsonl" not in contents(out)
    masks = [path for path in out.rglob("*.png") if not path.name.startswith(".")]
    assert chunk <= len(masks) < many
    for mask in masks:
        Image.open(io.BytesIO(mask.read_bytes())).load()
    again = Counting(model_path)
    assert predict([images], again, out, HERE) == many
    assert again.count <= many - chunk
    predict([images], partial(local_answerer, model_path), out.with_name("other"), HERE)
    assert contents(out) == contents(out.with_name("other"))


def test_a_bucket_is_read_written_and_gone_on_with(images: Path, model_path: Path, out: Path, bucket: str) -> None:
    store, results = Store.open(bucket), Store.open(f"{bucket}-results")
    for name, content in contents(images).items():
        store.write(name, content)
    with pytest.raises(BreastsegError, match="enough"):
        predict([bucket], Counting(model_path, CHUNK + 5), results.place, HERE)
    assert results.names("predictions.jsonl") == []
    again = Counting(model_path)
    assert predict([bucket], again, results.place, HERE) == IMAGES
    assert again.count == IMAGES - CHUNK
    assert len(results.names("**")) == IMAGES + 3
    predict([images], partial(local_answerer, model_path), out, HERE)
    assert results.read("00/0015.png") == (out / "00" / "0015.png").read_bytes()
    assert len(results.read("predictions.jsonl").splitlines()) == IMAGES


def test_a_bucket_that_fails_ends_the_run_and_an_image_that_may_not_be_read_does_not(
    images: Path, model_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(bucket)
    store.write("a.png", (images / "00" / "0000.png").read_bytes())
    store.write("b.png", b"x")
    connection = type(store.files)
    cat = connection._cat_file

    def failing(error: Exception) -> None:
        async def read(self: object, path: str, *args: object, **words: object) -> object:
            if path.endswith("b.png"):
                raise error
            return await cat(self, path, *args, **words)

        monkeypatch.setattr(connection, "_cat_file", read)
        connection.clear_instance_cache()

    failing(TimeoutError("no answer"))
    with pytest.raises(BreastsegError, match="does not answer as it should"):
        predict([bucket], partial(local_answerer, model_path), f"{bucket}-results", HERE)
    failing(PermissionError("not yours"))
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)b\.png: may not be read\. Fix it"):
        predict([bucket], partial(local_answerer, model_path), f"{bucket}-results", HERE)


@pytest.mark.extended
def test_an_image_that_goes_from_a_bucket_meanwhile_is_told_as_gone(
    images: Path, model_path: Path, bucket: str
) -> None:
    store = Store.open(bucket)
    for name, content in contents(images).items():
        store.write(name, content)
    losing = Counting(model_path, 1, lambda: store.remove("00/0015.png"))
    with pytest.raises(ProblemsError, match=r"1 found(?s:.*)00/0015\.png: is gone\. Fix it"):
        predict([bucket], losing, f"{bucket}-results", HERE)
