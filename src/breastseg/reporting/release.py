"""Release of an exported file: with its model card, as the package's own model."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.comparison import describe_network
from breastseg.evaluation.evaluate_model import Bootstrap
from breastseg.evaluation.operating_points_file import read_operating_points
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.reliability import read_bins
from breastseg.evaluation.statistics import ALL
from breastseg.files import replacing
from breastseg.inference.contract import read_contract
from breastseg.inference.gate import describe_gate
from breastseg.inference.segmenter import Segmenter
from breastseg.inference.session import open_session
from breastseg.reporting.model_card import heading
from breastseg.reporting.results import ABOUT, TRAININGS
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breastseg.evaluation.statistics import Statistic
    from breastseg.inference.contract import Contract, Score

MAX_BYTES = 25_000_000

# means do not depend on the draws of the bootstrap, of which these are the fewest
_MEANS_ONLY = Bootstrap(resamples=100, seed=0)
# scores have six significant digits
_TOLERANCE = 1e-5
_MOST_SCORES = 3
_SAVE = "Save the run that exported the file: breastseg results save NAME"


@dataclass(frozen=True)
class Candidate:
    """A file that may be released.

    Attributes:
        model: The exported ONNX file.
        card: Its model card.
        results: Folder of the saved runs.
        folder: Folder that the released file lies in, the only one.
    """

    model: Path
    card: Path
    results: Path
    folder: Path


@dataclass(frozen=True)
class Released:
    """What was released.

    Attributes:
        model: The released ONNX file; its card lies beside it.
        runs: Names of the saved runs that it belongs to.
        removed: The model that was released before, if it was another one.
    """

    model: Path
    runs: tuple[str, ...]
    removed: tuple[Path, ...]


def release(candidate: Candidate, *, replace: bool) -> Released:
    """Copy an exported file and its card to the package, as `<network>-<version>.onnx` and `.md`.

    Both are written aside first. The model that was released before is removed once they are complete, so that there
    is never more than one.

    Args:
        candidate: The file.
        replace: Remove the model that was released before; without it, a second release is refused.

    Raises:
        ProblemsError: The file cannot be loaded, does not fit its contract, failed its quality gate, is too large, has
            no card or no saved run, or another one is released. Every reason is named, and nothing is written.
    """
    earlier = sorted(candidate.folder.glob("*.onnx"))
    contract, runs, problems = _examine(candidate)
    if not replace:
        fix = "Name --replace to release the new one in its place"
        problems += [Problem(str(path), "is released already", fix) for path in earlier]
    if problems or contract is None:
        raise ProblemsError("The file is not released", problems)
    model = candidate.folder / f"{contract.network}-{contract.model_version}.onnx"
    card = model.with_suffix(".md")
    with replacing(card) as partial_card, replacing(model) as partial_model:
        shutil.copyfile(candidate.card, partial_card)
        shutil.copyfile(candidate.model, partial_model)
    for path in (*earlier, *candidate.folder.glob("*.md")):
        if path not in {model, card}:
            path.unlink()
    return Released(model, tuple(runs), tuple(path for path in earlier if path != model))


def _examine(candidate: Candidate) -> tuple[Contract | None, list[str], list[Problem]]:
    """Return the contract, the names of the file's runs, and every reason against a release."""
    model, problems = candidate.model, list[Problem]()
    try:
        Segmenter.load(model, threads=1)
    except BreastsegError as error:
        what, _, fix = str(error).removeprefix(f"{model}: ").rpartition(". ")
        problems.append(Problem(str(model), what, fix))
    if model.is_file() and (size := model.stat().st_size) > MAX_BYTES:
        what = f"has {size / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:.0f} MB are allowed"
        problems.append(Problem(str(model), what, "Export it with export.weights: int8"))
    contract = _contract(model)
    if contract is None:
        return None, [], problems
    if contract.gate is None or not contract.gate.passed:
        fix = "Train longer or on more images, and export again"
        problems.append(Problem(str(model), f"its quality gate: {describe_gate(contract.gate)}", fix))
    problems += _card_problems(candidate.card, contract)
    runs, run_problems = _runs(candidate.results, contract)
    return contract, runs, problems + run_problems


