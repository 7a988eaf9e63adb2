"""Keeps beside a saved run how its exported model did on images of other origin, as `breastseg evaluate` left it."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.evaluate_model import METRICS, PER_IMAGE, RELIABILITY, STATISTICS
from breastseg.evaluation.statistics import NETWORKS
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting.results import TRAININGS

if TYPE_CHECKING:
    from pathlib import Path

Check = dict[str, Any]

ELSEWHERE = "elsewhere"
_KEPT = (METRICS, STATISTICS, PER_IMAGE, RELIABILITY)


def save_check(name: str, checked: Path, root: Path) -> Path:
    """Keep beside a saved run what `breastseg evaluate` said about its exported model on other images.

    Args:
        name: The run's folder below `docs/results`.
        checked: What `breastseg evaluate` left.
        root: The repository.

    Returns:
        The folder of the copies, named after network and data sets; an earlier one of that name is replaced.

    Raises:
        ProblemsError: Files of the check are missing; all are named.
        BreastsegError: There is no such run, it does not tell what it trained, nothing was checked there, or the model
            is of another training.
    """
    run = root / "docs/results" / name
    if not run.is_dir():
        raise BreastsegError(f"{run} is no saved run. Save it first: breastseg results save {name}")
    mend = "Run breastseg evaluate, and name its --out"
    if missing := [Problem(str(checked / file), "is missing", mend) for file in _KEPT if not (checked / file).exists()]:
        raise ProblemsError("This was not written by breastseg evaluate", missing)
    label = _require_training(checked / METRICS, run)
    partial, target = (run / ELSEWHERE / name for name in (f".{label}.partial", label))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file in _KEPT:
        shutil.copyfile(checked / file, partial / file)
    shutil.rmtree(target, ignore_errors=True)
    target.with_name(f"{label}.json").unlink(missing_ok=True)
    return partial.rename(target)


def read_checks(run: Path) -> list[Check]:
    """Read the `metrics.json` of each check of a saved run; earlier ones stand alone, as `<label>.json`."""
    alone = {path.stem: path for path in (run / ELSEWHERE).glob("[!.]*.json")}
    found = alone | {path.parent.name: path for path in (run / ELSEWHERE).glob(f"[!.]*/{METRICS}")}
    return [json.loads(path.read_text(encoding="utf-8")) for _, path in sorted(found.items())]


def _require_training(metrics: Path, run: Path) -> str:
    """Refuse a model that none of the run's trainings gave; give the name of the check."""
    try:
        check = json.loads(metrics.read_text(encoding="utf-8"))
        network, origin = check["model"]["name"].split("/")[0], check["model"]["origin"]
        label = "-".join([network, *check["data"]["datasets"]])
    except (ValueError, KeyError) as error:
        raise BreastsegError(f"{metrics} lacks what is needed ({error}). Run breastseg evaluate again") from error
    if not any(training.items() <= origin.items() for training in _trainings(run, network)):
        mend = (
            f"Run breastseg evaluate on a model that the run exported, or name the run of {check['model']['version']}"
        )
        raise BreastsegError(f"{metrics} judges a model of another training than those of {run.name}. {mend}")
    return label


def _trainings(run: Path, network: str) -> list[dict[str, str]]:
    """What a contract says of its origin for each training of the run; gathered experiments have several."""
    experiments = run / "experiments"
    return [_training(folder, network) for folder in (experiments.iterdir() if experiments.exists() else [run])]


def _training(folder: Path, network: str) -> dict[str, str]:
    """The checkpoint's hash where it was kept, else that of the params, as far as the run's export read them."""
    if (folder / TRAININGS).exists():
        return {"checkpoint_sha256": json.loads((folder / TRAININGS).read_text(encoding="utf-8"))[network]}
    stages = parse_yaml((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    sections = stages.get("export_onnx", {}).get("params", {}).get("params.yaml", {})
    if network not in sections:
        mend = "Save the run again, or gather its experiments again: both keep the hashes of the weights"
        raise BreastsegError(f"{folder} does not tell what it trained: no {TRAININGS}, no params of an export. {mend}")
    # as the export writes it: the choice of the network and the other one decide nothing
    decided_by = {
        name: value for name, value in sections.items() if name == network or name not in {"model", *NETWORKS}
    }
    return {"params_sha256": hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()}
