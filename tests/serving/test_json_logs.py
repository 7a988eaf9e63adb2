from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from breastseg.serving.json_logs import JsonFormatter, TextFormatter
from breastseg.serving.request_id import _current

if TYPE_CHECKING:
    from collections.abc import Iterator


def record(message: str, *, with_fault: bool = False, **fields: object) -> logging.LogRecord:
    exc_info = None
    if with_fault:
        try:
            int("no number")
        except ValueError:
            exc_info = sys.exc_info()
    made = logging.LogRecord("some.logger", logging.WARNING, "file.py", 1, message, None, exc_info)
    made.created = 1_700_000_000.1234
    made.fields = fields
    return made


@pytest.fixture(params=["", "an-id"])
def request_id(request: pytest.FixtureRequest) -> Iterator[str]:
    token = _current.set(request.param)
    yield request.param
    _current.reset(token)


def test_a_record_is_one_line_of_json(request_id: str) -> None:
    line = JsonFormatter().format(record('text with "quotes"\nand a line break', status=200, client=None))
    assert "\n" not in line
    assert line.isascii()
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "level": "warning",
        "logger": "some.logger",
        "message": 'text with "quotes"\nand a line break',
        **({"request_id": request_id} if request_id else {}),
        "status": 200,
        "client": None,
    }


@pytest.mark.parametrize("hostile", ["\ud800", "\x1b[31m", '\n{"level": "info"}', "\u2028", "\0"])
def test_nothing_that_a_client_sends_begins_a_line(hostile: str) -> None:
    for formatter in (JsonFormatter(), TextFormatter()):
        line = formatter.format(record("request", path=hostile))
        assert len(line.splitlines()) == 1
        assert line.isascii()
        assert line.isprintable()


def test_a_trace_is_a_member_and_in_text_follows() -> None:
    made = json.loads(JsonFormatter().format(record("failed", with_fault=True)))
    assert "ValueError: " in made["exception"]
    assert "Traceback" in made["exception"]
    first, *rest = TextFormatter().format(record("failed", with_fault=True, status=500)).splitlines()
    assert first.startswith("2023-11-14T22:13:20.123+00:00 warning failed")
    assert first.endswith("status=500")
    assert rest[0].startswith("Traceback")