def _contract(model: Path) -> Contract | None:
    """The contract, also of a file whose graph does not fit it; None where there is none that can be read."""
    try:
        return read_contract(open_session(model, threads=1).get_modelmeta().custom_metadata_map)
    except BreastsegError:
        return None


def _card_problems(card: Path, contract: Contract) -> list[Problem]:
    if not card.is_file():
        return [Problem(str(card), "is missing", "Run `dvc repro model_card`")]
    with card.open(encoding="utf-8") as file:
        first = file.readline().rstrip("\n")
    if first == heading(contract):
        return []
    what = f"is not the card of {contract.model_name}, version {contract.model_version}"
    return [Problem(str(card), what, "Run `dvc repro model_card`")]


def _runs(results: Path, contract: Contract) -> tuple[list[str], list[Problem]]:
    """Return the saved runs that the file belongs to; without any, what is wrong with those that come near."""
    matched, problems = [], list[Problem]()
    for run, training in _trainings(results, contract):
        if found := _differences(run, training, contract):
            problems.append(Problem(str(training), "; ".join(found), _SAVE))
        else:
            matched.append(run.name)
    if matched:
        return matched, []
    if not problems:
        checkpoint = contract.origin.checkpoint_sha256
        what = f"holds no run that ended with the weights of this file (checkpoint {checkpoint[:12]})"
        problems.append(Problem(str(results), what, _SAVE))
    return [], problems


def _trainings(results: Path, contract: Contract) -> Iterator[tuple[Path, Path]]:
    """Runs that ended with the weights of this file, each with the folder of that training: its own or one below."""
    # a folder that is still being written has a name with a dot
    for path in sorted(results.glob(f"[!.]*/{TRAININGS}")) + sorted(results.glob(f"[!.]*/experiments/*/{TRAININGS}")):
        weights = json.loads(path.read_text(encoding="utf-8"))
        if weights.get(contract.network) == contract.origin.checkpoint_sha256:
            yield results / path.relative_to(results).parts[0], path.parent


def _differences(run: Path, training: Path, contract: Contract) -> list[str]:
    """Say what the files of a training lack, or have otherwise than the contract."""
    files = (run / ABOUT, training / "params.yaml")
    found = [f"lacks {path.name}" for path in files if not path.is_file()]
    try:
        point = read_operating_points(training / "operating_points.json").get(contract.network)
        scores = _scores(training, contract.network)
    except BreastsegError as error:
        return [*found, f"cannot be read: {error}"]
    if point != contract.operating_point:
        found.append("has another operating point than the contract")
    others = [name for name, score in contract.scores.items() if not _same(scores.get(name), score)]
    found += [
        f"gives {metric} {_shown(scores.get(metric))}, the contract has {_shown(contract.scores[metric])}"
        for metric in others[:_MOST_SCORES]
    ]
    if more := others[_MOST_SCORES:]:
        found.append(f"gives {counted(len(more), 'more score')} otherwise")
    return found


def _same(found: Statistic | None, score: Score) -> bool:
    """Whether mean, number of cases and number of groups agree; contracts of before do not record the last."""
    if found is None:
        return False
    mean = isclose(found.mean, score.mean, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return mean and found.n == score.n and score.groups in (None, found.groups)


def _shown(found: Statistic | Score | None) -> str:
    return "no value" if found is None else f"{found.mean:.6g} (n = {found.n})"


def _scores(training: Path, network: str) -> dict[str, Statistic]:
    """Compute each score of the network over all test cases again, from the tables; intervals are rough."""
    rows = [row for row in read_rows(training / "per_image.csv") if row.network == network]
    if not rows:
        return {}
    statistics = describe_network(rows, read_bins(training / "reliability.csv"), _MEANS_ONLY)
    return {row.metric: row for row in statistics if row.stratum == ALL}
