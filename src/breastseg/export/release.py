"""Export of the chosen network, once it agrees with its checkpoint and met its gate."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from breastseg.data.split_table import read_split
from breastseg.data.table import read_table
from breastseg.errors import ProblemsError
from breastseg.evaluation.json_file import significant, write_json
from breastseg.evaluation.judged_case import JudgedCase
from breastseg.evaluation.metrics import score
from breastseg.evaluation.operating_points_file import read_operating_points
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.runner import predict_logits
from breastseg.evaluation.statistics import ALL
from breastseg.export.checks import (
    compare,
    differences,
    gate_problems,
    gate_result,
    int8_differences,
    rounding_faults,
)
from breastseg.export.graph import trace, with_contract
from breastseg.export.quantization import quantize_weights
from breastseg.export.reference import Reference, make_profile
from breastseg.files import replacing
from breastseg.inference.contract import Contract, Origin, Score
from breastseg.inference.gate import describe_gate
from breastseg.inference.segmenter import Segmenter
from breastseg.models import checkpoint, registry
from breastseg.models.flip_averaging import as_asked
from breastseg.monitoring.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from breastseg.data.table import PreparedCase
    from breastseg.errors import Problem
    from breastseg.export.checks import Parity
    from breastseg.inference.gate import GateResult
    from breastseg.inference.lesions import OperatingPoint
    from breastseg.models.checkpoint import CheckpointSpec
    from breastseg.monitoring.profile import Profile
    from breastseg.params.data import Data
    from breastseg.params.export import Export
    from breastseg.params.inference import Inference
    from breastseg.params.monitoring import Monitoring

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReleasePlan:
    """An export from its inputs to its outs.

    Attributes:
        network: The network that is exported.
        params: The section `export`.
        monitoring: The section `monitoring`.
        data: The section `data`.
        held_out_sets: Names of the data sets that the network was not trained on.
        asked: How the network answers.
        all_params: The sections that decided the network, for its origin.
        checkpoint: Folder of the trained network.
        operating_points: File of both networks' operating points.
        statistics: File of the scores with their intervals.
        table: The prepared table.
        split: The split table.
        release: Folder that `model.onnx` is written to.
        report: File that the checks are written to.
    """

    network: str
    params: Export
    monitoring: Monitoring
    data: Data
    held_out_sets: Sequence[str]
    asked: Inference
    all_params: dict[str, object]
    checkpoint: Path
    operating_points: Path
    statistics: Path
    table: Path
    split: Path
    release: Path
    report: Path


def release(plan: ReleasePlan) -> None:
    """Write `model.onnx` and the report of its checks; neither is left where the file is refused.

    A file that fails the quality gate is written nevertheless, with the failure in its contract, unless
    `export.gate.on_failure` is `fail`.

    Raises:
        ProblemsError: The file differs from its checkpoint, or fails a gate that refuses it; every fault is named.
    """
    plan.report.unlink(missing_ok=True)
    shutil.rmtree(plan.release, ignore_errors=True)
    point = read_operating_points(plan.operating_points)[plan.network]
    _log.info("Exporting %s", plan.network)
    exported = export(plan, point)
    write_json(_report(plan, exported), plan.report)
    with replacing(plan.release / "model.onnx") as partial:
        partial.write_bytes(exported.content)
    if not exported.gate.passed:
        _log.warning(
            "%s is exported, and marked: its quality gate %s. Train longer or on more images, or change export.gate; "
            "export.gate.on_failure: fail refuses such a file",
            plan.network,
            describe_gate(exported.gate),
        )


@dataclass(frozen=True)
class Exported:
    """A file that agrees with its checkpoint.

    Attributes:
        content: The ONNX file with its contract.
        contract: The contract.
        parity: How the file compares with its checkpoint.
        profile: What its validation images are like.
        gate: How its scores did at the gate.
    """

    content: bytes
    contract: Contract
    parity: Parity
    profile: Profile
    gate: GateResult


def export(plan: ReleasePlan, point: OperatingPoint) -> Exported:
    """Make the ONNX file with its contract; the same inputs give the same bytes.

    Raises:
        ProblemsError: See `release`.
    """
    network, spec = registry.load(plan.checkpoint)
    shape_chw = (spec.channels, spec.image_size, spec.image_size)
    model = trace(as_asked(network, plan.asked), point.temperature, shape_chw, plan.params.opset)
    draft = _draft(plan, spec, point)
    cases, judged = _test_cases(plan)
    with opened(with_contract(model, draft.to_json())) as segmenter:
        parity = compare(segmenter, cases, judged, point)
    problems = differences(parity, plan.params)
    if plan.params.weights == "int8":
        traced, model = model, quantize_weights(model)
        problems += rounding_faults(traced, model)
        with opened(with_contract(model, draft.to_json())) as segmenter:
            parity = compare(segmenter, cases, judged, point)
        problems += int8_differences(parity, plan.params.int8)
    gate = gate_result(parity, plan.params.gate)
    _require_release(plan, problems, gate)
    with opened(with_contract(model, draft.to_json())) as segmenter:
        profile = make_profile(list(_references(segmenter, plan)), plan.monitoring)
    complete = draft.model_copy(update={"gate": gate, "reference_profile": profile})
    content = with_contract(model, complete.to_json())
    # the very bytes that are written load, and their contract is the one that was made
    with opened(content) as segmenter:
        return Exported(content, segmenter.contract, parity, profile, gate)


def _draft(plan: ReleasePlan, spec: CheckpointSpec, point: OperatingPoint) -> Contract:
    """The contract before anything is measured with the file, with the gate not passed."""
    return Contract(
        network=spec.network,
        encoder=str(spec.params["encoder"]),
        trained_on=tuple(name for name in plan.data.names if name not in plan.held_out_sets),
        channels=spec.channels,
        image_size=spec.image_size,
        operating_point=point,
        scores=_scores(plan),
        gate=gate_result(None, plan.params.gate),
        licence=plan.params.licence,
        origin=_origin(plan),
    )


def _require_release(plan: ReleasePlan, problems: Sequence[Problem], gate: GateResult) -> None:
    if plan.params.gate.on_failure == "fail":
        problems = [*problems, *gate_problems(gate)]
    if problems:
        raise ProblemsError(f"{plan.network} is not released", problems)


@contextmanager
def opened(content: bytes) -> Iterator[Segmenter]:
    """Open an ONNX file from its bytes, in an empty folder: one that needs a second file beside it does not load."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        # one thread, so that no number of processors decides about last digits
        yield Segmenter.load(path, threads=1)


