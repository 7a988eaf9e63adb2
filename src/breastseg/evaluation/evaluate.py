"""The judgement from checkpoints to figures: each network at the operating point that it chose on validation cases."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from itertools import tee
from typing import TYPE_CHECKING

from tqdm import tqdm

from breastseg.data.split_table import SUBSETS, SplitRow, read_split
from breastseg.data.table import PreparedCase, read_table
from breastseg.evaluation.comparison import compute_statistics, require_lesions
from breastseg.evaluation.compute_file import write_costs
from breastseg.evaluation.figures import Overlay, choose_cases, draw_overlays
from breastseg.evaluation.json_file import write_json
from breastseg.evaluation.judged_case import JudgedCase, Logits
from breastseg.evaluation.judgement import Judgement, judge
from breastseg.evaluation.operating_point import choose_operating_point, fit_temperature
from breastseg.evaluation.operating_points_file import write_operating_points
from breastseg.evaluation.per_image import Row, read_rows, write_rows
from breastseg.evaluation.reliability import read_bins, write_bins
from breastseg.evaluation.report import headline, write_statistics
from breastseg.evaluation.risk_coverage import risk_coverage_curve, write_curve
from breastseg.evaluation.runner import measure_cost, predict_logits
from breastseg.evaluation.threshold_grid import GridCase, grid_case, write_grid
from breastseg.inference.lesions import OperatingPoint, segment
from breastseg.wording import uncounted_normals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from breastseg.params.evaluate import Evaluate
    from breastseg.params.inference import Inference


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """What is judged.

    Attributes:
        table: The prepared table.
        split: The split table.
        checkpoints: Folder of each network's checkpoint.
        asked: How both networks answer.
    """

    table: Path
    split: Path
    checkpoints: Mapping[str, Path]
    asked: Inference

    def cases(self, case_ids: Iterable[str]) -> Iterator[PreparedCase]:
        """Read cases from the prepared table."""
        return read_table(self.table, set(case_ids))

    def places(self, *subsets: str) -> dict[str, SplitRow]:
        """Read the places of the subsets' cases."""
        return {place.case_id: place for place in read_split(self.split) if place.subset in subsets}


@dataclass(frozen=True)
class Outputs:
    """Where the judgement goes.

    Attributes:
        headline: The few numbers of both networks, JSON.
        statistics: All figures, intervals and tests, JSON.
        per_image: The per-image table, CSV.
        reliability: Bin counts of the test lesion images, CSV.
        risk_coverage: The risk-coverage curves, CSV.
        compute: What each network costs, JSON.
        operating_points: One operating point per network, JSON.
        threshold_grid: What other rules for the operating point need, Parquet.
        overlays: Folder of the galleries.
    """

    headline: Path
    statistics: Path
    per_image: Path
    reliability: Path
    risk_coverage: Path
    compute: Path
    operating_points: Path
    threshold_grid: Path
    overlays: Path


@dataclass(frozen=True)
class _Predictions:
    """What one network predicts: the logits of each case, and the operating point to read them at."""

    network: str
    logits: Mapping[str, Logits]
    point: OperatingPoint

    def judged(self, case: PreparedCase) -> JudgedCase:
        return JudgedCase.of(case, self.logits[case.case_id])


@dataclass(frozen=True)
class _Evaluated:
    """What remains of one network after its logits are freed."""

    point: OperatingPoint
    grid: list[GridCase]
    judgements: list[Judgement]


def evaluate(inputs: Inputs, outputs: Outputs, params: Evaluate) -> None:
    """Choose operating points on validation cases, evaluate validation and test cases, compare, draw.

    One network after the other: logits of all these cases are held in memory, 4 bytes per pixel of its square.

    Raises:
        BreastsegError: An input is missing or does not fit the others.
    """
    found = {network: _evaluate_network(network, inputs, outputs, params) for network in inputs.checkpoints}
    judgements = [judgement for evaluated in found.values() for judgement in evaluated.judgements]
    write_operating_points({network: evaluated.point for network, evaluated in found.items()}, outputs.operating_points)
    write_grid((case for evaluated in found.values() for case in evaluated.grid), outputs.threshold_grid)
    write_rows((judgement.row for judgement in judgements), outputs.per_image)
    write_bins(
        (bin_ for judgement in judgements if judgement.row.subset == "test" for bin_ in judgement.bins),
        outputs.reliability,
    )
    _log_doubtful_normals(judgement.row for judgement in judgements)
    report(outputs, params)
    costs = {network: measure_cost(folder, inputs.asked) for network, folder in inputs.checkpoints.items()}
    write_costs(costs, outputs.compute)


