"""What the service has acknowledged is in its prediction log after a kill; a full disk costs lines and no answer."""

from __future__ import annotations

import resource
import signal
import threading
from typing import TYPE_CHECKING

import httpx2
import psutil
import pytest

from tests.monitoring.test_prediction_log import lines
from tests.service.conftest import running_server
from tests.service.test_server import speckle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.extended

IMAGE = speckle("PNG", (120, 90))
CLIENTS = 4


def test_a_kill_loses_no_line_of_an_answer_that_has_arrived(model_path: Path, tmp_path: Path) -> None:
    arrived: list[str] = []
    with running_server(model_path, prediction_log=str(tmp_path / "log")) as server:
        enough = threading.Event()

        def ask(client: int) -> None:
            with httpx2.Client(base_url=server.base_url) as own:
                for number in range(10_000):
                    try:
                        headers = {"X-Request-Id": f"{client}-{number}"}
                        answer = own.post("/v1/segment", files={"file": IMAGE}, headers=headers)
                    except httpx2.TransportError:
                        return
                    arrived.append(answer.json()["request_id"])
                    if len(arrived) > 100:
                        enough.set()

        threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        server.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
        server.process.wait()
        # for `running_server`, which wants to see a quiet end
        server.process.returncode = 0
    kept = {line.request_id for line in lines(tmp_path / "log")}
    assert len(arrived) > 100
    assert set(arrived) <= kept


def test_a_full_disk_costs_lines_and_no_answer(model_path: Path, tmp_path: Path) -> None:
    with running_server(model_path, prediction_log=str(tmp_path / "log")) as server:
        # the kernel refuses to let a file grow beyond it, as a full disk would
        psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
        statuses = [server.post("/v1/segment", files={"file": IMAGE}).status_code for _ in range(60)]
        told = server.get("/metrics").text
    assert set(statuses) == {200}
    kept = len(lines(tmp_path / "log"))
    assert 0 < kept < 60
    assert f"breastseg_prediction_log_lines_total {kept}.0" in told
    assert f"breastseg_prediction_log_lost_total {60 - kept}.0" in told
