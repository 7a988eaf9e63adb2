"""`python -m breastseg.cli`, for where the command is not installed."""

from breastseg.cli import app

app()
