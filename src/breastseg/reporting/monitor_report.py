"""What the service has seen in a period, against its model's reference or an earlier period, as one HTML file."""

from __future__ import annotations

import html
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from breastseg.errors import BreastsegError
from breastseg.prediction_logs.drift import filled, profile_of
from breastseg.prediction_logs.read import NoPredictionsError, Period, of_model, within
from breastseg.prediction_logs.truth import by_day as truth_by_day
from breastseg.prediction_logs.truth import foretelling, traffic_dice
from breastseg.reporting import monitor_charts
from breastseg.reporting.html_page import figure, lay_out, require_page, write_page
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from breastseg.inference.contract import Contract
    from breastseg.monitoring.prediction import Prediction
    from breastseg.monitoring.profile import Profile
    from breastseg.monitoring.windows import Drift, Rules, Window
    from breastseg.prediction_logs.truth import Labelled

_MOST_CHARTS = 6


@dataclass(frozen=True)
class Wanted:
    """What is to be reported.

    Attributes:
        period: Whose answers.
        against: The period that they are held against; None: the model's reference profile.
        rules: When there are enough, and how far apart is too far.
    """

    period: Period
    against: Period | None
    rules: Rules

    @property
    def both(self) -> Period:
        """Both periods, with what lies between them."""
        return self.period if self.against is None else self.period.joined(self.against)


@dataclass(frozen=True)
class Found:
    """What the report says in short.

    Attributes:
        drift: The period as one window.
        of_other_models: Answers of the period that another model gave; they are left out.
        against: What they were held against, in words.
    """

    drift: Drift
    of_other_models: int
    against: str

    def __str__(self) -> str:
        """Say it in a sentence or two."""
        drift = self.drift
        others = f", beside {self.of_other_models} of other models" if self.of_other_models else ""
        told = f"{counted(drift.images, 'answer')}{others}. "
        if not drift.enough:
            return f"{told}Too few to be judged"
        names = ", ".join(sorted(name for name, feature in drift.features.items() if feature.drifted))
        return f"{told}They differ from {self.against}: {names}" if drift.drifted else f"{told}No drift was found"


def write_monitor_report(
    predictions: Sequence[Prediction], contract: Contract, wanted: Wanted, labelled: Sequence[Labelled], out: Path
) -> Found:
    """Write the report.

    Args:
        predictions: All that are kept.
        contract: Of the model whose answers are looked at.
        wanted: What is to be reported.
        labelled: Answers with their truth; perhaps none.
        out: The HTML file.

    Returns:
        What it says in short.

    Raises:
        BreastsegError: The model has no reference profile, a period is empty, both periods share time, or the file
            cannot be written.
    """
    require_page(out)
    if wanted.against is not None and wanted.against.overlaps(wanted.period):
        raise BreastsegError(
            f"The answers {wanted.period} and those {wanted.against} are in part the same. Bound both: --since and"
            " --until, --against-since and --against-until"
        )
    profile = contract.reference_profile
    if profile is None:
        raise BreastsegError("The model has no reference profile to hold answers against. Export it again")
    in_period = within(predictions, wanted.period)
    own = of_model(in_period, contract)
    if not own:
        raise NoPredictionsError(f"There is no answer of model {contract.model_version} {wanted.period}")
    if wanted.against is not None:
        profile = profile_of(of_model(within(predictions, wanted.against), contract), profile)
    window = filled(own, profile, wanted.rules)
    against = "the reference" if wanted.against is None else "the earlier ones"
    found = Found(window.drift(), len(in_period) - len(own), against)
    in_time = [row for row in labelled if row.time in wanted.period and row.contract_sha256 == own[0].contract_sha256]
    parts = [
        *_summary(found, contract, wanted),
        *_features(found.drift),
        *_charts(window, profile, found.drift),
        *_days(own, profile, wanted.rules),
        *_truth(in_time),
    ]
    write_page(out, "breastseg: monitoring", "What the service has seen", parts)
    return found


def _summary(found: Found, contract: Contract, wanted: Wanted) -> list[str]:
    drift = found.drift
    against = "the model's reference profile" if wanted.against is None else f"answers {wanted.against}"
    lines = [
        ["model", f"{contract.model_name}, version {contract.model_version}"],
        ["period", str(wanted.period)],
        ["held against", against],
        ["answers", str(drift.images)],
        ["out of distribution", _share(drift.out_of_distribution_share)],
        ["mean expected Dice of answers with a lesion, images out of distribution aside", _number(drift.expected_dice)],
    ]
    if (rate := drift.empty_rate) is not None:
        limits = f"{_share(rate.share)}, usual {_share(rate.lower)} to {_share(rate.upper)}"
        lines.append(["without a lesion", limits])
    return [f"<p><strong>{html.escape(str(found))}.</strong></p>", lay_out(["", ""], lines)]


