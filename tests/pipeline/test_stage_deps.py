"""Every stage's deps name the modules that it imports: no fewer, or edits go unnoticed; no more, or they retrain."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = tuple(yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"])


@cache
def import_graph() -> grimp.ImportGraph:
    return grimp.build_graph("breastseg", "stages", cache_dir=None, exclude_type_checking_imports=True)


def module_file(module: str) -> str:
    """The file of a module, relative to the repository."""
    base = REPOSITORY / ("src" if module.startswith("breastseg") else "") / module.replace(".", "/")
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return path.relative_to(REPOSITORY).as_posix()


def imported_files(stage: str) -> set[str]:
    """The files that Python runs when the stage is started: its imports, theirs, and every package above them."""
    graph = import_graph()
    modules = {f"stages.{stage}", "stages"} | graph.find_upstream_modules(f"stages.{stage}")
    modules |= graph.find_upstream_modules("stages")
    parents = {module.rsplit(".", depth)[0] for module in modules for depth in range(1, module.count(".") + 1)}
    return {module_file(module) for module in modules | parents}


def named_files(stage: str) -> set[str]:
    """The Python files that the stage's deps cover."""
    entry: dict[str, Any] = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"][stage]
    found: set[str] = set()
    for dep in entry["deps"]:
        path = REPOSITORY / dep
        if dep.startswith(("src/", "stages/")):
            assert path.exists(), f"{stage} names {dep}, which does not exist"
            found |= {p.relative_to(REPOSITORY).as_posix() for p in ([path] if path.is_file() else path.rglob("*.py"))}
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_deps_name_exactly_the_imported_modules(stage: str) -> None:
    imported, named = imported_files(stage), named_files(stage)
    assert named - imported == set(), "named in dvc.yaml, but not imported"
    assert imported - named == set(), "imported, but not named in dvc.yaml"


@pytest.mark.parametrize("stage", ["train_cnn", "train_vit"])
def test_training_does_not_depend_on_what_comes_after_it(stage: str) -> None:
    later = ("evaluation/", "serving/", "monitoring/", "export/", "cli.py", "reporting/")
    assert not [file for file in imported_files(stage) if file.startswith(tuple(f"src/breastseg/{x}" for x in later))]


def test_one_network_does_not_depend_on_the_other() -> None:
    assert not [file for file in imported_files("train_cnn") if "vit" in file]
    assert not [file for file in imported_files("train_vit") if "cnn" in file]
