"""Tells the machines of one job on Vertex AI apart, and where their trainings meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = "CLUSTER_SPEC"


class _Task(BaseModel):
    type: str
    index: int


class _Cluster(BaseModel):
    """What Vertex AI tells each machine: addresses by worker pool, and which of them it is."""

    cluster: dict[str, list[str]]
    task: _Task


def meeting_place(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables by which trainings on several machines meet; none on one machine.

    The first machine is the only one of the first pool; those of the second pool follow. See Google's page
    "Distributed training" of Vertex AI.

    Args:
        environment: This machine's environment variables.

    Raises:
        BreastsegError: The description of the machines does not hold.
    """
    if (text := environment.get(_VARIABLE)) is None:
        return {}
    try:
        spec = _Cluster.model_validate_json(text)
        machines = [(pool, index) for pool in sorted(spec.cluster) for index in range(len(spec.cluster[pool]))]
        if len(machines) == 1:
            return {}
        address, _, port = spec.cluster[machines[0][0]][0].rpartition(":")
        rank = machines.index((spec.task.type, spec.task.index))
    except (ValidationError, ValueError, IndexError) as error:
        raise BreastsegError(f"{_VARIABLE} does not tell the machines of a job: {error}. Unset it on one") from error
    return {"MASTER_ADDR": address, "MASTER_PORT": port, "NODE_RANK": str(rank)}


def is_first(environment: Mapping[str, str]) -> bool:
    """Tell whether this machine is the one that keeps what the job leaves."""
    return environment.get("NODE_RANK", "0") == "0"
