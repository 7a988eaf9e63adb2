from __future__ import annotations

import pytest

from benchmarks.many_images import PARTS, Sample, _tenths


def test_a_run_that_is_too_short_to_be_sampled_is_told() -> None:
    samples = [Sample(float(number), 1.0, 2.0) for number in range(PARTS)]
    assert len(_tenths(samples)) == PARTS
    for few in ([], samples[1:]):
        with pytest.raises(SystemExit, match="Name a larger --count"):
            _tenths(few)
