"""Distances are those of the textbook, and what is unlike the reference is told from what is like it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from breastseg.monitoring.novelty import Detector, Place
from breastseg.monitoring.observation import Observation
from breastseg.monitoring.profile import Novelty, Subspace

DIRECTIONS = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]


def make_subspace(centre: np.ndarray, kept: int = 2, typical: float = 1.0) -> Subspace:
    return Subspace(
        centre=tuple(centre),
        scale=(1.0, 2.0, 3.0, 1.0, 0.5),
        directions=tuple(tuple(row) for row in DIRECTIONS[:kept]),
        variances=(3.0, 2.0)[:kept],
        rest_variance=0.5,
        typical=typical,
    )


@given(st.lists(st.floats(-50, 50), min_size=5, max_size=5))
def test_the_distance_is_mahalanobis_under_the_full_covariance(values: list[float]) -> None:
    subspace = make_subspace(np.arange(5.0))
    variances = np.array([3.0, 2.0, 0.5, 0.5, 0.5])
    scale = np.diag(subspace.scale)
    covariance = scale @ (DIRECTIONS.T * variances) @ DIRECTIONS @ scale
    expected = mahalanobis(values, subspace.centre, np.linalg.inv(covariance)) ** 2 / 5
    assert Place(subspace).squared_distance(np.array(values)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_score_adds_both_kinds_in_typical_images() -> None:
    names = tuple("abcde")
    novelty = Novelty(
        features=names,
        image=make_subspace(np.zeros(5), typical=4.0),
        embedding=make_subspace(np.ones(5), typical=9.0),
        threshold=2.0,
        false_alarm_share=0.05,
    )
    values, embedding = np.array([1.0, -2.0, 0.5, 3.0, 1.0]), np.full(5, 2.0, np.float32)
    seen = Observation(dict(zip(names, values.tolist(), strict=True)), {}, embedding)
    of_image = Place(novelty.image).squared_distance(values) / 4
    of_embedding = Place(novelty.embedding).squared_distance(embedding.astype(float)) / 9
    detector = Detector(novelty)
    assert detector.score(seen) == pytest.approx(np.sqrt(of_image + of_embedding))
    assert [detector.is_out(score) for score in (2.0, 2.01)] == [False, True]
