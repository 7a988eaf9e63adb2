"""A file is released with its card, as the only one, or not at all and for all reasons at once."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from breastseg import pretrained
from breastseg.cli import app
from breastseg.errors import ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.evaluate_model import Bootstrap
from breastseg.evaluation.operating_points_file import write_operating_points
from breastseg.evaluation.per_image import read_rows, write_rows
from breastseg.evaluation.reliability import write_bins
from breastseg.evaluation.statistics import ALL, NETWORKS
from breastseg.inference.contract import Origin, Score
from breastseg.inference.lesions import OperatingPoint
from breastseg.reporting import release as release_module
from breastseg.reporting.model_card import heading
from breastseg.reporting.release import Candidate, Released, release
from breastseg.reporting.results import TRAININGS
from tests.evaluation import world
from tests.onnx_models import FAILED_GATE, make_contract, make_graph, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.inference.contract import Contract

POINT = OperatingPoint(temperature=1.5, threshold=0.25, min_area_share=0.0125, presence_threshold=0.5)
WEIGHTS = {"cnn_unet": "c" * 64, "vit_unet": "d" * 64}


def write_tables(folder: Path) -> dict[str, Score]:
    """Write both tables, of networks that are off by some pixels; return the scores of `cnn_unet`."""
    rows = [
        world.row(network, i, world.ellipse((30 + i % 5, 40 + shift), (10, 14)))
        for network, shift in zip(NETWORKS, (0, 3), strict=True)
        for i in range(12)
    ]
    # validation cases are no part of the scores
    rows += [world.row(network, 20 + i, np.zeros((60, 80), bool), subset="val") for network in NETWORKS for i in (1, 2)]
    bins = world.some_bins([row for row in rows if row.subset == "test"])
    write_rows(rows, folder / "per_image.csv")
    write_bins(bins, folder / "reliability.csv")
    statistics = compute_statistics(rows, bins, Bootstrap(resamples=200, seed=1))
    return {
        row.metric: Score(mean=row.mean, ci_low=row.ci_low, ci_high=row.ci_high, n=row.n, groups=row.groups)
        for row in statistics
        if (row.network, row.stratum) == ("cnn_unet", ALL)
    }


@dataclass
class Workspace:
    """A repository with a saved run, the file that the run exported, and its card."""

    root: Path
    contract: Contract

    @property
    def run(self) -> Path:
        return self.root / "docs/results/mine"

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            model=self.root / "models/release/model.onnx",
            card=self.root / "docs/model_card.md",
            results=self.root / "docs/results",
            folder=self.root / "src/breastseg/pretrained",
        )

    def export(self, **changes: object) -> None:
        """Export a file whose contract differs from the run's by `changes`, with its card."""
        self.contract = make_contract(**(self.contract.model_dump() | changes))
        write_model(self.candidate.model, self.contract.to_json())
        self.candidate.card.write_text(f"{heading(self.contract)}\n\nA card.\n", encoding="utf-8")

    def files(self) -> list[str]:
        return sorted(path.name for path in self.candidate.folder.iterdir())

    def release(self, *, replace: bool = False) -> Released:
        return release(self.candidate, replace=replace)

    def refuse(self, *, replace: bool = False) -> dict[str, str]:
        """Have it refused, without a change; return what is wrong by the file or folder that it is about."""
        before = self.files()
        with pytest.raises(ProblemsError, match="The file is not released") as error:
            self.release(replace=replace)
        assert self.files() == before
        return {str(p.path).removeprefix(f"{self.root}/"): f"{p.what}. {p.mend}" for p in error.value.problems}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path
    run = root / "docs/results/mine"
    for folder in (run, root / "models/release", root / "src/breastseg/pretrained"):
        folder.mkdir(parents=True)
    (root / "src/breastseg/pretrained/__init__.py").touch()
    scores = write_tables(run)
    write_operating_points(dict.fromkeys(NETWORKS, POINT), run / "operating_points.json")
    for name, content in (("about.json", {}), ("params.yaml", {}), (TRAININGS, WEIGHTS)):
        (run / name).write_text(json.dumps(content))
    digests = {f"{name}_sha256": "0" * 64 for name in ("prepared_table", "split_table", "params")}
    origin = Origin(checkpoint_sha256=WEIGHTS["cnn_unet"], **digests)
    found = Workspace(root, make_contract(scores=scores, operating_point=POINT, origin=origin))
    found.export()
    return found


