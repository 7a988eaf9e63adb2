from __future__ import annotations

from breastseg.inference.processor import processor_name


def test_it_names_the_processor_and_neither_host_nor_path() -> None:
    name = processor_name()
    assert name == name.strip() != ""
    assert "/" not in name
