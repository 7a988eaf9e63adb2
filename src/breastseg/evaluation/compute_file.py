"""What each network costs, in a metric file of its own, so that `dvc exp show` has it beside the scores."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from breastseg.errors import BreastsegError
from breastseg.evaluation.json_file import fault_of, significant, write_json
from breastseg.evaluation.statistics import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NetworkCost:
    """One network's cost; names are short, each is a column of `dvc exp show`.

    Attributes:
        params_m: Parameters, in millions.
        macs_g: Multiply-accumulates of one image at the training size, in thousand millions.
    """

    params_m: _Positive
    macs_g: _Positive


# Field, heading, decimals: as the comparison shows them
HEADINGS = (("params_m", "params, M", 2), ("macs_g", "MACs, G", 2))
_COSTS = TypeAdapter(dict[str, NetworkCost])


def network_cost(parameters: int, macs: int) -> NetworkCost:
    """Bring counts to the units of the file."""
    return NetworkCost(params_m=significant(parameters / 1e6), macs_g=significant(macs / 1e9))


def format_cost(cost: NetworkCost) -> list[str]:
    """Write a network's cost, a cell for each of `HEADINGS`."""
    return [f"{getattr(cost, name):.{decimals}f}" for name, _, decimals in HEADINGS]


def write_costs(costs: Mapping[str, NetworkCost], path: Path) -> None:
    """Write `metrics/compute.json`: one cost a network."""
    write_json({network: asdict(cost) for network, cost in costs.items()}, path)


def read_costs(path: Path) -> dict[str, NetworkCost]:
    """Read `metrics/compute.json`.

    Raises:
        BreastsegError: The file is missing or does not hold the costs of both networks.
    """
    try:
        costs = _COSTS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BreastsegError(f"{path} holds no costs ({fault_of(error)}). Run `dvc repro evaluate`") from error
    if missing := [network for network in NETWORKS if network not in costs]:
        raise BreastsegError(f"{path} holds no costs of {' and '.join(missing)}. Run `dvc repro evaluate`")
    return costs