def test_the_file_and_its_card_are_copied_and_named_after_network_and_version(workspace: Workspace) -> None:
    released = workspace.release()
    name = f"cnn_unet-{workspace.contract.model_version}"
    assert workspace.files() == ["__init__.py", f"{name}.md", f"{name}.onnx"]
    assert released == Released(workspace.candidate.folder / f"{name}.onnx", ("mine",), ())
    assert released.model.read_bytes() == workspace.candidate.model.read_bytes()
    assert released.model.with_suffix(".md").read_bytes() == workspace.candidate.card.read_bytes()
    assert pretrained.path(workspace.candidate.folder) == released.model


def test_a_second_release_is_refused_unless_it_replaces_the_first(workspace: Workspace) -> None:
    first = workspace.release()
    workspace.export(licence="MIT")
    said = workspace.refuse()
    assert said == {
        f"src/breastseg/pretrained/{first.model.name}": "is released already. Name --replace to release the new one in "
        "its place"
    }
    second = workspace.release(replace=True)
    assert second.removed == (first.model,)
    assert workspace.files() == ["__init__.py", second.model.with_suffix(".md").name, second.model.name]
    # a card whose model is gone
    (workspace.candidate.folder / "cnn_unet-0123456789ab.md").touch()
    again = workspace.release(replace=True)
    assert (again.model, again.removed) == (second.model, ())
    assert workspace.files() == ["__init__.py", second.model.with_suffix(".md").name, second.model.name]


def test_a_copy_that_fails_leaves_what_was_released_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = workspace.release()
    before, copy = workspace.files(), shutil.copyfile
    workspace.export(licence="MIT")

    def copy_half(source: Path, target: Path) -> None:
        copy(source, target)
        if source.suffix == ".onnx":
            target.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", copy_half)
    with pytest.raises(OSError, match="No space left"):
        workspace.release(replace=True)
    assert workspace.files() == before
    assert first.model.stat().st_size > 4


def test_a_file_that_failed_its_quality_gate_is_refused(workspace: Workspace) -> None:
    workspace.export(gate=FAILED_GATE)
    said = workspace.refuse()["models/release/model.onnx"]
    assert said.startswith("its quality gate: failed: mean Dice is 0.4137, at least 0.5 is required")
    workspace.export(schema_version=2, gate=None, operating_point=replace(POINT, presence_threshold=None))
    assert workspace.refuse()["models/release/model.onnx"].startswith("its quality gate: unknown")


def test_a_file_that_does_not_fit_its_contract_is_refused(workspace: Workspace) -> None:
    write_model(workspace.candidate.model, workspace.contract.to_json(), make_graph(("N", 3, 64, 64)))
    said = workspace.refuse()
    assert list(said) == ["models/release/model.onnx"]
    assert said["models/release/model.onnx"].startswith("the graph does not fit its contract: input image has shape")
    assert said["models/release/model.onnx"].endswith(". Export the model again")


def test_a_file_without_a_contract_and_a_missing_one_are_refused(workspace: Workspace) -> None:
    write_model(workspace.candidate.model, None)
    assert "has no contract" in workspace.refuse()["models/release/model.onnx"]
    workspace.candidate.model.unlink()
    assert "there is no such model file" in workspace.refuse()["models/release/model.onnx"]


def test_a_file_that_is_too_large_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    size = workspace.candidate.model.stat().st_size
    monkeypatch.setattr(release_module, "MAX_BYTES", size)
    assert workspace.release().model.is_file()
    monkeypatch.setattr(release_module, "MAX_BYTES", size - 1)
    assert workspace.refuse(replace=True)["models/release/model.onnx"].endswith(
        "MB are allowed. Export it with export.weights: int8"
    )


def test_at_most_25_mb_are_allowed() -> None:
    assert release_module.MAX_BYTES == 25_000_000


def test_the_card_of_another_file_is_refused(workspace: Workspace) -> None:
    version = workspace.contract.model_version
    workspace.candidate.card.write_text(heading(make_contract(licence="MIT")), encoding="utf-8")
    assert workspace.refuse() == {
        "docs/model_card.md": f"is not the card of cnn_unet/none, version {version}. Run `dvc repro model_card`"
    }
    workspace.candidate.card.unlink()
    assert workspace.refuse() == {"docs/model_card.md": "is missing. Run `dvc repro model_card`"}


