"""Evidently's report on the features of two periods, for teams that read it anyway; ours is `monitor_report`.

It judges each feature by its own rules, so it may call a period drifted that ours and the service's alarm do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

from breastseg.errors import BreastsegError
from breastseg.files import replacing
from breastseg.prediction_logs.read import of_model, within
from breastseg.reporting.html_page import require_page, writable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from breastseg.inference.contract import Contract
    from breastseg.monitoring.prediction import Prediction
    from breastseg.prediction_logs.read import Period


def write_evidently_report(
    predictions: Sequence[Prediction], contract: Contract, period: Period, against: Period, out: Path
) -> list[str]:
    """Write it, as one HTML file that loads nothing.

    Args:
        predictions: All that are kept.
        contract: Of the model whose answers are looked at.
        period: Whose answers.
        against: The period that they are held against.
        out: The HTML file.

    Returns:
        Features that are left out, as they have no value in one of the periods.

    Raises:
        BreastsegError: A period is empty, or the file cannot be written.
    """
    require_page(out)
    now, before = (_table(predictions, contract, time) for time in (period, against))
    # it refuses a column without a value
    told = [name for name in now.columns if now[name].notna().any() and before[name].notna().any()]
    # features that are always the same have no correlation with others
    with np.errstate(invalid="ignore"):
        snapshot = Report([DataDriftPreset()]).run(now[told], before[told])
    with writable(out), replacing(out) as partial:
        snapshot.save_html(str(partial))
    return sorted({*now.columns} - {*told})


def _table(predictions: Sequence[Prediction], contract: Contract, period: Period) -> pd.DataFrame:
    """A row an answer, with its features and scores; NaN where they have no value."""
    own = of_model(within(predictions, period), contract)
    if not own:
        raise BreastsegError(f"There is no answer of model {contract.model_version} {period}. Name another time")
    rows = [{**kept.features, "novelty": kept.novelty, "expected_dice": kept.expected_dice} for kept in own]
    return pd.DataFrame.from_records(rows).astype(float)
