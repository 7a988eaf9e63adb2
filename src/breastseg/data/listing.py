"""Lists the raw cases of one data set, or of several in one folder, each by its own layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.data.cases import Listing
from breastseg.data.layouts import layout
from breastseg.errors import Problem, ProblemsError
from breastseg.folders import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breastseg.data.cases import RawCase
    from breastseg.params.data import Data, Source


def list_cases(data: Data) -> Listing:
    """List the cases without opening an image.

    Of several sets, `dataset` is the set's name, and case ids begin with it: `busi/benign (1)`.

    Raises:
        ProblemsError: A data set is not where it should be; all are named.
    """
    listings: list[Listing] = []
    problems: list[Problem] = []
    for source in data.sources:
        try:
            listings.append(_named(source, layout(source.layout).find_cases(source.root)))
        except ProblemsError as error:
            if source.name is None:
                raise
            problems += error.problems
    if problems:
        raise ProblemsError("Not every data set can be listed", problems)
    return Listing(
        tuple(case for listing in listings for case in listing.cases),
        tuple(problem for listing in listings for problem in listing.problems),
    )


def layout_of(data: Data, case: RawCase) -> str:
    """Return the layout that reads the masks of a case."""
    return data.sets[case.dataset].layout if data.layout is None else data.layout


def _named(source: Source, listing: Listing) -> Listing:
    if source.name is None:
        return listing
    named = (replace(case, case_id=f"{source.name}/{case.case_id}", dataset=source.name) for case in listing.cases)
    return replace(listing, cases=tuple(named))


def require_no_linked_folder(data: Data) -> None:
    """Refuse links to folders, which DVC takes for empty ones: it would not notice changes behind them.

    `data.root` itself may be a link; folders of it that no set reads are not looked at.

    Raises:
        ProblemsError: Folders below it are links; all are named, each with the command that copies it.
    """
    root = Path(data.root)
    links = {link for source in data.sources for link in _linked_folders(root, source.root)}
    if links:
        raise ProblemsError("DVC does not follow links to folders", [_linked(link) for link in sorted(links)])


def _linked_folders(root: Path, source: Path) -> Iterator[Path]:
    """Yield the links to folders on the way from `root` to `source`, and below `source`."""
    way = source.relative_to(root).parts
    on_the_way = [root.joinpath(*way[: depth + 1]) for depth in range(len(way))]
    yield from (folder for folder in on_the_way if folder.is_symlink() and folder.is_dir())
    names = (entry.name for entry in walk(source.as_posix()) if entry.fault)
    yield from (source / name for name in names if (source / name).is_symlink() and (source / name).is_dir())


def _linked(link: Path) -> Problem:
    target, copy = link.resolve(), link.with_name(f"{link.name}.copy")
    fix = f"Copy it: cp -r '{target}' '{copy}' && rm '{link}' && mv '{copy}' '{link}'"
    return Problem(link.as_posix(), "is a link to a folder, whose changes would not be noticed", fix)
