"""What files, folders and patterns hold, alike in a folder and in a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.bulk.sources import find_images, why_none
from breastseg.storage import Store

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("a.png", "b.JPG", "deep/c.png", "deep/er/d.dcm", "deep/er/notes.txt", ".hidden.png", ".git/e.png", "out/f.png")


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.integration)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    place = str(tmp_path / "images") if request.param == "folder" else request.getfixturevalue("bucket")
    store = Store.open(place)
    for name in FILES:
        store.write(name, name.encode())
    return place


def masks(source: str, out: str = "elsewhere") -> dict[str, str]:
    return {image.file: image.mask for image in find_images(source, out)}


def test_a_folder_gives_all_images_below_it_and_masks_that_lie_as_they_do(root: str) -> None:
    assert masks(root) == {
        f"{root}/a.png": "a.png",
        f"{root}/b.JPG": "b.png",
        f"{root}/deep/c.png": "deep/c.png",
        f"{root}/deep/er/d.dcm": "deep/er/d.png",
        f"{root}/out/f.png": "out/f.png",
    }


def test_results_below_an_input_are_no_images(root: str) -> None:
    assert f"{root}/out/f.png" not in masks(root, f"{root}/out")
    assert len(masks(root, f"{root}/out")) == 4
    # a name that only begins alike
    assert len(masks(root, f"{root}/ou")) == 5


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.png", {"a.png": "a.png"}),
        ("**/*.png", {"a.png": "a.png", "deep/c.png": "deep/c.png", "out/f.png": "out/f.png"}),
        ("deep/**", {"deep/c.png": "c.png", "deep/er/d.dcm": "er/d.png"}),
        ("deep/*/*.dcm", {"deep/er/d.dcm": "er/d.png"}),
        ("[ab].*", {"a.png": "a.png", "b.JPG": "b.png"}),
        ("*.txt", {}),
    ],
)
def test_a_pattern_gives_what_fits_it(root: str, pattern: str, found: dict[str, str]) -> None:
    assert masks(f"{root}/{pattern}") == {f"{root}/{file}": mask for file, mask in found.items()}


def test_a_bucket_is_asked_for_no_names_that_cannot_fit(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(bucket)
    for name in ("2024-01/a.png", "2024-02/b.png", "2023-12/c.png"):
        store.write(name, b"")
    told: list[str] = []
    call = type(store.files).call

    def watched(self: object, *args: object, **words: object) -> object:
        answer = call(self, *args, **words)
        told.extend(item["name"] for item in answer["items"])
        return answer

    monkeypatch.setattr(type(store.files), "call", watched)
    assert masks(f"{bucket}/2024-*/*.png") == {
        f"{bucket}/2024-01/a.png": "2024-01/a.png",
        f"{bucket}/2024-02/b.png": "2024-02/b.png",
    }
    assert [name.rpartition("predictions/")[2] for name in told] == ["2024-01/a.png", "2024-02/b.png"]


def test_a_single_file_is_taken_by_its_name(root: str) -> None:
    assert masks(f"{root}/deep/c.png") == {f"{root}/deep/c.png": "c.png"}
    assert masks(f"{root}/.hidden.png") == {f"{root}/.hidden.png": ".hidden.png"}
    assert masks(f"{root}/gone.png") == {}


def test_another_content_is_another_version(root: str) -> None:
    before = {image.file: image.version for image in find_images(root, "out")}
    Store.open(root).write("a.png", b"other")
    after = {image.file: image.version for image in find_images(root, "out")}
    assert [file for file in before if before[file] != after[file]] == [f"{root}/a.png"]


def test_a_name_with_wild_cards_is_a_file_where_there_is_one(root: str) -> None:
    for name in ("a[1].png", "a1.png", "b[1].jpg"):
        Store.open(root).write(name, b"")
    assert list(masks(f"{root}/a[1].png")) == [f"{root}/a[1].png"]
    assert set(masks(f"{root}/?[[]1].*")) == {f"{root}/a[1].png", f"{root}/b[1].jpg"}


def test_what_gives_no_image_is_told_as_it_is(root: str) -> None:
    assert why_none(f"{root}/*.gif") == "is a pattern that no image fits"
    gone = why_none(f"{root}/notes.txt")
    assert gone == ("is no image file, and no image lies below it" if "://" in root else "does not exist")
    assert why_none("https://example.org/a.png").startswith("is no bucket")


def test_links_that_lead_nowhere_are_listed_and_fail_when_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "images" / "b.png").symlink_to(tmp_path / "images" / "b.png")
    assert set(masks(str(tmp_path / "images")).values()) == {"a.png", "b.png"}


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    (tmp_path / "images" / "circle").symlink_to(tmp_path / "images")
    (tmp_path / "link").symlink_to(tmp_path / "images")
    assert [image.mask for image in find_images(str(tmp_path / "link"), "out")] == ["a.png"]


def test_a_bucket_is_listed_page_by_page(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(bucket)
    for number in range(5):
        store.write(f"{number}.png", b"")
    asked = []
    call = type(store.files).call

    def two_a_page(self: object, *args: object, pageToken: str | None, **words: object) -> object:  # noqa: N803 - theirs
        """Cut what the emulator gives at once as Google does."""
        asked.append(pageToken)
        items, start = call(self, *args, **words)["items"], int(pageToken or 0)
        more = {"nextPageToken": str(start + 2)} if start + 2 < len(items) else {}
        return {"items": items[start : start + 2]} | more

    monkeypatch.setattr(type(store.files), "call", two_a_page)
    assert sorted(name for name, _ in store.listed()) == [f"{number}.png" for number in range(5)]
    assert asked == [None, "2", "4"]
