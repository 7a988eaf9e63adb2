"""Result of the quality gate: bounds on the test scores, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Sequence

Share = Annotated[float, Field(ge=0, le=1)]
Name = Literal["min_dice", "max_missed", "max_normal_false_positive_rate"]

NAMES: Final[tuple[Name, ...]] = get_args(Name)
"""The bounds, named as below `export.gate` in params.yaml."""

_SCORES: Final[dict[Name, str]] = {
    "min_dice": "mean Dice",
    "max_missed": "share of missed lesion images",
    "max_normal_false_positive_rate": "false-positive rate on normal images",
}
# a test set without normal images is common, one without lesion images shows nothing of a model
_OPTIONAL: Final[Name] = "max_normal_false_positive_rate"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GateCheck(_Part):
    """One bound and the test score that is compared with it.

    Attributes:
        name: The bound, as below `export.gate` in params.yaml.
        bound: Smallest score allowed of a `min_…`, largest of a `max_…`, 0..1.
        measured: The exported file's score on the test cases, 0..1; None where no test case has one.
        passed: Whether the score keeps the bound. Without a score, only the bound on normal images is kept.
    """

    name: Name
    bound: Share
    measured: Share | None
    passed: bool

    @classmethod
    def of(cls, name: Name, bound: float, measured: float | None) -> Self:
        """Compare a score with its bound."""
        return cls(name=name, bound=bound, measured=measured, passed=_keeps(name, bound, measured))

    @model_validator(mode="after")
    def _require_consistency(self) -> Self:
        if self.passed != _keeps(self.name, self.bound, self.measured):
            raise ValueError(f"passed is {self.passed}, which its bound and what was measured contradict")
        return self

    @property
    def score(self) -> str:
        """The score, in words."""
        return _SCORES[self.name]

    @property
    def comparison(self) -> str:
        """What was measured and what is required, as the end of a sentence that begins with `score`."""
        measured = "was not measured" if self.measured is None else f"is {self.measured}"
        required = "at least {} is required" if self.name.startswith("min_") else "at most {} is allowed"
        return f"{measured}, {required.format(self.bound)}"


class GateResult(_Part):
    """What the quality gate found at export.

    Attributes:
        passed: Whether all bounds are kept.
        checks: Every bound, in the order of `NAMES`.
    """

    passed: bool
    checks: tuple[GateCheck, ...]

    @classmethod
    def of(cls, checks: Sequence[GateCheck]) -> Self:
        """Sum the checks up."""
        return cls(passed=all(check.passed for check in checks), checks=tuple(checks))

    @model_validator(mode="after")
    def _require_consistency(self) -> Self:
        if tuple(check.name for check in self.checks) != NAMES:
            raise ValueError(f"checks have to be those of {', '.join(NAMES)}, in this order")
        if self.passed != all(check.passed for check in self.checks):
            raise ValueError(f"passed is {self.passed}, which its checks contradict")
        return self

    @property
    def failures(self) -> tuple[GateCheck, ...]:
        """The checks whose bounds are missed."""
        return tuple(check for check in self.checks if not check.passed)


def describe_gate(gate: GateResult | None) -> str:
    """Say in one line how a model did at its gate; None stands for a file that does not record it."""
    if gate is None:
        return "unknown: the file was exported before this was recorded"
    if gate.passed:
        return "passed"
    return "failed: " + "; ".join(f"{check.score} {check.comparison}" for check in gate.failures)


def gate_warning(model: str, version: str, gate: GateResult | None) -> str | None:
    """Return one line for a log about a model that failed its gate; None where it passed or nothing is known.

    Args:
        model: Network and encoder.
        version: The model's version.
        gate: What its file records.
    """
    if gate is None or gate.passed:
        return None
    found = describe_gate(gate)
    return (
        f"Model {model}, version {version}: its quality gate {found}. Do not rely on it: train and export a better one"
    )


def _keeps(name: Name, bound: float, measured: float | None) -> bool:
    if measured is None:
        return name == _OPTIONAL
    return measured >= bound if name.startswith("min_") else measured <= bound
