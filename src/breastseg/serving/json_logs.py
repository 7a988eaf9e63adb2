"""One JSON object a line on stdout, the request's id in each: log collectors read it without a parser of their own."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from typing import Literal, TypedDict

from breastseg.serving.request_id import current_request_id


class UvicornOptions(TypedDict):
    """Options of `uvicorn.run` that leave the log to this module."""

    log_config: None
    access_log: bool


LogFormat = Literal["json", "text"]
# uvicorn keeps its hands off the configuration, and `access_log` writes the line of a request
UVICORN: UvicornOptions = {"log_config": None, "access_log": False}


def configure(log_format: LogFormat) -> None:
    """Send every log line of the process to stdout, those of the server's own loggers too."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # Pillow warns of odd metadata
    logging.captureWarnings(capture=True)
    # a DICOM reader's warnings quote the file's fields, and those name patients
    logging.getLogger("pydicom").disabled = True
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")


# made once: `json.dumps` with an option of its own makes one a call
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; `extra={"fields": {...}}` adds members, an exception its trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        return _encode(_members(record) | self._trace(record))

    def _trace(self, record: logging.LogRecord) -> dict[str, str]:
        return {"exception": self.formatException(record.exc_info)} if record.exc_info else {}


class TextFormatter(logging.Formatter):
    """Formats a record for people: the same members in one line, an exception's trace below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the trace in lines of their own."""
        members = _members(record)
        head = [str(members.pop(name)) for name in ("time", "level", "message")]
        # in JSON, so that what a client sent cannot begin a line of its own
        tail = [f"{name}={_encode(value)}" for name, value in members.items()]
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return " ".join(head + tail) + trace


def _members(record: logging.LogRecord) -> dict[str, object]:
    request_id = current_request_id()
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
        **({"request_id": request_id} if request_id else {}),
        **getattr(record, "fields", {}),
    }
