"""Reader of params.yaml: sections as frozen, validated types; every fault ends in one error."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from breastseg.errors import Problem, ProblemsError
from breastseg.params.yaml_text import parse_with_faults
from breastseg.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

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
    """A section of params.yaml: frozen, strictly typed, finite, unknown keys refused, no defaults in code."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def load(name: str, type_: type[T], path: Path = Path("params.yaml")) -> T:
    """Read and validate the section `name`.

    Args:
        name: A top-level key of the file.
        type_: A `Section`, or any type that pydantic validates (`Seed` for the plain number `seed`).
        path: The params file.

    Raises:
        ProblemsError: The file is missing or not a mapping, has an unknown section or a number that readers of YAML
            read differently, lacks `name`, or the section has unknown keys, wrong types or impossible values; all of
            them are listed.
    """
    file = read_params(path)
    if file.problems:
        raise invalid(path, file.problems)
    return validate(file, name, type_)


@dataclass(frozen=True)
class ParamsFile:
    """The params file before its sections are validated.

    Attributes:
        path: The file.
        sections: Name of a known section → what it has.
        problems: What is wrong with the file as a whole.
    """

    path: Path
    sections: Mapping[str, object]
    problems: Sequence[Problem]


def read_params(path: Path) -> ParamsFile:
    """Read the file, and list what is wrong with it apart from the sections' values.

    Raises:
        ProblemsError: It cannot be read, or is not YAML.
    """
    try:
        document, faults = parse_with_faults(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fix = "Correct it there, or restore it with `git checkout params.yaml`"
        problem = Problem(str(path), f"cannot be read ({_one_line(error)})", fix)
        raise ProblemsError("No params", [problem]) from error
    if not isinstance(document, dict):
        problem = Problem(str(path), "does not map sections to values", "Restore it with `git checkout params.yaml`")
        raise ProblemsError("No params", [problem])
    problems = [Problem(fault.where, fault.what, fault.fix) for fault in faults]
    problems += [_unknown(str(n), str(n), SECTIONS, "section") for n in document if n not in SECTIONS]
    problems += [Problem(n, "is missing", "Every section is required") for n in SECTIONS if n not in document]
    return ParamsFile(path, {n: document[n] for n in SECTIONS if n in document}, problems)


def validate(file: ParamsFile, name: str, type_: type[T]) -> T:
    """Validate one section.

    Raises:
        ProblemsError: It has unknown keys, wrong types or impossible values; all of them are listed.
    """
    try:
        # strict validation of JSON takes a list for a tuple, of Python objects it does not
        text = json.dumps(file.sections[name])
    except (ValueError, TypeError) as error:
        fix = "Write plain numbers, texts, lists and keys"
        raise invalid(file.path, [Problem(name, f"is not plain YAML ({error})", fix)]) from error
    try:
        return TypeAdapter(type_).validate_json(text)
    except ValidationError as error:
        problems = [_problem(name, type_, fault) for fault in error.errors()]
        raise invalid(file.path, problems) from error


def invalid(path: Path, problems: Sequence[Problem]) -> ProblemsError:
    """The one error about a params file."""
    return ProblemsError(f"{path} is invalid", problems)


def _problem(section: str, type_: object, fault: ErrorDetails) -> Problem:
    keys = (section, *(str(part) for part in fault["loc"]))
    where = ".".join(keys)
    if fault["type"] == "extra_forbidden":
        return _unknown(where, keys[-1], _known_keys(type_, keys[1:-1]), "key")
    if fault["type"] == "missing":
        return Problem(where, "is missing", "Every key is required: params.yaml of this commit has them all")
    return Problem(where, f"{fault['msg']} (found {_short(fault['input'])})", "Correct it in the params file")


def _unknown(where: str, name: str, known: Sequence[str], kind: str) -> Problem:
    """Names the nearest known one, or all where none is near."""
    near = nearest(name, known)
    fix = f"Did you mean {near}?" if near else f"The {kind}s are {', '.join(known)}"
    return Problem(where, f"is not a known {kind}", fix)


def _known_keys(type_: object, keys: Sequence[str]) -> Sequence[str]:
    """The keys of the section, or of the part of it that `keys` lead to."""
    for key in keys:
        type_ = type_.model_fields[key].annotation if _is_section(type_) else None
    return list(type_.model_fields) if _is_section(type_) else []


def _is_section(type_: object) -> TypeGuard[type[Section]]:
    return isinstance(type_, type) and issubclass(type_, Section)


def _short(value: object) -> str:
    return textwrap.shorten(repr(value), 80, placeholder="…")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
