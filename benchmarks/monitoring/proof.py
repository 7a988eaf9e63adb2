"""Whether monitoring notices shifts, and how often it is wrong without one, on the unseen images of a pipeline's run.

Usage: python -m benchmarks.monitoring.proof [--other FOLDER …], in a tree in which the pipeline has run. Printed are

- a row a shift of the test images: the area under the ROC curve of `novelty` against the unshifted ones, the share that
  is out of distribution, how many features of a window of all of them have drifted, the median number of images
  after which a window that is judged every few images is first called drifted, drawn by groups again and again, and the
  same until the service would raise its alarm: of enough images, at a day's level, by two judgements in a row;
- how many of 200 windows of unshifted images are called drifted: each is drawn by groups from one half of the
  validation and test images, and held against a profile that is made of the other half; and of 200 that are drawn by
  groups, with replacement, from the test images and held against the release's own profile;
- the rank correlation of expected and real Dice of the test images with a lesion.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from scipy.stats import mannwhitneyu, spearmanr
from statsmodels.stats.proportion import proportion_confint

from benchmarks.monitoring.shifts import SHIFTS, photographs
from benchmarks.serving.load import read_images
from breastseg.data.split_table import read_split
from breastseg.data.table import read_table
from breastseg.evaluation.metrics import score
from breastseg.export.reference import Reference, make_profile
from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.monitor import Alarm
from breastseg.monitoring.watch import Assessment, Watch
from breastseg.monitoring.windows import HORIZONS, Drift, Rules, Window
from breastseg.params.base import load
from breastseg.params.monitoring import Monitoring

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from breastseg.data.table import PreparedCase
    from breastseg.monitoring.profile import Profile

    UInt8Image = npt.NDArray[np.uint8]

RULES = Rules(fewest=50, level=0.05)
# so that a delay below what the service waits for can be told
EARLY = Rules(fewest=10, level=0.05)
STEP, STREAMS, MOST_IMAGES, WINDOWS, WINDOW_IMAGES = 5, 21, 200, 200, 60


@dataclass(frozen=True)
class Unseen:
    """An image that the network was not trained with.

    Attributes:
        case: The image and its truth.
        group: What belongs together.
        subset: `val` or `test`.
        assessed: What the release says, with the real Dice.
        dice: None for a normal.
    """

    case: PreparedCase
    group: str
    subset: str
    assessed: Assessment
    dice: float | None


@dataclass(frozen=True)
class Judge:
    """The release, ready to judge images."""

    segmenter: Segmenter
    watch: Watch
    profile: Profile

    @classmethod
    def load(cls, model: Path) -> Judge:
        """Open the release."""
        segmenter = Segmenter.load(model, threads=2)
        profile = segmenter.contract.reference_profile
        if profile is None:
            raise typer.BadParameter("the release has no reference profile")
        return cls(segmenter, Watch(profile), profile)

    def assess(self, images: Sequence[UInt8Image]) -> list[Assessment]:
        """Judge images, their mirror images apart."""
        return [self.watch.assess(image, self.segmenter.segment(image)) for image in images]


def main(
    other: Annotated[list[Path] | None, typer.Option(help="Folders of image files of other kinds")] = None,
) -> None:
    """Print the tables."""
    judge = Judge.load(Path("models/release/model.onnx"))
    unseen = list(_unseen(judge))
    test = [image for image in unseen if image.subset == "test"]
    usual = [image.assessed for image in test]
    groups = [image.group for image in test]
    images = [image.case.image() for image in test]
    head = "shift", "images", "AUROC", "out of distribution", "drifted features of a window", "until noticed", "alarm"
    typer.echo(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    typer.echo(_row("none", judge.profile, usual, usual, groups))
    for name, shift in SHIFTS.items():
        shifted = judge.assess([shift(image) for image in images])
        typer.echo(_row(name, judge.profile, usual, shifted, groups))
    for name, files in {"photographs": photographs(), **{str(f.name): _decoded(f) for f in other or []}}.items():
        typer.echo(_row(name, judge.profile, usual, judge.assess(files), [str(place) for place in range(len(files))]))
    typer.echo(f"\n{_halves(unseen, load('monitoring', Monitoring))}")
    typer.echo(_released(judge.profile, test))
    typer.echo(_expected_dice(test))


def _unseen(judge: Judge) -> Iterator[Unseen]:
    rows = {row.case_id: row for row in read_split(Path("data/splits.csv")) if row.subset != "train"}
    for case in read_table(Path("data/prepared/cases.parquet"), set(rows)):
        row, image, truth, ignored = rows[case.case_id], case.image(), case.mask(), case.ignored()
        found = judge.segmenter.segment(image)
        assessed = judge.watch.assess(image, found, judge.segmenter.mirrored_mask(image))
        judged = np.ones_like(truth) if ignored is None else ~ignored
        yield Unseen(case, row.group, row.subset, assessed, score(truth, found.mask, judged).dice)


def _decoded(folder: Path) -> list[UInt8Image]:
    return [decode_image(data) for data in read_images([folder], most=1000)]


def _row(
    name: str,
    profile: Profile,
    usual: Sequence[Assessment],
    shifted: Sequence[Assessment],
    groups: Sequence[str],
) -> str:
    scores, others = ([found.novelty for found in group] for group in (shifted, usual))
    area = mannwhitneyu(scores, others).statistic / (len(scores) * len(others))
    out = np.mean([found.out_of_distribution for found in shifted])
    drift = _drift(profile, shifted)
    names = [
        name for _, name in sorted((found.p_value, name) for name, found in drift.features.items() if found.drifted)
    ]
    told = f"{len(names)}: {', '.join(names[:3])}" if names else "none"
    noticed = _median([_until_noticed(profile, stream) for stream in _streams(shifted, groups)])
    alarmed = _median([_until_alarm(profile, stream) for stream in _streams(shifted, groups)])
    return f"| {name} | {len(shifted)} | {area:.2f} | {out:.0%} | {told} | {noticed} | {alarmed} |"


def _drift(profile: Profile, assessments: Sequence[Assessment]) -> Drift:
    window = Window(profile, HORIZONS[0], RULES)
    for assessment in assessments:
        window.add(assessment, now=0)
    return window.drift()


def _streams(assessments: Sequence[Assessment], groups: Sequence[str]) -> Iterator[list[Assessment]]:
    """Yield the images in one order after the other, those of a group together."""
    members: dict[str, list[Assessment]] = defaultdict(list)
    for group, assessment in zip(groups, assessments, strict=True):
        members[group].append(assessment)
    for seed in range(STREAMS):
        order = np.random.default_rng(seed).permutation(sorted(members)).tolist()
        yield [assessment for group in order for assessment in members[group]]


def _median(delays: Sequence[float]) -> str:
    """Return the median, where streams that stay quiet count as longer than any other."""
    middle = sorted(delays)[len(delays) // 2]
    return "never" if math.isinf(middle) else str(int(middle))


def _until_noticed(profile: Profile, stream: Sequence[Assessment]) -> float:
    looks = _looks(Window(profile, HORIZONS[0], EARLY), stream)
    return next((place for place, drift in looks if drift.drifted), math.inf)


def _until_alarm(profile: Profile, stream: Sequence[Assessment]) -> float:
    hour = HORIZONS[0]
    alarm = Alarm(RULES.looks, RULES.alarm_level(hour), hour.slots)
    # of some shifts there are few images: they come again until there are enough for a window
    for place, drift in _looks(Window(profile, hour, RULES), islice(cycle(stream), MOST_IMAGES)):
        alarm.hear(drift)
        if alarm.raised:
            return place
    return math.inf


def _looks(window: Window, stream: Iterable[Assessment]) -> Iterator[tuple[int, Drift]]:
    """Fill a window, and yield what it says after every few images."""
    for place, assessment in enumerate(stream, start=1):
        window.add(assessment, now=0)
        if place % STEP == 0:
            yield place, window.drift()


def _halves(unseen: Sequence[Unseen], params: Monitoring) -> str:
    found = [_quiet_window(unseen, params, np.random.default_rng(seed)) for seed in range(WINDOWS)]
    return _told("of one half, against a profile of the other,", found)


def _released(profile: Profile, test: Sequence[Unseen]) -> str:
    found = []
    for seed in range(WINDOWS):
        rng, members = np.random.default_rng(seed), defaultdict(list)
        for image in test:
            members[image.group].append(image.assessed)
        names, window = sorted(members), list[Assessment]()
        while len(window) < WINDOW_IMAGES:
            window += members[names[int(rng.integers(len(names)))]]
        window = window[:WINDOW_IMAGES]
        share = float(np.mean([image.out_of_distribution for image in window]))
        found.append((_drift(profile, window).drifted, share))
    return _told("of test images alone, against the release's own profile,", found)


def _told(which: str, found: Sequence[tuple[bool, float]]) -> str:
    """Say how many; windows share images, so the interval is narrower than that of as many other data sets."""
    alarms = sum(alarm for alarm, _ in found)
    low, high = proportion_confint(alarms, WINDOWS, method="beta")
    share = np.mean([share for _, share in found])
    return (
        f"{alarms} of {WINDOWS} windows of {WINDOW_IMAGES} unshifted images {which} are called drifted, "
        f"{alarms / WINDOWS:.1%} (95 % interval {low:.1%} to {high:.1%}); {share:.1%} of their images are out of "
        "distribution"
    )


def _quiet_window(unseen: Sequence[Unseen], params: Monitoring, rng: np.random.Generator) -> tuple[bool, float]:
    """Hold a window of one half of the groups against a profile of the other half."""
    groups = rng.permutation(sorted({image.group for image in unseen})).tolist()
    first = set(groups[: len(groups) // 2])
    inside = [image for image in unseen if image.group in first]
    profile = make_profile([Reference(i.group, i.assessed.observation, i.dice) for i in inside], params)
    watch = Watch(profile)
    order = {group: place for place, group in enumerate(groups)}
    outside = sorted((image for image in unseen if image.group not in first), key=lambda image: order[image.group])
    window = [watch.judge(image.assessed.observation) for image in outside[:WINDOW_IMAGES]]
    return _drift(profile, window).drifted, float(np.mean([found.out_of_distribution for found in window]))


def _expected_dice(test: Sequence[Unseen]) -> str:
    """Compare expected and real Dice where there is an expected one."""
    pairs = [(image.assessed.expected_dice, image.dice) for image in test if image.dice is not None]
    known = [pair for pair in pairs if pair[0] is not None]
    correlation = spearmanr(*np.array(known, dtype=np.float64).T).statistic
    return (
        f"Expected and real Dice of {len(known)} of {len(pairs)} lesion images: rank correlation {correlation:.2f}. "
        "The others have no expected Dice: they are out of distribution, or nothing was found"
    )


if __name__ == "__main__":
    typer.run(main)
