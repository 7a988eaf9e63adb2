"""Lists the raw cases of one data set, or of several in one folder, each by its own layout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breastseg.data.cases import Listing
from breastseg.data.layouts import layout
from breastseg.errors import Problem, ProblemsError
from breastseg.folders import walk

if TYPE_CHECKING:
    from pathlib import Path

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


def require_no_linked_folder(root: Path) -> None:
    """Refuse links to folders, which DVC takes for empty ones: it would not notice changes behind them.

    Args:
        root: A folder, which may be a link itself.

    Raises:
        ProblemsError: Folders below it are links; all are named, each with the command that copies it.
    """
    links = [entry.name for entry in walk(root.as_posix()) if entry.fault and (root / entry.name).is_dir()]
    problems = [_linked(root / name) for name in sorted(links) if (root / name).is_symlink()]
    if problems:
        raise ProblemsError("DVC does not follow links to folders", problems)


def _linked(link: Path) -> Problem:
    target, copy = link.resolve(), link.with_name(f"{link.name}.copy")
    mend = f"Copy it: cp -r '{target}' '{copy}' && rm '{link}' && mv '{copy}' '{link}'"
    return Problem(link.as_posix(), "is a link to a folder, whose changes would not be noticed", mend)
