"""Numbers in sentences for people."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, which takes an s but for one: `1 image`, `0 images`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def uncounted_normals(count: int, where: str = "") -> str:
    """Write how many normals no figure counts, because they show the same as a lesion image.

    Args:
        count: At least 1.
        where: What to add in brackets, nothing if empty.
    """
    subject = f"{counted(count, 'normal')}{f' ({where})' if where else ''}"
    if count == 1:
        return f"{subject} is a near-duplicate of a lesion image and is not counted"
    return f"{subject} are near-duplicates of lesion images and are not counted"
