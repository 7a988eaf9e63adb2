"""Writes the training curves with DVCLive, from a history that outlives a kill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dvclive.live import Live

if TYPE_CHECKING:
    from collections.abc import Iterable


class Curves:
    """DVCLive's files in one folder: `plots/metrics/<name>.tsv` a curve; whatever stood there is replaced.

    Args:
        folder: The folder; nothing is written anywhere else in the repository.
        history: Rows of earlier epochs, written at once.
    """

    def __init__(self, folder: Path, history: Iterable[dict[str, float]]) -> None:
        self._live = Live(dir=str(folder), dvcyaml=None, save_dvc_exp=False)
        for row in history:
            self.add(row)

    def add(self, row: dict[str, float]) -> None:
        """Append an epoch: a value a curve."""
        for name, value in row.items():
            self._live.log_metric(name, value)
        self._live.next_step()  # type: ignore[no-untyped-call]  # DVCLive is typed in part

    def end(self) -> None:
        """Finish, and remove DVCLive's summary: the last epoch is not the one that is kept."""
        self._live.end()  # type: ignore[no-untyped-call]  # as above
        Path(self._live.metrics_file).unlink(missing_ok=True)
