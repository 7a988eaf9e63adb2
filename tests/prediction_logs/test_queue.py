from __future__ import annotations

from breastseg.prediction_logs.queue import choose
from tests.prediction_logs.makers import make_prediction

SURE = [make_prediction(f"sure {place}", expected_dice=0.9) for place in range(20)]
DOUBTED = [make_prediction(f"doubted {place}", expected_dice=place / 10) for place in range(3)]
STRANGE = [
    make_prediction(f"strange {novelty}").model_copy(update={"out_of_distribution": True, "novelty": novelty})
    for novelty in (3.0, 5.0)
]


def test_the_doubtful_come_first_and_some_by_chance() -> None:
    wishes = choose([*SURE, *DOUBTED, *STRANGE], 10, chance_share=0.5)
    assert [wish.request_id for wish in wishes[:5]] == [
        "strange 5.0",
        "strange 3.0",
        "doubted 0",
        "doubted 1",
        "doubted 2",
    ]
    assert [wish.reason for wish in wishes] == [
        *["out of distribution"] * 2,
        *["low expected Dice"] * 3,
        *["by chance"] * 5,
    ]
    assert len({wish.request_id for wish in wishes}) == 10


def test_the_same_answers_give_the_same_choice_in_any_order() -> None:
    assert choose(SURE, 6, chance_share=1) == choose(SURE[::-1], 6, chance_share=1)
    assert [wish.request_id for wish in choose(SURE, 6, chance_share=1)] != [p.request_id for p in SURE[:6]]


def test_there_may_be_fewer_than_wanted() -> None:
    assert len(choose(DOUBTED, 10, chance_share=0.5)) == 3
    assert choose([], 10, chance_share=0.5) == []
