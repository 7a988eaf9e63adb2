"""`breastseg experiments`: DVC's queue of experiments, worked off by several workers."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from breastseg.cli.extras import extra
from breastseg.cli.project import require_root

experiments = typer.Typer(no_args_is_help=True, help="Run queued experiments side by side.")


class _Teller:
    """Prints lines; when stdout takes them no more, has the call end as SIGTERM does, and prints on stderr instead."""

    def __init__(self) -> None:
        self._stream = sys.stdout

    def __call__(self, line: str) -> None:
        try:
            typer.echo(line, file=self._stream)
        except OSError as error:
            # a closed pipe or terminal, or a full disk; if stderr is gone too, only the exit status is left to tell
            _discard(self._stream)
            if self._stream is sys.stdout:
                self._stream = sys.stderr
                self(f"stdout: {error.strerror}")
                self(line)
                # is ignored where the call ends already: Ctrl-C ends the reader too
                signal.raise_signal(signal.SIGTERM)


def _discard(stream: TextIO) -> None:
    """Have Python not fail at its end over what is in the stream's buffer."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


# without a callback typer would make a lone command of it
@experiments.callback()
def _group() -> None:
    pass


@experiments.command("run")
def run(
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Experiments at once, which share the processors.")],
) -> None:
    """Run what `dvc exp run --queue` has queued, and start over what DVC has lost. Research use only."""
    require_root()
    with extra("train"):
        from breastseg.experiment_queue.run import run_queue
    run_queue(jobs, Path(), _Teller())
