"""The gate's result says which bounds the scores keep, and cannot contradict itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from breastseg.inference.gate import NAMES, GateCheck, GateResult, describe_gate, gate_warning


def result(
    dice: float | None = 0.6, missed: float | None = 0.1, false_positives: float | None = 0.1, *, min_dice: float = 0.5
) -> GateResult:
    measured = (dice, missed, false_positives)
    checks = zip(NAMES, (min_dice, 0.2, 0.3), measured, strict=True)
    return GateResult.of([GateCheck.of(*check) for check in checks])


def failed(found: GateResult) -> list[str]:
    return [check.name for check in found.failures]


def test_scores_on_their_bounds_pass() -> None:
    assert result(0.5, 0.2, 0.3).passed
    assert result(0.5, 0.2, 0.3).failures == ()


def test_every_bound_that_is_missed_is_named() -> None:
    assert failed(result(0.499999, 0.200001, 0.300001)) == list(NAMES)
    assert failed(result(missed=0.21)) == ["max_missed"]
    assert not result(missed=0.21).passed


def test_without_normal_images_their_bound_passes_and_without_lesion_images_theirs_fail() -> None:
    assert result(false_positives=None).passed
    assert failed(result(dice=None, missed=None)) == ["min_dice", "max_missed"]


def test_it_is_described_with_what_was_measured_and_what_is_required() -> None:
    text = describe_gate(result(0.4137, 0.25, 0.1))
    assert text == (
        "failed: mean Dice is 0.4137, at least 0.5 is required; "
        "share of missed lesion images is 0.25, at most 0.2 is allowed"
    )
    assert describe_gate(result()) == "passed"
    assert describe_gate(None).startswith("unknown")
    assert "mean Dice was not measured, at least 0.5 is required" in describe_gate(result(dice=None))


def test_a_score_just_below_its_bound_does_not_read_as_equal_to_it() -> None:
    text = describe_gate(result(0.499999))
    assert "is 0.499999, at least 0.5" in text


def test_only_a_failed_gate_is_warned_of() -> None:
    assert gate_warning("cnn_unet/x", "abc", result()) is None
    assert gate_warning("cnn_unet/x", "abc", None) is None
    warning = gate_warning("cnn_unet/x", "abc", result(0.1))
    assert warning is not None
    assert "cnn_unet/x, version abc" in warning
    assert "mean Dice is 0.1" in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    "change",
    [
        {"passed": True},
        {"checks": []},
        {"checks": "missing one"},
        {"checks": "twice"},
        {"checks": "contradicts"},
        {"checks": "out of range"},
        {"verdict": "fine"},
    ],
    ids=str,
)
def test_a_result_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    facts = result(0.1).model_dump(mode="json")
    checks = facts["checks"]
    lists = {
        "missing one": checks[:2],
        "twice": [checks[0], *checks[:2]],
        "contradicts": [checks[0] | {"passed": True}, *checks[1:]],
        "out of range": [checks[0] | {"measured": -0.1}, *checks[1:]],
    }
    facts |= {name: lists.get(str(value), value) if name == "checks" else value for name, value in change.items()}
    with pytest.raises(ValidationError):
        GateResult.model_validate(facts)
    assert GateResult.model_validate(result(0.1).model_dump(mode="json")) == result(0.1)
