"""Schemathesis reads the service's OpenAPI document and asks the running service whatever it allows and forbids."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.conftest import running_server

pytestmark = pytest.mark.extended

KEY = "k" * 32
HTTP_OK = 200
# nothing in the document says what bytes are an image, and in a form everything is bytes
UNTOLD = "positive_data_acceptance,negative_data_rejection"
# without a key, nobody is told what methods a keyed route has
HIDDEN = "unsupported_method"
# how long an answer takes is the machine's affair
NO_LIMIT = "--max-response-time=1000000"


def fuzz(url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--checks=all"]
    repository = Path(__file__).resolve().parents[2]
    return subprocess.run(  # noqa: S603 - ours
        [
            *command,
            "--max-examples=50",
            "--generation-deterministic",
            "--continue-on-failure",
            "--no-color",
            NO_LIMIT,
            *options,
        ],
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.service.api_hooks",
            "PYTHONPATH": f"{repository}:{repository}/src",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"api_keys": KEY}, ["-H", f"Authorization: Bearer {KEY}", f"--exclude-checks={UNTOLD}"]),
        ({}, [f"--exclude-checks={UNTOLD},{HIDDEN}"]),
    ],
    ids=["keys", "anonymous"],
)
def test_every_answer_is_one_that_the_document_tells(
    model_path: Path, tmp_path: Path, settings: dict[str, str], options: list[str]
) -> None:
    log = tmp_path / "serve.log"
    with running_server(model_path, log, **settings) as client:
        ended = fuzz(str(client.base_url).rstrip("/"), tmp_path, *options)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    # the fuzzing reached the model too
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(record.get("path") == "/v1/segment" and record.get("status") == HTTP_OK for record in records)
