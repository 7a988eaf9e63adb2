"""Checks an exported model on any labelled folder, without torch: how anybody can judge it on images of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdm import tqdm

from breastseg.evaluation import charts
from breastseg.evaluation.comparison import describe_network
from breastseg.evaluation.exported_model import choose_overlays, judge_cases
from breastseg.evaluation.figures import draw_overlays
from breastseg.evaluation.folder_report import format_table, headline_metrics
from breastseg.evaluation.json_file import write_json
from breastseg.evaluation.labelled_folder import FolderCases, LabelledFolder, read_folder
from breastseg.evaluation.output_folder import replacing_files
from breastseg.evaluation.per_image import Row, read_rows, write_rows
from breastseg.evaluation.reliability import read_bins, write_bins
from breastseg.evaluation.report import write_statistics
from breastseg.evaluation.risk_coverage import risk_coverage_curve, write_curve
from breastseg.inference.segmenter import Segmenter
from breastseg.wording import counted, uncounted_normals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from breastseg.evaluation.reliability import ReliabilityBin
    from breastseg.inference.contract import Contract

METRICS, STATISTICS = "metrics.json", "statistics.json"
PER_IMAGE, RELIABILITY, DROPPED = "per_image.csv", "reliability.csv", "dropped.csv"
RISK_COVERAGE = "risk_coverage.csv"
OVERLAYS, RELIABILITY_CHART, RISK_COVERAGE_CHART = "overlays.png", "reliability.svg", "risk_coverage.svg"
PICTURES = (OVERLAYS, RELIABILITY_CHART, RISK_COVERAGE_CHART)
_FILES = (METRICS, STATISTICS, PER_IMAGE, RELIABILITY, DROPPED, RISK_COVERAGE, *PICTURES)
_OVERLAYS_A_KIND = 4


@dataclass(frozen=True)
class Bootstrap:
    """How the 95 % intervals are drawn.

    Attributes:
        resamples: Draws of whole groups.
        seed: Seed of the draws.
    """

    resamples: int
    seed: int


def evaluate_model(model: Path, folder: LabelledFolder, out: Path, bootstrap: Bootstrap) -> str:
    """Judge an exported model on every case of a labelled folder.

    Into `out` go `per_image.csv`, `reliability.csv` and `statistics.json` with the pipeline's columns and records,
    `metrics.json`, `risk_coverage.csv`, the gallery `overlays.png`, the charts `reliability.svg` and
    `risk_coverage.svg` (empty where no image has a lesion) and `dropped.csv`: all of them or none. Cases pass through
    a few at a time; what is held is a row of scores a case and its bin counts. A table of all images lies in `out`
    meanwhile.

    Args:
        model: The ONNX file.
        folder: The images and how they are laid out.
        out: The folder to write to; what stands there under the same names is replaced at the end.
        bootstrap: How the intervals are drawn.

    Returns:
        The means as a table for a terminal.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
        ProblemsError: See `labelled_folder.read_folder`.
        BreastsegError: An option is wrong, or `out` cannot be written to.
    """
    # a thread an image: several images at once are faster than several threads on one, on any number of cores alike
    segmenter = Segmenter.load(model, threads=1)
    with replacing_files(out, _FILES) as aside:
        cases = read_folder(folder, aside / "scratch", aside / DROPPED)
        rows = _judge(segmenter, cases, aside)
        bins = read_bins(aside / RELIABILITY)
        statistics = describe_network(rows, bins, bootstrap)
        write_statistics(statistics, aside / STATISTICS)
        about = _about(segmenter.contract, folder, cases, rows, bootstrap)
        write_json(headline_metrics(statistics) | about, aside / METRICS)
        overlays = choose_overlays(segmenter, cases, rows, _OVERLAYS_A_KIND)
        draw_overlays(segmenter.contract.model_name, overlays, aside / OVERLAYS)
        _chart(rows, bins, aside)
    return "\n".join([format_table(statistics), "", *_notes(segmenter.contract, _count(cases, rows))])


def _judge(segmenter: Segmenter, cases: FolderCases, folder: Path) -> list[Row]:
    """Write both tables and read the rows again: everything else is computed from the files alone."""
    answers = judge_cases(segmenter, cases)
    judged = list(tqdm(answers, desc="evaluate", total=len(cases.rows), unit="image"))
    write_rows((judgement.row for judgement in judged), folder / PER_IMAGE)
    write_bins((bin_ for judgement in judged for bin_ in judgement.bins), folder / RELIABILITY)
    return read_rows(folder / PER_IMAGE)


def _chart(rows: Sequence[Row], bins: Sequence[ReliabilityBin], folder: Path) -> None:
    write_curve(risk_coverage_curve(rows), folder / RISK_COVERAGE)
    (folder / RELIABILITY_CHART).write_text(charts.reliability(bins), encoding="utf-8")
    (folder / RISK_COVERAGE_CHART).write_text(charts.risk_coverage(rows), encoding="utf-8")


def _about(
    contract: Contract, folder: LabelledFolder, cases: FolderCases, rows: Sequence[Row], bootstrap: Bootstrap
) -> dict[str, object]:
    datasets = sorted({row.dataset for row in rows})
    return {
        "model": {
            "name": contract.model_name,
            "version": contract.model_version,
            "contract_sha256": contract.sha256,
            "origin": contract.origin.model_dump(),
        },
        "data": {"layout": folder.layout, "datasets": datasets, **vars(_count(cases, rows))},
        "bootstrap": vars(bootstrap),
        "notice": contract.intended_use,
    }


@dataclass(frozen=True)
class _Counts:
    images: int
    lesion_images: int
    normals: int
    doubtful_normals: int
    groups: int
    colour_images: int
    dropped: int


def _count(cases: FolderCases, rows: Sequence[Row]) -> _Counts:
    lesion_images = sum(row.truth_px > 0 for row in rows)
    return _Counts(
        images=len(rows),
        lesion_images=lesion_images,
        normals=sum(row.normal for row in rows),
        doubtful_normals=sum(not row.counts for row in rows),
        groups=len({row.group for row in rows}),
        colour_images=sum(row.channels > 1 for row in cases.rows),
        dropped=cases.dropped,
    )


def _notes(contract: Contract, counts: _Counts) -> list[str]:
    sizes = ((counts.lesion_images, "lesion image"), (counts.normals, "normal"), (counts.groups, "group"))
    told = ", ".join(counted(count, noun) for count, noun in sizes)
    notes = [f"{contract.model_name} {contract.model_version} on {told}."]
    if contract.channels == 1 and counts.colour_images:
        were = "was" if counts.colour_images == 1 else "were"
        colour = f"{counted(counts.colour_images, 'image')} in colour {were} read as grey"
        notes.append(f"The model takes grey images: {colour}.")
    if counts.doubtful_normals:
        notes.append(f"{uncounted_normals(counts.doubtful_normals)}.")
    if counts.dropped:
        notes.append(f"Images were left out for {counted(counts.dropped, 'fault')}: see {DROPPED}.")
    return [*notes, contract.intended_use]
