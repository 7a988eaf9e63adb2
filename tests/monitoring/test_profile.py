"""A profile that does not fit itself is refused, and one that does comes back from its JSON."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from breastseg.monitoring.profile import Distribution, ExpectedDice, Profile
from tests.monitoring.profiles import make_profile


def test_it_comes_back_from_json() -> None:
    profile = make_profile(4)
    assert Profile.model_validate_json(profile.model_dump_json(), strict=True) == profile


@pytest.mark.parametrize(
    ("edges", "shares"), [((1.0, 1.0), (0.2, 0.3, 0.5)), ((2.0, 1.0), (0.2, 0.3, 0.5)), ((1.0,), (1.0,))]
)
def test_bins_rise_and_have_a_share_each(edges: tuple[float, ...], shares: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="edges have to rise"):
        Distribution(edges=edges, shares=shares, n=10)


def test_shares_are_one_together() -> None:
    with pytest.raises(ValidationError, match="shares have to be 1 together"):
        Distribution(edges=(1.0,), shares=(1.0, 1.0), n=10)


@pytest.mark.parametrize("count", [0, 10**13])
def test_counts_are_within_what_can_be_computed(count: int) -> None:
    raw = make_profile(4).model_dump(mode="json")
    with pytest.raises(ValidationError, match="images"):
        Profile.model_validate(raw | {"images": count})


def test_a_line_has_a_weight_a_feature() -> None:
    with pytest.raises(ValidationError, match="one weight a feature"):
        ExpectedDice(features=("a", "b"), fill=(0.0, 0.0), weights=(1.0,), intercept=0.0, rank_correlation=0.0, n=1)


@pytest.mark.parametrize("part", ["centre", "scale", "variances"])
def test_a_subspace_fits_itself(part: str) -> None:
    raw = make_profile(4).model_dump(mode="json")
    raw["novelty"]["embedding"][part] = [1.0, 1.0]
    with pytest.raises(ValidationError, match=r"novelty\.embedding"):
        Profile.model_validate(raw)


def numbers(part: object, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return where the numbers of a profile are that are no counts and no shares."""
    if isinstance(part, float):
        return [place]
    inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [found for name, below in inside for found in numbers(below, (*place, name))]


def test_no_number_is_so_large_or_small_that_scores_would_be_none() -> None:
    taken = []
    for place in numbers(make_profile(4).model_dump(mode="json")):
        for value in (1e300, -1e300, 5e-324):
            raw: Any = make_profile(4).model_dump(mode="json")
            part = raw
            for name in place[:-1]:
                part = part[name]
            part[place[-1]] = value
            try:
                Profile.model_validate(raw)
            except ValidationError:
                continue
            taken.append((place, value))
    # next to 0 is refused only where something is divided by it
    assert {value for _, value in taken} == {5e-324}
    assert not {name for place, _ in taken for name in place} & {"scale", "variances", "rest_variance", "typical"}
