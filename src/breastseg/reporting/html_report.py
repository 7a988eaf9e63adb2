"""The comparison as one HTML file that opens from anywhere: tables, charts and galleries inside, nothing loaded."""

from __future__ import annotations

import base64
import csv
import html
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import yaml

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.charts import reliability, risk_coverage
from breastseg.evaluation.compute_file import HEADINGS, format_cost, read_costs
from breastseg.evaluation.output_folder import require_folder
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.reliability import read_bins
from breastseg.evaluation.report import read_comparison
from breastseg.evaluation.statistics import ALL, DIFFERENCE, NETWORKS, Statistic
from breastseg.evaluation.summary import HEADLINES, format_mean, format_p_value
from breastseg.files import replacing
from breastseg.inference.contract import INTENDED_USE
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting import charts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PER_IMAGE, _RELIABILITY, _STATISTICS = (
    Path("metrics") / name for name in ("per_image.csv", "reliability.csv", "statistics.json")
)
_COMPUTE, _LOCK = Path("metrics/compute.json"), Path("dvc.lock")
_CURVES = {network: Path("plots") / network / "plots/metrics/val_dice.tsv" for network in NETWORKS}
_GALLERIES = {network: Path("plots/overlays") / f"{network}.png" for network in NETWORKS}

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>breastseg: the comparison</title>
<style>
:root { color-scheme: light; font-family: system-ui, sans-serif; line-height: 1.45 }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1b1b1b; background: #fff }
.notice { border-left: .3rem solid #b00020; padding: .2rem .8rem; font-weight: 600 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d0d0d0; text-align: left; white-space: nowrap }
figure { margin: 1.5rem 0 } figure svg, figure img { max-width: 100%; height: auto }
figcaption { color: #444 }
</style>
</head>
<body>
<h1>Lesion segmentation: both networks on the test images</h1>
<p class="notice">$notice</p>
$body
</body>
</html>
""")


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
    with _writable(out):
        _require_file(out)
    needed = (_PER_IMAGE, _RELIABILITY, _STATISTICS, _COMPUTE, _LOCK, *_CURVES.values())
    if missing := [
        Problem(str(path), "is missing", "Run `dvc repro`") for path in needed if not (root / path).exists()
    ]:
        raise ProblemsError("There is no complete run to report", missing)
    parts = [*_tables(read_comparison(root / _STATISTICS)), *_costs(root), *_charts(root), *_galleries(root)]
    body = "\n".join([*parts, *_params(root)])
    with _writable(out), replacing(out) as partial:
        partial.write_text(_PAGE.substitute(notice=html.escape(INTENDED_USE), body=body), encoding="utf-8")


@contextmanager
def _writable(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BreastsegError(f"Cannot write {out} ({error.strerror}). Name with --out a file that can be") from error


def _require_file(out: Path) -> None:
    """Refuse what can be no file before any chart is drawn."""
    if out.is_dir():
        such = out / "report.html"
        raise BreastsegError(f"{out} is a folder. Name with --out the HTML file to write, such as {such}")
    require_folder(out.parent)


def _tables(statistics: Sequence[Statistic]) -> list[str]:
    strata = dict.fromkeys(row.stratum for row in statistics)
    parts = []
    for stratum in (ALL, *(name for name in strata if name != ALL)):
        found = {(row.network, row.metric): row for row in statistics if row.stratum == stratum}
        name = "All test images" if stratum == ALL else stratum
        parts += [f"<h2>{html.escape(name)}</h2>" if stratum == ALL else f"<h3>{html.escape(name)}</h3>", _table(found)]
    return parts


def _table(found: Mapping[tuple[str, str], Statistic]) -> str:
    """Means with 95 % intervals, a row a metric, as far as the cases of the stratum tell them."""
    networks = (*NETWORKS, DIFFERENCE)
    head = ["", "n", *networks, "p", "p (Holm)"]
    lines = [
        [
            heading,
            str(found[NETWORKS[0], metric].n),
            *(format_mean(found.get((network, metric)), decimals) for network in networks),
            *_p_values(found.get((DIFFERENCE, metric))),
        ]
        for metric, heading, decimals in HEADLINES
        if (NETWORKS[0], metric) in found
    ]
    return _lay_out(head, lines)


def _lay_out(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [_row("th", head), *(_row("td", line) for line in lines)]
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _costs(root: Path) -> list[str]:
    costs = read_costs(root / _COMPUTE)
    lines = [[network, *format_cost(costs[network])] for network in NETWORKS]
    note = "<p>MACs: multiply-accumulates of one image at the training size.</p>"
    return ["<h2>What each network costs</h2>", _lay_out(["", *(heading for _, heading, _ in HEADINGS)], lines), note]


def _params(root: Path) -> list[str]:
    """The params that the stages ran with, which those in the workspace may differ from."""
    stages = parse_yaml((root / _LOCK).read_text(encoding="utf-8"))["stages"].values()
    sections = {
        name: value for stage in stages for name, value in stage.get("params", {}).get("params.yaml", {}).items()
    }
    text = yaml.safe_dump(sections, allow_unicode=True)
    return ["<h2>Params of the run</h2>", f'<pre class="wide">{html.escape(text)}</pre>']


def _p_values(difference: Statistic | None) -> list[str]:
    values = (None, None) if difference is None else (difference.p_value, difference.p_holm)
    return [format_p_value(value) for value in values]


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _charts(root: Path) -> list[str]:
    rows = read_rows(root / _PER_IMAGE)
    pairs = charts.lesion_pairs(rows)
    dice = {network: _read_curve(root / path) for network, path in _CURVES.items()}
    return [
        "<h2>Charts</h2>",
        _figure(charts.paired_dots(pairs), "Dice of every lesion image, the two networks' dots joined."),
        _figure(charts.difference_by_size(pairs), "Difference in Dice against lesion size, a dot an image."),
        _figure(
            reliability(read_bins(root / _RELIABILITY)),
            "Reliability of the probabilities of pixels near the outlines; on the dashed line they are honest.",
        ),
        _figure(risk_coverage(rows), "Risk against coverage: the lesion images with the surest answers first."),
        _figure(charts.training_curves(dice), "Mean Dice of the validation lesion images by epoch."),
    ]


def _read_curve(path: Path) -> list[float]:
    with path.open(encoding="utf-8", newline="") as file:
        return [float(line["val_dice"]) for line in csv.DictReader(file, delimiter="\t")]


def _galleries(root: Path) -> list[str]:
    present = {network: root / path for network, path in _GALLERIES.items() if (root / path).exists()}
    heading = ["<h2>Best, median and worst lesion images</h2>"] if present else []
    return [*heading, *(_figure(_image(path, network), network) for network, path in present.items())]


def _image(path: Path, network: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="Outlines of truth and prediction, {network}" src="data:image/png;base64,{data}">'


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{html.escape(caption)}</figcaption></figure>"
