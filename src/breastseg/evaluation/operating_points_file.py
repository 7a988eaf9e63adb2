"""The file that carries both operating points from the judgement to the export."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from breastseg.errors import BreastsegError
from breastseg.evaluation.json_file import fault_of, write_json
from breastseg.inference.lesions import OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_POINTS = TypeAdapter(dict[str, OperatingPoint])


def write_operating_points(points: Mapping[str, OperatingPoint], path: Path) -> None:
    """Write one operating point a network."""
    write_json({network: asdict(point) for network, point in points.items()}, path)


def read_operating_points(path: Path) -> dict[str, OperatingPoint]:
    """Read one operating point a network.

    Raises:
        BreastsegError: The file is missing or does not hold operating points.
    """
    try:
        return _POINTS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BreastsegError(
            f"{path} holds no operating points ({fault_of(error)}). Run `dvc repro evaluate`"
        ) from error
