from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.evaluation.operating_points_file import write_operating_points
from breastseg.evaluation.statistics import NETWORKS
from breastseg.inference.lesions import OperatingPoint
from breastseg.reporting.results import CURVES, FILES
from tests.reporting.repository import make_repository

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Experiments that nobody may change: tests that run more of them take a copy."""
    return make_repository(tmp_path_factory.mktemp("experiments"))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the outs of the committed default run, but costs and networks of its own."""
    root = tmp_path / "workspace"
    for source in (*FILES, *CURVES):
        (root / source).parent.mkdir(parents=True, exist_ok=True)
        if not source.startswith("models/"):
            copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copyfile
            copy(REPOSITORY / source, root / source)
    costs = {"cnn_unet": NetworkCost(5.0258, 0.39753), "vit_unet": NetworkCost(4.2351, 0.4144)}
    write_costs(costs, root / "metrics/compute.json")
    write_operating_points(
        dict.fromkeys(NETWORKS, OperatingPoint(1.0, 0.5, 0.01)), root / "models/operating_points.json"
    )
    for network in NETWORKS:
        (root / "models" / network).mkdir()
        (root / "models" / network / "weights.safetensors").write_bytes(network.encode())
    return root
