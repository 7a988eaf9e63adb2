from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from breastseg.inference.contract import METADATA_KEY, ContractError, parse_contract, read_contract
from tests.onnx_models import FAILED_GATE, PASSED_GATE, make_contract


def changed(**changes: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(json.loads(make_contract().to_json()) | changes)


def test_a_contract_comes_back_as_it_was() -> None:
    contract = make_contract()
    assert parse_contract(contract.to_json()) == contract
    assert read_contract({METADATA_KEY: contract.to_json(), "other": ""}) == contract


def test_the_canonical_form_does_not_depend_on_the_order_of_facts() -> None:
    contract = make_contract()
    facts = json.loads(contract.to_json())
    shuffled = json.dumps(dict(reversed(facts.items())), indent=3)
    assert parse_contract(shuffled).to_json() == contract.to_json()
    assert list(facts) == sorted(facts)
    assert " " not in contract.to_json().replace(facts["intended_use"], "").replace(
        facts["letterbox"]["scale"], ""
    ).replace(facts["letterbox"]["filter"], "")


def test_the_version_follows_the_content() -> None:
    contract = make_contract()
    other = make_contract(licence="MIT")
    assert contract.model_version == make_contract().model_version
    assert contract.model_version != other.model_version
    assert contract.sha256.startswith(contract.model_version)


def test_it_says_what_it_is_for() -> None:
    assert make_contract().intended_use.startswith("Research use only")


def test_a_missing_contract_names_the_way_out() -> None:
    with pytest.raises(ContractError, match=r"no contract .*dvc repro export_onnx"):
        read_contract({"producer": "somebody"})


def test_a_newer_contract_is_told_from_a_faulty_one() -> None:
    with pytest.raises(ContractError, match=r"schema version 5.*understands up to 4.*Update breastseg"):
        parse_contract(changed(schema_version=5, unheard_of=True))


def test_every_fault_is_named_at_once() -> None:
    point = {"temperature": 1.0, "threshold": 7.0, "min_area_share": 0.0, "colour": "red"}
    text = changed(channels=2, operating_point=point, value_range=[0, 1], unheard_of=True, origin={})
    with pytest.raises(ContractError) as error:
        parse_contract(text)
    for fault in (
        "channels",
        "operating_point.threshold",
        "operating_point.colour",
        "value_range.1",
        "unheard_of",
        "origin.checkpoint_sha256",
        "dvc repro export_onnx",
    ):
        assert fault in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"schema_version": 1}', '{"schema_version": "9"}', changed(schema_version=0)]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        parse_contract(text)


NUMBER = "1" * 5000
NESTED = "[" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        NESTED + "]" * 100_000,
        '{"a":' * 100_000,
        f'{{"schema_version": {NUMBER}}}',
        f'{{"schema_version": 3, "channels": {NUMBER}}}',
        f'{{"schema_version": 3, "licence": {NESTED + "]" * 100_000}}}',
    ],
    ids=["open", "closed", "objects", "version", "number", "within"],
)
def test_what_no_parser_should_be_given_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(ContractError, match="dvc repro export_onnx") as error:
        parse_contract(text)
    assert len(str(error.value)) < 1000
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        changed(**{f"unknown {number}": 1 for number in range(10_000)}),
        changed(**{"long" * 100_000: 1}),
        f'{{"schema_version": {"1" * 4000}}}',
    ],
    ids=["many", "long", "version"],
)
def test_a_fault_is_no_longer_than_somebody_reads(text: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_contract(text)
    assert len(str(error.value)) < 3_000


def older(version: int) -> str:
    """A contract as it was written before operating points had a presence threshold, and before gates were recorded."""
    facts = json.loads(make_contract(schema_version=version, gate=PASSED_GATE if version == 3 else None).to_json())
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_contract_keeps_its_version(version: int) -> None:
    text = older(version)
    assert "presence_threshold" not in text
    assert ("gate" in json.loads(text)) == (version == 3)
    contract = parse_contract(text)
    assert contract.operating_point.presence_threshold is None
    # as the service describes it, to clients that know no such field
    assert "presence_threshold" not in contract.model_dump_json()
    assert contract.to_json() == text
    assert contract.sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_contract_with_a_gate_is_inconsistent(version: int) -> None:
    point = json.loads(older(version))["operating_point"]
    with pytest.raises(ContractError, match=rf"inconsistent: gate: .*schema version {version}.*dvc repro export_onnx"):
        parse_contract(changed(schema_version=version, operating_point=point))
    # as the service describes such a model
    described = changed(schema_version=version, gate=None, operating_point=point | {"presence_threshold": None})
    assert parse_contract(described).gate is None


def test_a_contract_without_the_result_of_its_gate_is_inconsistent() -> None:
    message = r"inconsistent: gate: .*schema version 4.*dvc repro export_onnx"
    facts = json.loads(make_contract().to_json())
    del facts["gate"]
    with_version = json.dumps(facts)
    del facts["schema_version"]
    for text in (with_version, changed(gate=None), json.dumps(facts)):
        with pytest.raises(ContractError, match=message):
            parse_contract(text)


def test_a_presence_threshold_belongs_to_version_4() -> None:
    point = json.loads(older(3))["operating_point"]
    with pytest.raises(ContractError, match=r"inconsistent: operating_point: .*version 4 has to have a presence thr"):
        parse_contract(changed(operating_point=point))
    with pytest.raises(ContractError, match=r"inconsistent: operating_point: .*version 3 cannot have a presence thr"):
        parse_contract(changed(schema_version=3))


def test_a_gate_that_contradicts_itself_is_inconsistent() -> None:
    gate = json.loads(make_contract().to_json())["gate"]
    with pytest.raises(ContractError, match=r"gate: .*passed"):
        parse_contract(changed(gate=gate | {"passed": False}))
    with pytest.raises(ContractError, match=r"gate\.checks\.0\.bound"):
        parse_contract(changed(gate=gate | {"checks": [gate["checks"][0] | {"bound": 7}, *gate["checks"][1:]]}))


def test_the_version_follows_the_gate() -> None:
    assert make_contract(gate=FAILED_GATE).model_version != make_contract().model_version
    assert parse_contract(make_contract(gate=FAILED_GATE).to_json()).gate == FAILED_GATE


def test_a_letterbox_that_this_program_does_not_do_is_refused() -> None:
    letterbox = json.loads(make_contract().to_json())["letterbox"] | {"filter": "bicubic"}
    with pytest.raises(ContractError, match=r"letterbox\.filter"):
        parse_contract(changed(letterbox=letterbox))