def report(outputs: Outputs, params: Evaluate) -> None:
    """Compute both metric files and the curves from the per-image table and the bin counts, and from nothing else."""
    rows = read_rows(outputs.per_image)
    statistics = compute_statistics(rows, read_bins(outputs.reliability), params)
    write_statistics(statistics, outputs.statistics)
    write_json(headline(statistics), outputs.headline)
    write_curve(risk_coverage_curve(rows), outputs.risk_coverage)


def _log_doubtful_normals(rows: Iterable[Row]) -> None:
    """Log how many normals count nowhere, subset by subset."""
    subsets = Counter(subset for _, subset in {(row.case_id, row.subset) for row in rows if not row.counts})
    if subsets:
        where = ", ".join(f"{subsets[name]} {name}" for name in SUBSETS if name in subsets)
        _log.warning("%s", uncounted_normals(subsets.total(), where))


def _evaluate_network(network: str, inputs: Inputs, outputs: Outputs, params: Evaluate) -> _Evaluated:
    """Evaluate one network and draw its gallery; its logits are freed at the end."""
    logits = _predict(network, inputs)
    validation = (JudgedCase.of(case, logits[case.case_id]) for case in inputs.cases(inputs.places("val")))
    temperature = fit_temperature([case for case in validation if case.has_lesion])
    grid = list(_grid(network, inputs, logits, temperature))
    counted = [case for case in grid if case.subset == "val" and not case.doubtful_normal]
    point = choose_operating_point(counted, temperature, params.max_normal_false_positive_rate, network)
    predictions = _Predictions(network, logits, point)
    judgements = list(_judge(predictions, inputs))
    rows = [judgement.row for judgement in judgements]
    require_lesions(rows)
    _draw(predictions, rows, inputs, outputs, params.overlays)
    return _Evaluated(point, grid, judgements)


def _predict(network: str, inputs: Inputs) -> dict[str, Logits]:
    places = inputs.places("val", "test")
    cases, ahead = tee(inputs.cases(places))
    logits = predict_logits(inputs.checkpoints[network], ahead, inputs.asked)
    progress = tqdm(logits, desc=f"{network}: predict", total=len(places), unit="case")
    return {case.case_id: found for case, found in zip(cases, progress, strict=True)}


def _grid(network: str, inputs: Inputs, logits: Mapping[str, Logits], temperature: float) -> Iterator[GridCase]:
    places = inputs.places("val", "test")
    for case in tqdm(inputs.cases(places), desc=f"{network}: threshold grid", total=len(places), unit="case"):
        judged = JudgedCase.of(case, logits[case.case_id])
        yield grid_case(network, case, places[case.case_id], judged, temperature)


def _judge(predictions: _Predictions, inputs: Inputs) -> Iterator[Judgement]:
    places, point = inputs.places("val", "test"), predictions.point
    for case in tqdm(inputs.cases(places), desc=f"{predictions.network}: evaluate", total=len(places), unit="case"):
        judged = predictions.judged(case)
        probability = judged.probability(point.temperature)
        predicted = segment(probability, judged.presence, point)
        place = places[case.case_id]
        yield judge(predictions.network, case, place, probability, predicted, presence=judged.presence)


def _draw(predictions: _Predictions, rows: Sequence[Row], inputs: Inputs, outputs: Outputs, count: int) -> None:
    chosen = choose_cases(rows, predictions.network, count)
    cases = {case.case_id: case for case in inputs.cases(row.case_id for kind in chosen.values() for row in kind)}
    kinds = {kind: [_overlay(row, predictions, cases[row.case_id]) for row in found] for kind, found in chosen.items()}
    draw_overlays(predictions.network, kinds, outputs.overlays / f"{predictions.network}.png")


def _overlay(row: Row, predictions: _Predictions, case: PreparedCase) -> Overlay:
    judged = predictions.judged(case)
    return Overlay(
        f"Dice {row.dice:.3f}\n{case.case_id}", case.image(), judged.truth, judged.predicted(predictions.point)
    )
