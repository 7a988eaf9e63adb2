"""Where `make data-push` or `make data-pull` fails, it says in one sentence what to do."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from benchmarks.serving.process import free_port
from tests.cloud_storage import BUCKET
from tests.pipeline.conftest import Tree, contents, outs, run_stages
from tests.pipeline.remotes import PULL, PUSH, bucket_files, clone, with_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("pipeline"), pytest.mark.usefixtures("no_credentials")]

PROGRAM = ("breastseg", "data", "push")


def test_a_colleague_pulls_a_whole_run_and_has_nothing_to_run(copied: Tree, storage: str, tmp_path: Path) -> None:
    with_remote(copied, storage).run(*PUSH)
    colleague = clone(copied, tmp_path / "colleague")
    colleague.run(*PULL)
    assert contents(colleague.root, *outs(copied)) == contents(copied.root, *outs(copied))
    assert "up to date" in colleague.dvc("status")
    assert run_stages(colleague.dvc("repro")) == []


def test_the_run_cache_spares_a_colleague_what_was_run_before(copied: Tree, storage: str, tmp_path: Path) -> None:
    with_remote(copied, storage).run(*PUSH)
    colleague = clone(copied, tmp_path / "colleague")
    (colleague.root / "dvc.lock").unlink()
    assert "run `dvc repro --pull`" in colleague.run(*PULL, fails=True)
    assert run_stages(colleague.dvc("repro", "--pull", "prepare")) == []
    places = ("data/raw/phantom", "data/prepared")
    assert contents(colleague.root, *places) == contents(copied.root, *places)


class Wire:
    """Carries connections to a server, and breaks them all, for good, while data go there and it is time."""

    def __init__(self, port: int, server: str, is_time: Callable[[], bool] = lambda: False) -> None:
        self._to = int(server.rsplit(":", 1)[1])
        self._is_time, self.is_cut = is_time, False
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for end in [self._listener, *self._ends]:
            # close alone would wake nobody who waits in another thread
            shut(end)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._ends += [near, far]
            if self.is_cut:
                # it was accepted while the others were being closed
                self.cut()
                return
            for pump in (partial(self._pump, near, far, counts=True), partial(self._pump, far, near, counts=False)):
                threading.Thread(target=pump, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, *, counts: bool) -> None:
        try:
            while data := source.recv(65536):
                if counts and self._is_time():
                    # a part of what was under way still arrives
                    sink.sendall(data[: len(data) // 2])
                    self.cut()
                    return
                sink.sendall(data)
            shut(sink)
        except OSError:
            return


def shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def test_a_push_whose_connection_breaks_says_so_and_the_next_completes_it(
    copied: Tree, storage: str, tmp_path: Path
) -> None:
    port = free_port()
    with_remote(copied, f"http://127.0.0.1:{port}")
    wire = Wire(port, storage, is_time=lambda: bool(pushed(storage)))
    output = copied.run(*PUSH, fails=True)
    assert wire.is_cut
    assert "the connection broke" in output
    assert "Traceback" not in output

    arrived = pushed(storage)
    assert_whole(storage, arrived)

    wire = Wire(port, storage)
    copied.run(*PUSH)
    colleague = clone(copied, tmp_path / "colleague")
    colleague.run(*PULL)
    wire.cut()
    assert len(pushed(storage)) > len(arrived)
    assert contents(colleague.root, *outs(copied)) == contents(copied.root, *outs(copied))
    assert "up to date" in colleague.dvc("status")


def pushed(storage: str) -> list[str]:
    files: list[str] = bucket_files(storage).find(f"{BUCKET}/breastseg/files/md5")
    return files


def assert_whole(storage: str, paths: list[str]) -> None:
    """DVC names what it stores after its MD5."""
    for path in paths:
        name = "".join(path.split("/")[-2:]).removesuffix(".dir")
        assert hashlib.md5(bucket_files(storage).cat_file(path)).hexdigest() == name  # noqa: S324 - DVC's choice


@contextmanager
def refusing(status: int, reason: str, behind: str | None = None) -> Iterator[str]:
    """The address of a storage that refuses everything, or everything but reading from the one behind."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if behind is None:
                self.refuse()
            else:
                self.answer(*fetch(f"{behind}{self.path}", dict(self.headers)))

        def refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(status, json.dumps({"error": {"code": status, "message": reason}}).encode())

        def do_POST(self) -> None:
            self.refuse()

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fetch(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    try:
        with urlopen(Request(url, headers=headers), timeout=120) as response:  # noqa: S310 - an emulator on loopback
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


def sentence(output: str) -> str:
    """What make prints around its command's error is left out; the error is one line."""
    lines = [line for line in output.splitlines() if not line.startswith("make:")]
    assert len(lines) == 1, output
    return lines[0]


# as Google Cloud Storage words them
NOBODY = (
    "Anonymous caller does not have storage.objects.{} access to the Google Cloud Storage object. "
    "Permission 'storage.objects.{}' denied on resource (or it may not exist)."
)
SOMEBODY = NOBODY.replace("Anonymous caller", "x@y.iam.gserviceaccount.com")


@pytest.mark.parametrize("command", [PUSH, PULL])
def test_without_credentials_the_user_is_told_to_log_in(
    small: Tree, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with refusing(401, NOBODY.format("list", "list")) as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage)
        here = (
            clone(with_remote(small, storage), tmp_path / "clone") if command is PULL else with_remote(small, storage)
        )
        told = sentence(here.run(*command, fails=True))
    assert "gcloud auth application-default login" in told


@pytest.mark.parametrize(("command", "role"), [(PUSH, "Storage Object User"), (PULL, "Storage Object Viewer")])
def test_who_may_not_is_told_the_role_to_ask_for(
    small: Tree, command: tuple[str, ...], role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with refusing(403, SOMEBODY.format("list", "list")) as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage)
        here = (
            clone(with_remote(small, storage), tmp_path / "clone") if command is PULL else with_remote(small, storage)
        )
        assert role in sentence(here.run(*command, fails=True))


@pytest.mark.parametrize("started", [PROGRAM, ("env", "--ignore-signal=INT", *PROGRAM)], ids=["", "in the background"])
def test_a_push_that_is_ended_leaves_nobody_at_work(small: Tree, started: tuple[str, ...]) -> None:
    """By SIGTERM, while the bucket keeps silent; the next one is not held up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with_remote(small, f"http://127.0.0.1:{silent.getsockname()[1]}")
        push = subprocess.Popen(started, cwd=small.root, env=small.environment)  # noqa: S603 - ours
        connection, _ = silent.accept()
        with connection:
            below = psutil.Process(push.pid).children(recursive=True)
            push.terminate()
            assert push.wait(timeout=240) == 130
    assert below
    assert [process.pid for process in below if process.is_running()] == []


def test_a_run_cache_that_was_not_sent_is_an_error(small: Tree, storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_remote(small, storage).run(*PUSH)
    with refusing(403, SOMEBODY.format("create", "create"), behind=storage) as read_only:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", read_only)
        with_remote(small, read_only)
        # the files are all there already, and DVC does not mind the rest
        small.dvc("push", "--run-cache")
        assert "Storage Object User" in sentence(small.run(*PUSH, fails=True))


@pytest.mark.parametrize("command", [PUSH, PULL])
def test_without_a_remote_the_user_is_told_to_name_one(small: Tree, command: tuple[str, ...]) -> None:
    assert "dvc remote add -d storage gs://BUCKET/breastseg" in sentence(small.run(*command, fails=True))


def test_a_bucket_that_does_not_exist_is_told(small: Tree, storage: str) -> None:
    assert "There is no such bucket" in sentence(with_remote(small, storage, "elsewhere").run(*PUSH, fails=True))


def test_what_nobody_has_pushed_is_told(small: Tree, storage: str, tmp_path: Path) -> None:
    colleague = clone(with_remote(small, storage), tmp_path / "colleague")
    assert "The remote lacks files of this commit" in sentence(colleague.run(*PULL, fails=True))
    assert "neither here nor in the remote" in sentence(colleague.run(*PUSH, fails=True))


def test_another_failure_is_told_in_dvcs_words(small: Tree) -> None:
    (small.root / ".dvc/config").write_text("[core]\n    remote = elsewhere\n")
    output = small.run(*PUSH, fails=True)
    assert "ERROR:" in output
    assert "`dvc push --run-cache -v` tells more" in output
    assert "Traceback" not in output


def test_an_archive_without_git_is_one_sentence(small: Tree) -> None:
    shutil.rmtree(small.root / ".git")
    output = small.run(*PUSH, fails=True)
    assert "clone the project, or run `git init` here" in output
    assert "ERROR" not in output


def test_raw_images_come_from_a_bucket_and_are_renewed(copied: Tree, storage: str) -> None:
    phantom, own = copied.root / "data/raw/phantom", copied.root / "data/raw/own"
    bucket_files(storage).put(f"{phantom}/", f"{BUCKET}/own/", recursive=True)
    copied.dvc("import-url", f"gs://{BUCKET}/own", "data/raw/own")
    assert contents(own, *(path.name for path in own.iterdir())) == contents(
        phantom, *(path.name for path in phantom.iterdir())
    )
    copied.edit_params({"data": {"root": "data/raw/own"}})
    assert run_stages(copied.dvc("repro", "prepare")) == ["check_params", "prepare"]
    # the same images have the same hash, wherever they come from
    assert copied.run("git", "status", "--porcelain", "data/raw") == "?? data/raw/own.dvc\n"

    bucket_files(storage).pipe(f"{BUCKET}/own/README.txt", b"a new file")
    copied.dvc("update", "data/raw/own.dvc")
    assert (own / "README.txt").read_bytes() == b"a new file"
