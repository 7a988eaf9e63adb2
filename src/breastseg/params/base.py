"""Reads one section of params.yaml into a frozen, validated type; every fault of it ends in one error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from breastseg.errors import Problem, ProblemsError
from breastseg.params.yaml_text import parse_yaml

T = TypeVar("T")

SECTIONS = (
    "model",
    "seed",
    "phantom",
    "data",
    "prepare",
    "split",
    "train",
    "cnn_unet",
    "vit_unet",
    "inference",
    "evaluate",
    "export",
    "monitoring",
)


class Section(BaseModel):
    """A section of params.yaml: frozen, strictly typed, unknown keys refused, no defaults in code."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def load(name: str, type_: type[T], path: Path = Path("params.yaml")) -> T:
    """Read and validate the section `name`.

    Args:
        name: A top-level key of the file.
        type_: A `Section`, or any type that pydantic validates (`Seed` for the plain number `seed`).
        path: The params file.

    Raises:
        ProblemsError: The file is missing or no mapping, holds an unknown section, lacks `name`, or the section has
            unknown keys, wrong types or impossible values; all of them are listed.
    """
    sections = _read(path)
    try:
        # strict validation of JSON takes a list for a tuple, of Python objects it does not
        return TypeAdapter(type_).validate_json(json.dumps(sections[name]))
    except ValidationError as error:
        raise ProblemsError(f"{path} does not hold", [_problem(name, fault) for fault in error.errors()]) from error


def _read(path: Path) -> dict[str, object]:
    try:
        sections = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        problem = Problem(str(path), f"cannot be read ({error})", "Restore it with `git checkout params.yaml`")
        raise ProblemsError("No params", [problem]) from error
    found = set(sections) if isinstance(sections, dict) else set()
    problems = [
        Problem(str(n), "is no known section", f"The sections are {', '.join(SECTIONS)}") for n in found - {*SECTIONS}
    ]
    problems += [Problem(n, "is missing", "Every section is required") for n in SECTIONS if n not in found]
    if problems:
        raise ProblemsError(f"{path} does not hold", problems)
    return dict(sections)


def _problem(section: str, fault: object) -> Problem:
    details = dict(fault)  # type: ignore[call-overload]  # pydantic does not export the type of its errors
    where = ".".join(str(part) for part in (section, *details["loc"]))
    return Problem(where, f"{details['msg']} (found {details['input']!r})", "Mend it in the params file")
