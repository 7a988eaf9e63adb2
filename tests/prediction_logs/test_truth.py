from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.prediction_logs.queue import choose
from breastseg.prediction_logs.tables import read_labelled, write_labelled
from breastseg.prediction_logs.truth import by_day, foretelling, format_truth, label, traffic_dice
from tests.prediction_logs.makers import HEIGHT, SQUARE, WIDTH, make_prediction

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = np.zeros_like(SQUARE)
HALF = SQUARE & (np.arange(WIDTH) < 10)


def draw(folder: Path, name: str, mask: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(mask).save(folder / f"{name}.png")


def test_real_dice_and_what_was_foretold(tmp_path: Path) -> None:
    kept = [
        make_prediction("same", expected_dice=0.9),
        make_prediction("half", expected_dice=0.5),
        make_prediction("half again", expected_dice=0.5),
        # an answer without a lesion has no expected Dice, whatever an earlier service gave
        make_prediction("missed", mask=NOTHING, expected_dice=0.1),
        make_prediction("clean", mask=NOTHING, hours=5),
        make_prediction("alarm", hours=5),
        make_prediction("unlabelled"),
    ]
    outlined = {"same": SQUARE, "half": HALF, "half again": HALF, "missed": SQUARE, "clean": NOTHING, "alarm": NOTHING}
    for name, mask in outlined.items():
        draw(tmp_path, name, mask)
    rows = label(kept, tmp_path)
    found = {row.request_id: (row.dice, row.missed, row.false_positive) for row in rows}
    assert found == {
        "same": (1, False, None),
        "half": (pytest.approx(2 / 3), False, None),
        "half again": (pytest.approx(2 / 3), False, None),
        "missed": (0, True, None),
        "clean": (None, None, False),
        "alarm": (None, None, True),
    }
    assert {day: len(held) for day, held in by_day(rows).items()} == {"2026-03-01": 4, "2026-03-02": 2}
    told = foretelling(rows)
    assert told.answers == 3
    assert told.rank_correlation == pytest.approx(1)
    assert told.mean_error == pytest.approx((0.9 - 1 + 2 * (0.5 - 2 / 3)) / 3)
    assert told.mean_absolute_error == pytest.approx((0.1 + 2 * (2 / 3 - 0.5)) / 3)
    assert "2026-03-02: 2 answers, 0 missed, 1 false alarm" in format_truth(rows)
    write_labelled(rows, tmp_path / "labelled.csv")
    assert read_labelled(tmp_path / "labelled.csv") == rows


def test_files_of_one_request_are_told_apart_and_the_last_answer_counts(tmp_path: Path) -> None:
    kept = [
        make_prediction("a", mask=NOTHING),
        make_prediction("a", hours=1),
        make_prediction("a", index=1, mask=HALF),
    ]
    draw(tmp_path, "a", SQUARE)
    draw(tmp_path, "a.1", HALF)
    assert [(row.index, row.dice) for row in label(kept, tmp_path)] == [(1, 1), (0, 1)]


def test_masks_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    draw(tmp_path, "a", np.zeros((HEIGHT, WIDTH + 1), np.bool_))
    draw(tmp_path, "stranger", SQUARE)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(ProblemsError) as caught:
        label([make_prediction("a"), make_prediction("b")], tmp_path)
    told = str(caught.value)
    assert "a.png: has 31 x 20 pixels, its image 30 x 20" in told
    assert "b.png: cannot be read" in told
    assert "stranger.png: belongs to no answer" in told


def test_masks_are_read_by_the_rules_of_training_data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, pixels in (("inverted", ~SQUARE), ("image", np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 251)):
        draw(tmp_path, name, pixels.astype(np.uint8))
    with pytest.raises(ProblemsError) as caught:
        label([make_prediction("inverted"), make_prediction("image")], tmp_path)
    told = {problem.path: str(problem) for problem in caught.value.problems}
    assert "Is it inverted?" in told[str(tmp_path / "inverted.png")]
    assert "is grey" in told[str(tmp_path / "image.png")]
    for file in tmp_path.iterdir():
        file.unlink()
    draw(tmp_path, "half bright", np.where(SQUARE, 100, 3).astype(np.uint8))
    (row,) = label([make_prediction("half bright")], tmp_path)
    assert row.dice == 1
    assert [record.getMessage() for record in caplog.records] == ["lossy_mask: 1 of 1 images, half bright"]


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(BreastsegError, match="holds no mask"):
            label([make_prediction("a")], folder)


def test_of_too_few_answers_no_correlation_is_told(tmp_path: Path) -> None:
    draw(tmp_path, "a", SQUARE)
    told = foretelling(label([make_prediction("a", expected_dice=None)], tmp_path))
    assert (told.answers, told.rank_correlation, told.mean_error) == (0, None, None)
    assert foretelling(label([make_prediction("a")], tmp_path)).rank_correlation is None


def test_what_was_drawn_by_chance_tells_of_all_traffic(tmp_path: Path) -> None:
    kept = [make_prediction(str(place), mask=HALF if place < 4 else NOTHING) for place in range(8)]
    wishes = choose(kept, 4, chance_share=1)
    for place in range(8):
        draw(tmp_path, str(place), SQUARE)
    rows = label(kept, tmp_path, wishes)
    by_chance = [row.dice for row in rows if row.reason == "by chance" and row.dice is not None]
    assert len(by_chance) == 4
    told = traffic_dice(rows)
    assert told is not None
    interval = stats.t.interval(0.95, 3, np.mean(by_chance), stats.sem(by_chance))
    assert told.images == 4
    assert told.mean == pytest.approx(np.mean(by_chance))
    assert (told.low, told.high) == pytest.approx(np.clip(interval, 0, 1))
    assert "All traffic, by 4 lesion images drawn by chance: Dice" in format_truth(rows)
    assert traffic_dice(label(kept, tmp_path)) is None


def test_models_are_told_apart(tmp_path: Path) -> None:
    kept = [make_prediction(f"{sha} {place}", contract_sha256=sha * 64) for sha in "ab" for place in range(2)]
    for prediction in kept:
        draw(tmp_path, prediction.request_id, SQUARE if prediction.contract_sha256[0] == "a" else HALF)
    told = format_truth(label(kept, tmp_path))
    first, second = told.split("Model bbbbbbbbbbbb:")
    assert "Model aaaaaaaaaaaa:\n2026-03-01: 2 answers, Dice 1.000 of 2 lesion images" in first
    assert "2026-03-01: 2 answers, Dice 0.667 of 2 lesion images" in second


def test_a_name_that_could_be_of_two_answers_is_refused(tmp_path: Path) -> None:
    kept = [make_prediction("case"), make_prediction("case", index=1, mask=NOTHING), make_prediction("case.1")]
    draw(tmp_path, "case.1", SQUARE)
    with pytest.raises(ProblemsError, match=r"case\.1\.png: could belong to several answers"):
        label(kept, tmp_path)
    (tmp_path / "case.1.png").rename(tmp_path / "case.1.0.png")
    assert [(row.request_id, row.dice) for row in label(kept, tmp_path)] == [("case.1", 1)]
