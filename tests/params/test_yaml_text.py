"""Numbers are read as DVC writes them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from breastseg.params.yaml_text import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [("3e-05", 3e-5), ("1e5", 1e5), ("-2E+3", -2e3), (".5e1", 5.0), ("1.0e-3", 1e-3), ("12", 12), ("0.5", 0.5)],
)
def test_numbers_are_numbers(text: str, value: float) -> None:
    found = parse_yaml(f"rate: {text}")["rate"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["e5", "1e", "3e-05x", "a1e5", "'3e-05'"])
def test_text_stays_text(text: str) -> None:
    assert parse_yaml(f"rate: {text}")["rate"] == text.strip("'")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_comes_back(value: float) -> None:
    assert parse_yaml(f"[{value!r}]") == [value]


def test_what_is_no_yaml_is_an_error() -> None:
    with pytest.raises(yaml.YAMLError):
        parse_yaml("a: [")