def _references(segmenter: Segmenter, plan: ReleasePlan) -> Iterator[Reference]:
    """Send the validation cases through the file, as a user would."""
    groups = {row.case_id: row.group for row in read_split(plan.split) if row.subset == "val"}
    for case in tqdm(read_table(plan.table, set(groups)), desc="reference profile", total=len(groups), delay=2):
        image, truth, ignored = case.image(), case.mask(), case.ignored()
        found = segmenter.segment(image)
        scores = score(truth, found.mask, np.ones_like(truth) if ignored is None else ~ignored)
        seen = Observation.of(image, found, segmenter.mirrored_mask(image))
        yield Reference(groups[case.case_id], seen, scores.dice)


def _test_cases(plan: ReleasePlan) -> tuple[list[PreparedCase], list[JudgedCase]]:
    """The test cases, and what the checkpoint predicts on each."""
    wanted = {row.case_id for row in read_split(plan.split) if row.subset == "test"}
    cases = list(read_table(plan.table, wanted))
    logits = predict_logits(plan.checkpoint, cases, plan.asked)
    return cases, [JudgedCase.of(case, answer) for case, answer in zip(cases, logits, strict=True)]


def _scores(plan: ReleasePlan) -> dict[str, Score]:
    rows = [r for r in read_statistics(plan.statistics) if r.network == plan.network and r.stratum == ALL]
    return {r.metric: Score(mean=r.mean, ci_low=r.ci_low, ci_high=r.ci_high, n=r.n, groups=r.groups) for r in rows}


def _origin(plan: ReleasePlan) -> Origin:
    params = json.dumps(plan.all_params, sort_keys=True).encode()
    return Origin(
        prepared_table_sha256=_sha256(plan.table),
        split_table_sha256=_sha256(plan.split),
        checkpoint_sha256=_sha256(plan.checkpoint / checkpoint.WEIGHTS),
        params_sha256=hashlib.sha256(params).hexdigest(),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _report(plan: ReleasePlan, exported: Exported) -> dict[str, object]:
    parity, profile = asdict(exported.parity), exported.profile
    return {
        "network": plan.network,
        "model_version": exported.contract.model_version,
        "weights": plan.params.weights,
        **{name: significant(value) if isinstance(value, float) else value for name, value in parity.items()},
        "gate": exported.gate.model_dump(mode="json"),
        "reference_images": profile.images,
        "novelty_threshold": profile.novelty.threshold,
        "expected_dice_rank_correlation": profile.expected_dice.rank_correlation,
    }
