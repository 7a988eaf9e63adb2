"""The pipeline's stages, run as `python -m stages.<name>` from the root of the tree that they stand in.

They import the package of that very tree, never an installed copy: an experiment that DVC runs in a copy of the
repository is thereby untouched by later edits of the workspace.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from breastseg.errors import BreastsegError  # after the path is set

if TYPE_CHECKING:
    from types import TracebackType


def _tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an error that the user can mend as its text alone, any other with its traceback."""
    if issubclass(kind, BreastsegError):
        sys.stderr.write(f"error: {error}\n")
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _tell
logging.basicConfig(format="%(message)s")
# what the libraries say below a warning is of no use to who runs a stage
logging.getLogger("breastseg").setLevel(logging.INFO)
