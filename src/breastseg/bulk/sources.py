"""What the inputs of `breastseg predict` hold, one image after the other: files, folders, patterns, in buckets too."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.bulk.overlays import overlay_of
from breastseg.bulk.places import is_remote, open_place, split_remote
from breastseg.data.image_names import has_image_ending, is_image
from breastseg.folders import file_fault, nfc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from breastseg.folders import Entry

_WILD = frozenset("*?[")
_ANY_FOLDERS = "**"
# the end of a name's beginning that may be the beginning of the end of a mask's or an overlay's name, as in `X_ma`: its
# image begins with X
_COMPANION_BEGINS = re.compile(
    r"(?<=.)_(m|ma|mas|mask(_\d*)?(\..*)?|o|ov|ove|over|overl|overla|overlay(\..*)?)?$", re.DOTALL
)


@dataclass(frozen=True)
class Image:
    """An image file to segment.

    Attributes:
        file: Its path, or its address in a bucket.
        mask: The name of its mask, from the folder of the results.
        version: Another content of the file has another one.
    """

    file: str
    mask: str
    version: str

    @property
    def overlay(self) -> str:
        """The name of its overlay, from the folder of the results."""
        return overlay_of(self.mask)

    @property
    def folder(self) -> str:
        """The input's folder, from which the file lies as its mask does from that of the results."""
        depth = self.mask.count("/")
        if is_remote(self.file):
            return self.file.rsplit("/", depth + 1)[0]
        return Path(self.file).parents[depth].as_posix()


@dataclass(frozen=True)
class _Input:
    """An input, parted into a folder and what is asked for in it; no pattern: all below."""

    folder: str
    pattern: tuple[str, ...] = ()

    @property
    def depth(self) -> int | None:
        return len(self.pattern) if self.pattern and _ANY_FOLDERS not in self.pattern else None

    @property
    def begin(self) -> str:
        """What the names of all files begin with that fit the pattern, and of images beside them.

        It ends before the first wild card, and before the first letter that has several forms in Unicode.
        """
        if not self.pattern:
            return ""
        fixed = "".join(takewhile(lambda letter: letter not in _WILD and letter.isascii(), self.pattern[0]))
        return _COMPANION_BEGINS.sub("", fixed) if len(self.pattern) == 1 else fixed

    def wants(self, name: str) -> bool:
        return not self.pattern or _fits(nfc(name).split("/"), self.pattern)

    def may_hold(self, name: str) -> bool:
        """Return whether files that fit the pattern may lie in a folder."""
        return not self.pattern or _may_lead_to(nfc(name).split("/") if name else (), self.pattern)


def find_images(source: str, out: str, note: Callable[[Entry], object] | None = None) -> Iterator[Image]:
    """Yield the images of an input, in any order.

    Args:
        source: A file; a folder, of which all image files are taken that lie in it, however deep; or a pattern of paths
            with `*`, `?`, `[…]`, and `**` for any folders. Each may be in a bucket. Hidden files are left out where
            they are not named. Masks of a folder's files lie as the files do below it, and those of a pattern as the
            files do below its last folder without a wild card.
        out: The folder of the results: none of them is taken for an input.
        note: See `Place.listed`; the entries have whole paths.

    Raises:
        BreastsegError: The input cannot be read.
    """
    version = _version_of(source)
    if version is not None:
        yield Image(_as_address(source), _mask(Path(source).name), version)
    elif is_remote(source) or is_folder(source) or _is_wild(source):
        found = _parted(source)
        for name, listed in _listed(found, out, note):
            if found.wants(name):
                yield Image(_join(found.folder, name), _mask(name), listed)


def images_beside(source: str, out: str) -> Iterator[str]:
    """Yield the masks of the images that a pattern passes over, but which may lie beside files that fit it."""
    found = _parted(source)
    if found.pattern and _version_of(source) is None:
        yield from (_mask(name) for name, _ in _listed(found, out, lambda _: None) if not found.wants(name))


def _listed(found: _Input, out: str, note: Callable[[Entry], object] | None) -> Iterator[tuple[str, str]]:
    """Yield the image files that an input's folder holds, as far as its pattern reaches, and their versions."""
    hidden_by = _below(found.folder, out)

    def note_relevant(entry: Entry) -> None:
        if note and found.may_hold(entry.name) and not (hidden_by and f"{entry.name}/".startswith(hidden_by)):
            note(replace(entry, name=_join(found.folder, entry.name)))

    listed = open_place(found.folder).listed(found.depth, found.begin, note=note_relevant if note else None)
    for name, version in listed:
        if is_image(name) and not (hidden_by and name.startswith(hidden_by)):
            yield name, version


def why_none(source: str) -> str:
    """Tell why an input that can be read gives no image."""
    if source.startswith(("http://", "https://")):
        return "is no bucket, and what lies at such addresses cannot be listed"
    if is_folder(source):
        return "holds no image"
    if _is_wild(source):
        return "is a pattern that no image fits"
    if is_remote(source):
        return "is no image file, and no image lies below it"
    return "does not exist" if (fault := file_fault(source)) == "is missing" else fault


def is_folder(source: str) -> bool:
    """Tell whether an input is a folder of this machine."""
    return not is_remote(source) and Path(source).is_dir()


def _version_of(source: str) -> str | None:
    """Return the version of a single file; None for what is no such file. A bucket is not asked without need."""
    if not is_remote(source):
        path = Path(source)
        return open_place(str(path.parent)).version(path.name)
    bucket, name = split_remote(source)
    return open_place(bucket).version(name) if has_image_ending(name) else None


def _parted(source: str) -> _Input:
    if is_folder(source) or not _is_wild(source):
        return _Input(_as_address(source))
    parts = source.split("/")
    fixed = next(place for place, part in enumerate(parts) if _is_wild(part))
    return _Input(
        "/".join(parts[:fixed]) or ("/" if source.startswith("/") else "."), tuple(nfc(part) for part in parts[fixed:])
    )


def _is_wild(text: str) -> bool:
    return not _WILD.isdisjoint(text)


def _fits(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a path's names fit a pattern's, in which `**` stands for any number of names, none too."""
    if not pattern:
        return not names
    if pattern[0] == _ANY_FOLDERS:
        return _fits(names, pattern[1:]) or bool(names and _fits(names[1:], pattern))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _fits(names[1:], pattern[1:])


def _may_lead_to(names: Sequence[str], pattern: Sequence[str]) -> bool:
    fixed = tuple(takewhile(lambda part: part != _ANY_FOLDERS, pattern))
    if len(names) > len(fixed):
        return len(fixed) < len(pattern) and _may_lead_to(names[: len(fixed)], pattern)
    return all(map(fnmatchcase, names, fixed))


def _as_address(source: str) -> str:
    return source.rstrip("/") if is_remote(source) else Path(source).as_posix()


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if is_remote(folder) else (Path(folder) / name).as_posix()


def _mask(name: str) -> str:
    return str(Path(name).with_suffix(".png").as_posix())


def _below(folder: str, out: str) -> str:
    """Return where the results are below an input's folder, with a stroke at the end; empty if they are elsewhere."""
    if is_remote(folder) or is_remote(out):
        inside = out.removeprefix(f"{folder}/") if out.startswith(f"{folder}/") else ""
    else:
        root, results = Path(folder).resolve(), Path(out).resolve()
        inside = results.relative_to(root).as_posix() if root in results.parents else ""
    return f"{inside}/" if inside else ""
