"""Numbers in sentences for people."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, which takes an s but for one: `1 image`, `0 images`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
