"""Tells which optional extra brings a package that a command misses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a missing package of an optional extra into an error that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        mend = f"Install the extra: pip install 'breastseg[{name}]'"
        raise BreastsegError(f"The package {error.name} is not installed. {mend}") from error
