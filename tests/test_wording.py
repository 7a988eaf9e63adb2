from __future__ import annotations

import pytest

from breastseg.wording import counted


@pytest.mark.parametrize(("count", "told"), [(0, "0 images"), (1, "1 image"), (2, "2 images")])
def test_one_has_no_s(count: int, told: str) -> None:
    assert counted(count, "image") == told