def test_a_file_of_another_training_is_refused(workspace: Workspace) -> None:
    (workspace.run / TRAININGS).write_text(json.dumps(WEIGHTS | {"cnn_unet": "e" * 64}))
    (said,) = workspace.refuse().items()
    assert said[0] == "docs/results"
    assert said[1].startswith("holds no run that ended with the weights of this file (checkpoint cccccccccccc). Save ")
    # one that is not whole yet, one that was saved before the weights were, and no run at all
    partial = workspace.run.rename(workspace.run.with_name(".mine.partial"))
    (partial / TRAININGS).write_text(json.dumps(WEIGHTS))
    assert list(workspace.refuse()) == ["docs/results"]
    partial.rename(workspace.run)
    (workspace.run / TRAININGS).unlink()
    assert list(workspace.refuse()) == ["docs/results"]
    shutil.rmtree(workspace.candidate.results)
    assert list(workspace.refuse()) == ["docs/results"]


def test_a_file_with_other_scores_than_the_tables_give_is_refused(workspace: Workspace) -> None:
    scores = workspace.contract.scores
    dice = scores["dice"].model_copy(update={"mean": scores["dice"].mean + 1e-4})
    workspace.export(scores=scores | {"dice": dice})
    (said,) = workspace.refuse().items()
    assert said[0] == "docs/results/mine"
    assert said[1].startswith(f"gives dice {scores['dice'].mean:.6g} (n = 9), the contract has {dice.mean:.6g} (n = 9)")


def test_tables_that_were_changed_since_are_noticed(workspace: Workspace) -> None:
    rows = read_rows(workspace.run / "per_image.csv")
    changed = [
        replace(row, missed=1) if (row.network, row.case_id) == ("cnn_unet", "case 001") else row for row in rows
    ]
    write_rows(changed, workspace.run / "per_image.csv")
    assert "gives missed 0.111111 (n = 9), the contract has 0 (n = 9)" in workspace.refuse()["docs/results/mine"]
    write_rows([row for row in rows if row.case_id != "case 001"], workspace.run / "per_image.csv")
    said = workspace.refuse()["docs/results/mine"]
    assert "(n = 8), the contract has" in said
    assert said.count("the contract has") == 3
    assert re.search(r"; gives \d\d more scores otherwise\. Save the run", said)
    write_rows([row for row in rows if row.network != "cnn_unet"], workspace.run / "per_image.csv")
    assert "no value, the contract has" in workspace.refuse()["docs/results/mine"]


def test_a_file_with_another_operating_point_is_refused(workspace: Workspace) -> None:
    workspace.export(operating_point=replace(POINT, threshold=0.5))
    assert "has another operating point than the contract" in workspace.refuse()["docs/results/mine"]


@pytest.mark.parametrize("name", ["about.json", "params.yaml", "per_image.csv", "reliability.csv"])
def test_a_run_that_is_not_whole_is_refused(workspace: Workspace, name: str) -> None:
    (workspace.run / name).unlink()
    assert name in workspace.refuse()["docs/results/mine"]


def test_one_training_of_a_run_of_several_is_enough(workspace: Workspace) -> None:
    experiment = workspace.run / "experiments/fold-0"
    experiment.mkdir(parents=True)
    for name in (TRAININGS, "params.yaml", "per_image.csv", "reliability.csv", "operating_points.json"):
        (workspace.run / name).rename(experiment / name)
    assert workspace.release().runs == ("mine",)


def test_every_reason_is_named_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.release()
    workspace.export(gate=FAILED_GATE, operating_point=replace(POINT, threshold=0.5))
    write_model(workspace.candidate.model, workspace.contract.to_json(), make_graph(("N", 3, 64, 64)))
    workspace.candidate.card.unlink()
    monkeypatch.setattr(release_module, "MAX_BYTES", 100)
    with pytest.raises(ProblemsError) as error:
        workspace.release()
    for reason in ("does not fit", "quality gate", "MB are", "is missing", "operating point", "is released already"):
        assert reason in str(error.value)
    assert len(error.value.problems) == 6


def test_the_command_says_what_it_did_and_why_it_refuses(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)
    first = CliRunner().invoke(app, ["release"])
    assert first.exit_code == 0, first.output
    name = f"src/breastseg/pretrained/cnn_unet-{workspace.contract.model_version}.onnx"
    assert f"Released {name} of docs/results/mine" in first.output
    workspace.export(licence="MIT")
    second = CliRunner().invoke(app, ["release"])
    assert second.exit_code == 1
    assert f"{name}: is released already. Name --replace" in second.output
    third = CliRunner().invoke(app, ["release", "--replace"])
    assert third.exit_code == 0, third.output
    assert f"Removed {name}" in third.output
