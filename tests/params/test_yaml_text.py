"""Numbers are read as DVC reads and writes them; what others read differently is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from breastseg.params.yaml_text import AmbiguousYamlError, parse_with_faults, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [("3e-05", 3e-5), ("1e5", 1e5), ("-2E+3", -2e3), (".5e1", 5.0), ("1.0e-3", 1e-3), ("12", 12), ("0.5", 0.5)],
)
def test_numbers_are_numbers(text: str, value: float) -> None:
    found = parse_yaml(f"rate: {text}")["rate"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["e5", "1e", "3e-05x", "a1e5", "'3e-05'", "yes", "on", "None", "2020-01-01", "'010'", "tu-pvt_v2_b0"]
)
def test_text_stays_text(text: str) -> None:
    assert parse_yaml(f"rate: {text}")["rate"] == text.strip("'")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_comes_back(value: float) -> None:
    assert parse_yaml(f"[{value!r}]") == [value]


@pytest.mark.parametrize("text", ["010", "08", "-007", "0o10", "0b11", "1_000", "0.1_0", "1:30", "12:30:45"])
def test_a_number_that_readers_read_differently_is_refused(text: str) -> None:
    with pytest.raises(AmbiguousYamlError, match=rf"^train\.batch_size: is written {text} \(line 3\)"):
        parse_yaml(f"train:\n  epochs: 1\n  batch_size: {text}\n")


@pytest.mark.parametrize("text", ["0", "-0", "0.5", "00.5", "10", "0x10", "1e3", "true", "~"])
def test_what_all_read_alike_passes(text: str) -> None:
    assert parse_with_faults(f"a: {text}")[1] == []


def test_a_key_that_is_given_twice_is_refused_with_its_lines() -> None:
    with pytest.raises(AmbiguousYamlError, match=r"train\.epochs: is given twice \(lines 2 and 4\)"):
        parse_yaml("train:\n  epochs: 1\n  batch_size: 2\n  epochs: 3\n")


def test_keys_that_a_merge_brings_are_not_given_twice() -> None:
    assert parse_yaml("a: &a {x: 1}\nb: {<<: *a, x: 2}")["b"] == {"x": 2}


@pytest.mark.parametrize("text", ["a: [", "a:\n\tb: 1", "a: !!binary aGk=", "[a]: 1", "a: 1\n---\na: 2", "[" * 1500])
def test_what_is_not_plain_yaml_is_an_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)
