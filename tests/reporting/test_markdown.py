from __future__ import annotations

from breastseg.reporting.markdown import markdown_table


def test_the_first_row_is_the_head() -> None:
    text = markdown_table([["network", "Dice"], ["cnn_unet", "0.8"], ["vit_unet", "0.9"]])
    assert text.splitlines() == ["| network | Dice |", "| --- | --- |", "| cnn_unet | 0.8 |", "| vit_unet | 0.9 |"]


def test_a_table_may_have_no_lines() -> None:
    assert markdown_table([["", ""]]).splitlines() == ["|  |  |", "| --- | --- |"]
