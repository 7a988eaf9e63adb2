"""Patients are numbered, joined and told apart by keys; unknown ones are no patient."""

from __future__ import annotations

import numpy as np

from breastseg.data.fingerprint import fingerprint
from breastseg.data.patients import (
    UNKNOWN,
    are_strangers,
    find_agreeing,
    join_patients,
    number_patients,
    patients_of_scenes,
)
from breastseg.data.similar_pairs import SimilarPairs
from tests.data.samples import speckle

PATIENTS = number_patients([("a", "1"), None, ("a", "1"), ("b", "1"), None])


def test_patients_of_different_data_sets_are_different_ones() -> None:
    assert len({PATIENTS[0], PATIENTS[3], UNKNOWN}) == 3
    assert PATIENTS[0] == PATIENTS[2]
    assert PATIENTS[1] == PATIENTS[4] == UNKNOWN


def test_only_two_known_patients_are_strangers() -> None:
    pairs = np.array([[0, 1], [1, 4], [0, 2], [2, 3], [3, 4]])
    assert are_strangers(PATIENTS, pairs).tolist() == [False, False, False, True, False]


def test_a_scene_has_the_patient_of_any_of_its_images() -> None:
    found = patients_of_scenes(PATIENTS, np.array([0, 1, 2, 1, 4]))
    assert found.tolist() == [PATIENTS[0], PATIENTS[3], PATIENTS[0], PATIENTS[3], UNKNOWN]


def test_tied_patients_are_one_and_an_unknown_one_is_who_it_is_tied_to() -> None:
    joined = join_patients(PATIENTS, np.array([[1, 4]]))
    assert joined[1] == joined[4] == UNKNOWN
    joined = join_patients(PATIENTS, np.array([[1, 2], [1, 3]]))
    assert len(set(joined[:4].tolist())) == 1
    assert joined[4] == UNKNOWN


def _agree(places: list[tuple[int, int]], similarities: list[float], keys: str = "pppqqq") -> list[bool]:
    """Of six unlike pictures."""
    prints = np.stack([fingerprint(speckle(seed)) for seed in range(6)])
    pairs = SimilarPairs(np.array(places), np.array(similarities, dtype=np.float32))
    return [bool(found) for found in find_agreeing(prints, number_patients(list(keys)), pairs)]


def test_two_pairs_of_other_images_agree_whichever_side_is_named_first() -> None:
    assert _agree([(0, 3), (1, 4)], [0.9, 0.86]) == [True, True]
    assert _agree([(0, 1), (2, 3)], [0.9, 0.86], keys="pqqppp") == [True, True]


def test_pairs_below_the_limit_or_of_one_image_or_of_other_patients_do_not_agree() -> None:
    assert _agree([(0, 3), (1, 4)], [0.9, 0.84]) == [False, False]
    assert _agree([(0, 3), (0, 4)], [0.9, 0.9]) == [False, False]
    assert _agree([(0, 3), (1, 4)], [0.9, 0.9], keys="pppqrr") == [False, False]
    assert _agree([(0, 1), (2, 3)], [0.9, 0.9], keys="pppppp") == [False, False]
