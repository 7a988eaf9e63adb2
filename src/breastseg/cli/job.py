"""`breastseg job`: the pipeline on a machine in the cloud that may be taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from breastseg.cli.extras import extra
from breastseg.cli.project import require_root

job = typer.Typer(no_args_is_help=True, help="Run the pipeline on machines that may be taken away.")

Place = Annotated[str, typer.Argument(metavar="PLACE", help="The run's own bucket folder: gs://bucket/runs/NAME.")]


@job.command("run")
def run(
    place: Place,
    set_param: Annotated[
        list[str] | None, typer.Option("--set-param", "-S", help="A change of params.yaml, as for dvc exp run.")
    ] = None,
    remote: Annotated[
        str | None, typer.Option(help="DVC's remote, such as gs://bucket/breastseg; else the tree's own.")
    ] = None,
) -> None:
    """Run all stages, and keep everything; the same command on a new machine goes on where this one was."""
    require_root()
    with extra("train"):
        from breastseg.jobs.run import run_job
    run_job(place.rstrip("/"), set_param or [], Path(), remote)
    typer.echo(f"Finished. In a clone of this commit, `breastseg job fetch {place}` brings it")


@job.command("fetch")
def fetch(place: Place) -> None:
    """Bring a finished run into this clone: params, lock, metrics, plots, data and models."""
    require_root()
    with extra("train"):
        from breastseg.interrupts import as_interrupt
        from breastseg.jobs.fetch import fetch_run
    with as_interrupt():
        fetch_run(place.rstrip("/"), Path())
    typer.echo("`breastseg summary` shows it; `dvc exp save --name NAME` keeps it as an experiment")
