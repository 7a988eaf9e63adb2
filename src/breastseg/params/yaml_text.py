"""Reads YAML as DVC writes it: numbers such as `3e-05`, which PyYAML takes for text, are numbers."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the floats of YAML 1.2 (core schema, https://yaml.org/spec/1.2.2/#1032-tag-resolution)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - a document is anything
    """Parse a document.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, with one more form of numbers
