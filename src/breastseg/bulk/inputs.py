"""Inputs of a run: their images go into a plan, masks and overlays beside images are skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breastseg.bulk.places import is_named, normalised
from breastseg.bulk.sources import find_images, images_beside, why_none
from breastseg.data.image_names import is_image
from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.folders import is_utf8
from breastseg.inference.decode import IMAGE_ENDINGS
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from breastseg.bulk.plan import Plan
    from breastseg.bulk.sources import Image
    from breastseg.folders import Entry

# of many offenders the first ones are shown
SHOWN = 100
_LINK = "Skipped {}, which {} not followed: name a folder to take its images"
_COMPANION = "Skipped {} that {} beside {}; name {}'s file to predict on it"


@dataclass(frozen=True)
class Skipped:
    """What inputs hold that is not predicted on.

    Attributes:
        masks: Number of masks that lie beside their image, as in BUSI.
        overlays: Number of overlays that lie beside their image, or beside its mask in the results of an earlier run.
        links: Number of links to folders, and of links that lead nowhere and are not named as images.
    """

    masks: int
    overlays: int
    links: int

    def __str__(self) -> str:
        """Return a line for each kind of which there are some."""
        links = [_LINK.format(counted(self.links, "link"), "is" if self.links == 1 else "are")] if self.links else []
        return "\n".join([*_companions(self.masks, "mask"), *_companions(self.overlays, "overlay"), *links])


def _companions(count: int, noun: str) -> list[str]:
    verbs = ("lies", "its image") if count == 1 else ("lie", "their images")
    named = f"{'an' if noun == 'overlay' else 'a'} {noun}"
    return [_COMPANION.format(counted(count, noun), *verbs, named)] if count else []


@dataclass
class _Noted:
    """What the listings pass over; of the problems the first ones, so that memory does not grow with their number."""

    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    links: int = 0

    def add(self, problem: Problem) -> None:
        self.count += 1
        if self.count <= SHOWN:
            self.problems.append(problem)

    def note(self, entry: Entry) -> None:
        if entry.error:
            self.add(Problem(entry.name, entry.fault, "Look at its permissions"))
        elif not (entry.file and is_image(entry.name)):
            self.links += 1

    def nameable(self, images: Iterable[Image]) -> Iterator[Image]:
        """Pass images on whose names a line can hold, and list the others."""
        for image in images:
            if is_utf8(image.file):
                yield image
            else:
                self.add(Problem(image.file, "has a name that is not UTF-8", "Rename it"))


def add_inputs(plan: Plan, sources: Sequence[str], out: str) -> Skipped:
    """Put the images of all inputs into a plan, but masks and overlays that lie beside their images.

    Those that are named themselves are put there too.

    Args:
        plan: Takes them; so many names are not held in memory.
        sources: See `find_images`.
        out: The folder of the results: none of them is taken for an input.

    Returns:
        What was skipped.

    Raises:
        ProblemsError: An input holds no image, or images that cannot be listed or named; all are listed.
        BreastsegError: An input cannot be read; or there are many such problems, of which the first are listed.
    """
    mend = f"Name image files or folders of {', '.join(sorted(IMAGE_ENDINGS))} files"
    noted, places = _Noted(), [normalised(source) for source in sources]
    filled: set[int] = set()
    for place, source in enumerate(places):
        if not is_named(source):
            noted.add(Problem(repr(sources[place]), "names nothing", mend))
            continue
        before = noted.count
        if plan.add_images(place, noted.nameable(find_images(source, out, noted.note))):
            filled.add(place)
        elif noted.count == before:
            noted.add(Problem(source, why_none(source), mend))
    # a file that is named itself has nothing beside it
    named = plan.sources_with_companion_names()
    beside = ((place, mask) for place in named for mask in images_beside(places[place], out))
    masks, overlays = plan.forget_companions(beside) if named else (0, 0)
    for place in sorted(filled - plan.sources()):
        what = "is a pattern that only masks or overlays of images beside them fit"
        noted.add(Problem(places[place], what, "Name their files, or another pattern"))
    if noted.count:
        raise listing("Nothing to segment", noted.problems, noted.count)
    return Skipped(masks, overlays, noted.links)


def listing(title: str, problems: Sequence[Problem], count: int) -> BreastsegError:
    """Return an error of all problems, or of the first ones of `count`."""
    if count == len(problems):
        return ProblemsError(title, problems)
    listed = "\n".join(f"  - {problem}" for problem in problems)
    return BreastsegError(f"{title} ({count} found, these are the first):\n{listed}")
