"""Exports the chosen network, and releases the file only if it holds against its checkpoint and the gate."""

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
from breastseg.export.checks import Parity, compare, faults
from breastseg.export.graph import trace, with_contract
from breastseg.export.reference import Reference, make_profile
from breastseg.files import replacing
from breastseg.inference.contract import Contract, Origin, Score
from breastseg.inference.segmenter import Segmenter
from breastseg.models import checkpoint, registry
from breastseg.models.flip_averaging import as_asked
from breastseg.monitoring.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breastseg.inference.lesions import OperatingPoint
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
    """Write `model.onnx` and the report of its checks; neither is left where a check fails.

    Raises:
        ProblemsError: The file differs from its checkpoint, or does not pass the gate; every fault is named.
    """
    plan.report.unlink(missing_ok=True)
    shutil.rmtree(plan.release, ignore_errors=True)
    point = read_operating_points(plan.operating_points)[plan.network]
    _log.info("Exporting %s", plan.network)
    content = export(plan, point)
    with opened(content) as segmenter:
        parity = check(segmenter, plan, point)
    if problems := faults(parity, plan.params):
        raise ProblemsError(f"{plan.network} is not released", problems)
    write_json(_report(plan, segmenter.contract, parity), plan.report)
    with replacing(plan.release / "model.onnx") as partial:
        partial.write_bytes(content)


def export(plan: ReleasePlan, point: OperatingPoint) -> bytes:
    """Return the ONNX file with its contract inside; the same inputs give the same bytes."""
    network, spec = registry.load(plan.checkpoint)
    model = trace(
        as_asked(network, plan.asked),
        point.temperature,
        (spec.channels, spec.image_size, spec.image_size),
        plan.params.opset,
    )
    contract = Contract(
        network=spec.network,
        encoder=str(spec.params["encoder"]),
        channels=spec.channels,
        image_size=spec.image_size,
        operating_point=point,
        scores=_scores(plan),
        licence=plan.params.licence,
        origin=_origin(plan),
    )
    with opened(with_contract(model, contract.to_json())) as unwatched:
        profile = make_profile(list(_references(unwatched, plan)), plan.monitoring)
    watched = contract.model_copy(update={"reference_profile": profile})
    return with_contract(model, watched.to_json())


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


def check(segmenter: Segmenter, plan: ReleasePlan, point: OperatingPoint) -> Parity:
    """Compare the file with its checkpoint on the test cases."""
    wanted = {row.case_id for row in read_split(plan.split) if row.subset == "test"}
    cases = list(read_table(plan.table, wanted))
    logits = predict_logits(plan.checkpoint, cases, plan.asked)
    judged = [JudgedCase.of(case, answer) for case, answer in zip(cases, logits, strict=True)]
    return compare(segmenter, cases, judged, point)


def _scores(plan: ReleasePlan) -> dict[str, Score]:
    rows = [r for r in read_statistics(plan.statistics) if r.network == plan.network and r.stratum == ALL]
    return {r.metric: Score(mean=r.mean, ci_low=r.ci_low, ci_high=r.ci_high, n=r.n) for r in rows}


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


def _report(plan: ReleasePlan, contract: Contract, parity: Parity) -> dict[str, object]:
    rounded = {k: significant(v) if isinstance(v, float) else v for k, v in asdict(parity).items()}
    profile = contract.reference_profile
    if profile is None:
        raise ValueError("a release has a reference profile")
    watched = {
        "reference_images": profile.images,
        "novelty_threshold": profile.novelty.threshold,
        "expected_dice_rank_correlation": profile.expected_dice.rank_correlation,
    }
    return {"network": plan.network, "model_version": contract.model_version, **rounded, **watched}
