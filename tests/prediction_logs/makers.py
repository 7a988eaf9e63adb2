"""Predictions as a service would have kept them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from breastseg.monitoring.prediction import Prediction
from breastseg.monitoring.prediction_log import Keeping, PredictionLog
from breastseg.monitoring.run_length import encode_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

START = datetime(2026, 3, 1, 22, tzinfo=UTC)
HEIGHT, WIDTH = 20, 30
SQUARE = np.zeros((HEIGHT, WIDTH), np.bool_)
SQUARE[5:15, 5:15] = True


def make_prediction(  # noqa: PLR0913 - what a test is about
    request_id: str,
    *,
    index: int = 0,
    hours: float = 0.0,
    brightness: float = 40.0,
    mask: np.ndarray = SQUARE,
    expected_dice: float | None = 0.75,
    contract_sha256: str = "0" * 64,
) -> Prediction:
    return Prediction(
        time=START + timedelta(hours=hours),
        request_id=request_id,
        index=index,
        model_version="1",
        contract_sha256=contract_sha256,
        height=mask.shape[0],
        width=mask.shape[1],
        features={"brightness": brightness, "empty": float(not mask.any()), "compactness": None},
        novelty=1.5,
        out_of_distribution=False,
        expected_dice=expected_dice,
        runs=encode_runs(mask),
    )


def make_predictions(count: int, *, hours: float = 0.0, shift: float = 0.0, sha: str = "0" * 64) -> list[Prediction]:
    """Images a minute apart, whose brightness is 40 and some."""
    levels = np.random.default_rng(0).normal(40 + shift, 20, count).tolist()
    return [
        make_prediction(f"{hours}-{place}", hours=hours + place / 60, brightness=level, contract_sha256=sha)
        for place, level in enumerate(levels)
    ]


def keep(folder: Path, predictions: Iterable[Prediction], part_bytes: int = 16_000_000) -> PredictionLog:
    """Write predictions as the service does; the log is still open."""
    log = PredictionLog(folder, Keeping(part_bytes=part_bytes))
    for prediction in predictions:
        log.append(prediction)
    return log


def ids(predictions: Sequence[Prediction]) -> list[str]:
    return [prediction.request_id for prediction in predictions]
