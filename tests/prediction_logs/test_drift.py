from __future__ import annotations

import pytest

from breastseg.errors import BreastsegError
from breastseg.monitoring.windows import Rules
from breastseg.prediction_logs.drift import judge, profile_of
from tests.monitoring.profiles import make_profile
from tests.prediction_logs.makers import make_predictions

RULES = Rules(fewest=40, level=0.05)
PROFILE = make_profile(4)


def test_kept_answers_are_held_against_the_reference() -> None:
    assert not judge(make_predictions(60), PROFILE, RULES).drifted
    drift = judge(make_predictions(60, shift=30), PROFILE, RULES)
    assert [name for name, feature in drift.features.items() if feature.drifted] == ["brightness"]
    assert not judge(make_predictions(39, shift=30), PROFILE, RULES).enough


def test_two_periods_are_held_against_each_other() -> None:
    before = profile_of(make_predictions(100, shift=30), PROFILE)
    assert before.distributions["brightness"].n == 100
    assert not judge(make_predictions(60, shift=30), before, RULES).drifted
    assert judge(make_predictions(60), before, RULES).drifted
    with pytest.raises(BreastsegError, match="has no predictions"):
        profile_of([], PROFILE)
