"""`breastseg experiments`: DVC's queue of experiments, worked off by several workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from breastseg.cli.extras import extra

experiments = typer.Typer(no_args_is_help=True, help="Run queued experiments side by side.")


# without a callback typer would make a lone command of it
@experiments.callback()
def _group() -> None:
    pass


@experiments.command("run")
def run(
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Experiments at once, which share the processors.")],
) -> None:
    """Run what `dvc exp run --queue` has queued, and start over what DVC has lost. Research use only."""
    with extra("train"):
        from breastseg.experiment_queue.run import run_queue
    run_queue(jobs, Path(), typer.echo)