def _features(drift: Drift) -> list[str]:
    if not drift.features:
        return []
    surest = sorted(drift.features.items(), key=lambda item: (item[1].p_value, item[0]))
    lines = [
        [name, _number(feature.psi), f"{feature.p_value:.2g}", "yes" if feature.drifted else ""]
        for name, feature in surest
    ]
    head = ["feature", "population stability index", "p, adjusted", "drifted"]
    return ["<h2>Features, the surest first</h2>", lay_out(head, lines)]


def _charts(window: Window, profile: Profile, drift: Drift) -> list[str]:
    shares = window.shares()
    surest = sorted((feature.p_value, name) for name, feature in drift.features.items() if feature.drifted)
    names = [name for _, name in surest if name in profile.distributions][:_MOST_CHARTS]
    charts = [
        figure(monitor_charts.bins(name, profile.distributions[name].shares, shares[name]), f"{name}.")
        for name in names
    ]
    return ["<h2>Where the images lie</h2>", *charts] if charts else []


def _days(predictions: Sequence[Prediction], profile: Profile, rules: Rules) -> list[str]:
    days: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        days[prediction.time.date().isoformat()].append(prediction)
    drifts = {day: filled(held, profile, rules).drift() for day, held in days.items()}
    rates = {day: drift.empty_rate for day, drift in drifts.items() if drift.empty_rate is not None}

    def chart(what: str, value: Callable[[Drift], float | None], caption: str) -> str:
        values = {day: found for day, drift in drifts.items() if (found := value(drift)) is not None}
        return figure(monitor_charts.by_day(values, what), caption)

    return [
        "<h2>Day by day</h2>",
        chart("answers", lambda drift: float(drift.images), "Answers a day."),
        chart(
            "out of distribution",
            lambda drift: drift.out_of_distribution_share,
            "Share of the images that are out of distribution.",
        ),
        chart("expected Dice", lambda drift: drift.expected_dice, "Mean expected Dice of answers with a lesion."),
        figure(
            monitor_charts.by_day(
                {day: rate.share for day, rate in rates.items()},
                "without a lesion",
                {day: (rate.lower, rate.upper) for day, rate in rates.items()},
            ),
            "Share of answers without a lesion; it hardly ever leaves the dashed lines while nothing has changed.",
        ),
    ]


def _truth(labelled: Sequence[Labelled]) -> list[str]:
    if not labelled:
        return []
    lines = []
    for day, rows in truth_by_day(labelled).items():
        told = foretelling(rows)
        dice = [row.dice for row in rows if row.dice is not None]
        expected = [row.expected_dice for row in rows if row.dice is not None and row.expected_dice is not None]
        # not of all lesion images: out of distribution, and where none was found, none is expected
        expected_text = f"{_mean(expected)} ({len(expected)})"
        lines.append([
            day, str(len(rows)), str(len(dice)), _mean(dice), expected_text, _number(told.mean_absolute_error),
            str(sum(bool(row.missed) for row in rows)), str(sum(bool(row.false_positive) for row in rows)),
        ])  # fmt: skip
    head = [
        "day",
        "labelled",
        "with a lesion",
        "Dice",
        "expected (of so many)",
        "mean size of the error",
        "missed",
        "false alarms",
    ]
    told = foretelling(labelled)
    rank = f"Rank correlation of expected and real Dice over {told.answers} lesion images: "
    traffic = traffic_dice(labelled)
    all_traffic = (
        f"All traffic, by {counted(traffic.images, 'lesion image')} drawn by chance: {traffic}. The rows above are of"
        " all that was outlined, and what was doubted was outlined first."
        if traffic
        else "What was outlined is no sample of all traffic, unless it was drawn by chance."
    )
    texts = [f"{rank}{_number(told.rank_correlation)}.", all_traffic]
    return ["<h2>Later truth</h2>", lay_out(head, lines), *(f"<p>{html.escape(text)}</p>" for text in texts)]


def _mean(values: Sequence[float]) -> str:
    return _number(float(np.mean(values)) if values else None)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
