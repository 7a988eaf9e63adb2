"""Makes packages of this environment look as if they were not installed, for programs that have to do without."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Blocker:
    """An import hook. (None in `sys.modules` would do for most, but scipy takes that for torch.)"""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        del path, target
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def block(*packages: str) -> None:
    """Refuse to import these packages, in this process."""
    sys.meta_path.insert(0, _Blocker(packages))
