"""`breastseg data`: what DVC keeps of a run, shared through its remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from breastseg.cli.project import require_root

if TYPE_CHECKING:
    from breastseg.data_remote import Direction

data = typer.Typer(no_args_is_help=True, help="Share data, models and past runs through the DVC remote.")


@data.command("push")
def push_data() -> None:
    """Send data, models and the run-cache to the DVC remote."""
    _transfer("push")


@data.command("pull")
def pull_data() -> None:
    """Fetch data, models and the run-cache from the DVC remote."""
    _transfer("pull")


def _transfer(direction: Direction) -> None:
    require_root()
    from breastseg.data_remote import transfer
    from breastseg.interrupts import as_interrupt

    with as_interrupt():
        typer.echo(transfer(direction))
