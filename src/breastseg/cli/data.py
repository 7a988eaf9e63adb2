"""`breastseg data`: what DVC keeps of a run, shared through its remote."""

from __future__ import annotations

import typer

data = typer.Typer(no_args_is_help=True, help="Share data, models and past runs through the DVC remote.")


@data.command("push")
def push_data() -> None:
    """Send data, models and the run-cache to the DVC remote."""
    from breastseg.data_remote import transfer

    typer.echo(transfer("push"))


@data.command("pull")
def pull_data() -> None:
    """Fetch data, models and the run-cache from the DVC remote."""
    from breastseg.data_remote import transfer

    typer.echo(transfer("pull"))
