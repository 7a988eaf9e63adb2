from __future__ import annotations

import numpy as np

from breastseg.prediction_logs.queue import choose
from tests.prediction_logs.makers import SQUARE, make_prediction

SURE = [make_prediction(f"sure {place}", expected_dice=0.9) for place in range(20)]
DOUBTED = [make_prediction(f"doubted {place}", expected_dice=place / 10) for place in range(3)]
STRANGE = [
    make_prediction(f"strange {novelty}").model_copy(update={"out_of_distribution": True, "novelty": novelty})
    for novelty in (3.0, 5.0)
]


EMPTY = [
    make_prediction(f"empty {sure}", mask=np.zeros_like(SQUARE), expected_dice=0.0).model_copy(
        update={"features": {"empty": 1.0, "soft_dice": sure}}
    )
    for sure in (0.05, 0.99)
]


def test_the_doubtful_come_first() -> None:
    wishes = choose([*SURE, *DOUBTED, *STRANGE, *EMPTY], 6, chance_share=0)
    assert [(wish.request_id, wish.reason) for wish in wishes] == [
        ("strange 5.0", "out of distribution"),
        ("strange 3.0", "out of distribution"),
        ("doubted 0", "unsure"),
        # nothing was found, but nearly
        ("empty 0.05", "unsure"),
        ("doubted 1", "unsure"),
        ("doubted 2", "unsure"),
    ]


def test_those_by_chance_are_drawn_from_all() -> None:
    everything = [*SURE, *DOUBTED, *STRANGE]
    drawn = 0
    for number in range(100):
        renamed = [p.model_copy(update={"request_id": f"{number} {p.request_id}"}) for p in everything]
        wishes = choose(renamed, 10, chance_share=0.5)
        assert len({wish.request_id for wish in wishes}) == 10
        chance = [wish for wish in wishes if wish.reason == "by chance"]
        assert len(chance) == 5
        drawn += sum("sure" not in wish.request_id for wish in chance)
    # 5 of 25 are doubtful, and so they are among those that were drawn
    assert 70 <= drawn <= 130


def test_the_same_answers_give_the_same_choice_in_any_order() -> None:
    assert choose(SURE, 6, chance_share=1) == choose(SURE[::-1], 6, chance_share=1)
    assert [wish.request_id for wish in choose(SURE, 6, chance_share=1)] != [p.request_id for p in SURE[:6]]


def test_there_may_be_fewer_than_wanted() -> None:
    assert len(choose(DOUBTED, 10, chance_share=0.5)) == 3
    assert choose([], 10, chance_share=0.5) == []


def test_what_has_been_outlined_is_not_named_again() -> None:
    outlined = {("doubted 0", 0), ("strange 5.0", 0), ("doubted 1", 7)}
    for chance_share in (0, 1):
        wishes = choose([*DOUBTED, *STRANGE], 10, chance_share, outlined)
        assert sorted(wish.request_id for wish in wishes) == ["doubted 1", "doubted 2", "strange 3.0"]
