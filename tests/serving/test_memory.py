"""What large images took is given back, also when something small was put down after them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

_PROGRAM = """
import sys, numpy as np, psutil
from breastseg.serving.memory import return_large_blocks
if sys.argv[1] == "returned":
    return_large_blocks()
np.ones(30 * 2**20, dtype=np.uint8)  # freed, and with it the library's own limit rises
before = psutil.Process().memory_info().rss
blocks, small = [], []
for _ in range(8):
    blocks.append(np.ones(20 * 2**20, dtype=np.uint8))
    # too large for the holes that imports leave, or it would not lie between the blocks
    small.append(np.ones(2**20, dtype=np.uint8))
blocks.clear()
print((psutil.Process().memory_info().rss - before) // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the switch is of Linux' C library")
def test_large_blocks_go_back_to_the_system() -> None:
    kept, returned = (
        int(subprocess.run([sys.executable, "-c", _PROGRAM, how], check=True, capture_output=True, text=True).stdout)  # noqa: S603 - own code
        for how in ("kept", "returned")
    )
    assert returned < 20
    assert kept > 100
