"""Pushes to and pulls from the DVC remote by the program `dvc`, and says in a sentence what to do where that fails.

DVC answers a failure of the bucket with a trace, or not at all: missing credentials are "Anonymous caller", a bucket
that does not exist is "b/NAME/o"; a pull without a remote, and a run-cache that was not sent, end well.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Literal

from breastseg.errors import BreastsegError
from breastseg.interrupts import ended_with_us

if TYPE_CHECKING:
    from collections.abc import Callable

Direction = Literal["push", "pull"]

# a request has failed half a minute long; DVC would try as long for each entry of the run-cache, one after the other
_GIVEN_UP = "out of retries"
_LACKING = "do not exist neither locally nor on remote"
_SETUP = "docs/gcs.md says how"


@dataclass(frozen=True)
class _Failure:
    """What shows in DVC's output, as patterns, and what to do then."""

    shows: tuple[str, ...]
    mend: str

    def is_in(self, said: str) -> bool:
        return any(re.search(pattern, said) for pattern in self.shows)


_NO_REMOTE = _Failure(
    ("no remote specified", "No remote provided and no default remote set"),
    f"No remote is configured: run `dvc remote add -d storage gs://BUCKET/breastseg` with your bucket; {_SETUP}",
)
_NEVER_RUN = _Failure(
    ("No file hash info found",),
    "dvc.lock does not say which files belong to some stages: run `dvc repro --pull`, which takes what somebody "
    "pushed and runs the rest",
)
_MISSING = _Failure(
    (_LACKING, r"error\.dvc\.org/missing-files", "failed to (down|up)load"),
    "{lacking}: check the remote's address with `dvc remote list`, and have whoever ran the pipeline run "
    "`make data-push`",
)
# the first that shows counts, as one failure causes others
_FAILURES = (
    _NO_REMOTE,
    _Failure(
        (
            "Anonymous caller",
            "default credentials were not found",
            "RefreshError",
            "[Rr]eauthenticat",
            "invalid_grant",
            "Invalid Credentials",
            r", 401\b",
        ),
        f"The bucket accepts no credentials from here: run `gcloud auth application-default login`; {_SETUP}",
    ),
    _Failure(
        ("Forbidden: ",),
        f"Your account may not {{direction}} there: ask the bucket's owner for the role {{role}}; {_SETUP}",
    ),
    _Failure(
        (r"ERROR: .*\bb/[^/\s]+/o\b", "bucket does not exist"),
        f"There is no such bucket: mend its address, which `dvc remote list` shows, or make the bucket; {_SETUP}",
    ),
    _Failure(
        (
            "Cannot connect to host",
            _GIVEN_UP,
            "[Cc]onnection (reset|aborted|closed)",
            "Server disconnected",
            "Broken pipe",
            "Name or service not known",
            "[Tt]imed out",
            "TimeoutError",
            "payload is not completed",
        ),
        "The bucket cannot be reached, or the connection broke: check network and proxy, then run "
        "`make data-{direction}` again, which goes on where this one ended",
    ),
    _Failure(
        ("is not a git repository", "not inside of a DVC repository"),
        "DVC needs a git repository, which an unpacked archive is not: clone the project, or run `git init` here",
    ),
    _Failure(
        ("Unable to acquire lock",),
        "Another DVC is at work in this tree, maybe one that was left behind: wait for it, or end it, then run "
        "`make data-{direction}` again",
    ),
    _NEVER_RUN,
    _MISSING,
)
_WORDS: dict[Direction, dict[str, str]] = {
    "push": {"role": "Storage Object User", "lacking": "Files of this commit are neither here nor in the remote"},
    "pull": {"role": "Storage Object Viewer", "lacking": "The remote lacks files of this commit"},
}
# DVC ends well with these: run-cache entries that were not sent, a push that lacks files, a pull without a remote
_SILENT = re.compile("|".join(("ERROR: failed to transfer", _LACKING, *_NO_REMOTE.shows)))
_BAR = re.compile(r"\d[^|]*\[\d\d:\d\d|^(Collecting|Pushing|Fetching)\s*$")


def transfer(direction: Direction, *stages: str, may_lack: bool = False) -> str:
    """Send what DVC keeps of this commit, and the run-cache, to the default remote, or fetch it from there.

    Progress is shown where stderr is a terminal.

    Args:
        direction: Whereto.
        stages: Whose outs; all of them without any name.
        may_lack: Whether files that the other side lacks are no failure.

    Returns:
        What DVC told of it, such as `6 files pushed`.

    Raises:
        BreastsegError: It failed, or there is no remote; the text says what to do. What has arrived stays.
    """
    if find_spec("dvc") is None:
        raise BreastsegError("The package dvc is not installed. Install the extra: pip install 'breastseg[train]'")
    command = [sys.executable, "-m", "dvc", direction, "--run-cache", *stages]
    with _start(command) as dvc, ended_with_us(dvc):
        said = _follow(dvc.stdout, dvc.terminate) if dvc.stdout else ""
    if not dvc.returncode and not _SILENT.search(said):
        return said
    failure = next((failure for failure in _FAILURES if failure.is_in(said)), None)
    if may_lack and failure in (_NEVER_RUN, _MISSING):
        return said
    raise BreastsegError(_tell(said, direction, failure))


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - a fixed command
        command,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    # gcsfs would ask what kind of bucket it is, before each request, and complain where that is not allowed
    plain = {"GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    # else DVC draws no bars into a pipe
    bars = {"DVC_IGNORE_ISATTY": "true"} if sys.stderr.isatty() else {}
    return plain | bars | dict(os.environ)


def _follow(output: IO[str], give_up: Callable[[], None]) -> str:
    """Return what DVC says but its progress bars, which are shown as they come."""
    said = []
    # a bar ends its line with a carriage return, which Python reads as an end of line
    for line in output:
        if _BAR.search(line):
            sys.stderr.write(f"\r\x1b[K{line.strip()[:100]}")
        elif line.strip(" !\n\x1b[A"):
            said.append(line.rstrip())
        if _GIVEN_UP in line:
            give_up()
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    return "\n".join(said)


def _tell(said: str, direction: Direction, failure: _Failure | None) -> str:
    """What to do; where the failure is none that is known here, what DVC calls it."""
    if failure:
        return failure.mend.format(direction=direction, **_WORDS[direction])
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    return "\n".join([*errors, f"`dvc {direction} --run-cache -v` tells more"])
