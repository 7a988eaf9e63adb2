"""The comparison as one HTML file that opens from anywhere: tables, charts and galleries inside, nothing loaded."""

from __future__ import annotations

import base64
import csv
import html
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from breastseg.errors import Problem, ProblemsError
from breastseg.evaluation.charts import reliability, risk_coverage
from breastseg.evaluation.compute_file import HEADINGS, format_cost, read_costs
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.reliability import read_bins
from breastseg.evaluation.report import read_comparison
from breastseg.evaluation.statistics import ALL, DIFFERENCE, NETWORKS, Statistic
from breastseg.evaluation.summary import (
    HEADLINES,
    ONE_TRAINING,
    few_groups_note,
    format_groups,
    format_mean,
    format_p_value,
    release_note,
)
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting import charts
from breastseg.reporting.html_page import figure, lay_out, require_page, write_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PER_IMAGE, _RELIABILITY, _STATISTICS = (
    Path("metrics") / name for name in ("per_image.csv", "reliability.csv", "statistics.json")
)
_COMPUTE, _RELEASE, _LOCK = Path("metrics/compute.json"), Path("metrics/release.json"), Path("dvc.lock")
_CURVES = {network: Path("plots") / network / "plots/metrics/val_dice.tsv" for network in NETWORKS}
_HEADING = "Lesion segmentation: both networks on the test images"
_GALLERIES = {network: Path("plots/overlays") / f"{network}.png" for network in NETWORKS}


def write_report(root: Path, out: Path) -> None:
    """Write the report of the run in a workspace; the same run gives the same bytes.

    Galleries are in it where they are: they show the test images, so mind where the file goes.

    Args:
        root: The repository.
        out: The HTML file.

    Raises:
        ProblemsError: Outs of the run are missing; all are named.
        BreastsegError: An out of the run does not hold, or the file cannot be written.
    """
    require_page(out)
    needed = (_PER_IMAGE, _RELIABILITY, _STATISTICS, _COMPUTE, _LOCK, *_CURVES.values())
    if missing := [
        Problem(str(path), "is missing", "Run `dvc repro`") for path in needed if not (root / path).exists()
    ]:
        raise ProblemsError("There is no complete run to report", missing)
    release = f"<p>{html.escape(release_note(root / _RELEASE))}</p>"
    parts = [release, *_tables(read_comparison(root / _STATISTICS)), *_costs(root), *_charts(root), *_galleries(root)]
    write_page(out, "breastseg: the comparison", _HEADING, [*parts, *_params(root)])


def _tables(statistics: Sequence[Statistic]) -> list[str]:
    strata = dict.fromkeys(row.stratum for row in statistics)
    parts = [f"<p>{html.escape(note)}</p>" for note in (ONE_TRAINING, few_groups_note(statistics)) if note]
    for stratum in (ALL, *(name for name in strata if name != ALL)):
        found = {(row.network, row.metric): row for row in statistics if row.stratum == stratum}
        name = "All test images" if stratum == ALL else stratum
        parts += [f"<h2>{html.escape(name)}</h2>" if stratum == ALL else f"<h3>{html.escape(name)}</h3>", _table(found)]
    return parts


def _table(found: Mapping[tuple[str, str], Statistic]) -> str:
    """Means with 95 % intervals, one row per metric, as far as the cases of the stratum tell them."""
    networks = (*NETWORKS, DIFFERENCE)
    head = ["", "n", "groups", *networks, "p", "p (Holm)", "p (signed-rank)"]
    lines = [
        [
            heading,
            str(found[NETWORKS[0], metric].n),
            format_groups(found[NETWORKS[0], metric]),
            *(format_mean(found.get((network, metric)), decimals) for network in networks),
            *_p_values(found.get((DIFFERENCE, metric))),
        ]
        for metric, heading, decimals in HEADLINES
        if (NETWORKS[0], metric) in found
    ]
    return lay_out(head, lines)


def _costs(root: Path) -> list[str]:
    costs = read_costs(root / _COMPUTE)
    lines = [[network, *format_cost(costs[network])] for network in NETWORKS]
    note = "<p>MACs: multiply-accumulates of one image at the training size.</p>"
    return ["<h2>What each network costs</h2>", lay_out(["", *(heading for _, heading, _ in HEADINGS)], lines), note]


def _params(root: Path) -> list[str]:
    """The params that the stages ran with, which those in the workspace may differ from."""
    stages = parse_yaml((root / _LOCK).read_text(encoding="utf-8"))["stages"].values()
    sections = {
        name: value
        for stage in stages
        for name, value in stage.get("params", {}).get("params.yaml", {}).items()
        # a key within a section that another stage has whole
        if "." not in name
    }
    text = yaml.safe_dump(sections, allow_unicode=True)
    return ["<h2>Params of the run</h2>", f'<pre class="wide">{html.escape(text)}</pre>']


def _p_values(difference: Statistic | None) -> list[str]:
    if difference is None:
        return ["-"] * 3
    return [format_p_value(p) for p in (difference.p_value, difference.p_holm, difference.p_signed_rank)]


def _charts(root: Path) -> list[str]:
    rows = read_rows(root / _PER_IMAGE)
    pairs = charts.lesion_pairs(rows)
    dice = {network: _read_curve(root / path) for network, path in _CURVES.items()}
    return [
        "<h2>Charts</h2>",
        figure(charts.paired_dots(pairs), "Dice of every lesion image, the two networks' dots joined."),
        figure(charts.difference_by_size(pairs), "Difference in Dice against lesion size, a dot an image."),
        figure(
            reliability(read_bins(root / _RELIABILITY)),
            "Reliability of the probabilities of pixels near the outlines; on the dashed line they are honest.",
        ),
        figure(risk_coverage(rows), "Risk against coverage: the lesion images with the surest answers first."),
        figure(charts.training_curves(dice), "Mean Dice of the validation lesion images by epoch."),
    ]


def _read_curve(path: Path) -> list[float]:
    with path.open(encoding="utf-8", newline="") as file:
        return [float(line["val_dice"]) for line in csv.DictReader(file, delimiter="\t")]


def _galleries(root: Path) -> list[str]:
    present = {network: root / path for network, path in _GALLERIES.items() if (root / path).exists()}
    heading = ["<h2>Best, median and worst lesion images</h2>"] if present else []
    return [*heading, *(figure(_image(path, network), network) for network, path in present.items())]


def _image(path: Path, network: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="Outlines of truth and prediction, {network}" src="data:image/png;base64,{data}">'
