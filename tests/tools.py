"""Programs that some tests need and no package index has."""

from __future__ import annotations

import os
import shutil

import pytest


def tool(*names: str, way: str = "`apt-get install prometheus prometheus-alertmanager`") -> str:
    """Return the path of the first of these programs that is installed, else skip the test.

    All skips of one program happen on one line with one reason, so that pytest's summary has one line for all of them.
    Where TEST_TOOLS is `required`, as on a runner that has installed them, a missing program fails the test.
    """
    found = next(filter(None, map(shutil.which, names)), None)
    missing = f"needs {names[0]}: {way}"
    if not found and os.environ.get("TEST_TOOLS") == "required":
        pytest.fail(missing)
    if not found:
        pytest.skip(missing)
    return found
