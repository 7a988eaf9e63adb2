"""The whole watch, from images to a verdict: every shift is noticed, and unshifted images raise it as seldom as set.

Images are simulated and the network is a tiny one; benchmarks/monitoring/proof.py does the same on a pipeline's run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.monitoring.shifts import SHIFTS, photographs
from breastseg.data.phantom.plan import plan_images
from breastseg.data.phantom.scan import simulate
from breastseg.export.reference import Reference, make_profile
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.observation import Observation
from breastseg.monitoring.watch import Assessment, Watch
from breastseg.monitoring.windows import HORIZONS, Drift, Rules, Window
from breastseg.params.monitoring import Monitoring
from breastseg.params.phantom import Phantom
from tests.onnx_models import make_contract, make_graph, write_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breastseg.monitoring.profile import Profile

PHANTOM = Phantom(
    seed=7,
    images=220,
    height_px=112,
    width_px=128,
    size_spread=1.0,
    malignant_share=0.4,
    normal_share=0.2,
    two_lesions_share=0.1,
    distractor_share=0.2,
)
PARAMS = Monitoring(bins=10, directions=8, folds=5, false_alarm_share=0.05, flip_share=0)
RULES = Rules(fewest=50, level=0.05)
pytestmark = pytest.mark.extended

WINDOWS, WINDOW_IMAGES = 200, 60


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    return Segmenter.load(write_model(path, make_contract().to_json(), make_graph(embedding=True)), threads=1)


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return [simulate(PHANTOM, plan).image for plan in plan_images(PHANTOM)]


@pytest.fixture(scope="module")
def seen(segmenter: Segmenter, images: list[np.ndarray]) -> list[Observation]:
    return observe(segmenter, images)


def observe(segmenter: Segmenter, images: Iterable[np.ndarray]) -> list[Observation]:
    return [Observation.of(image, segmenter.segment(image)) for image in images]


def profile_of(seen: Sequence[Observation]) -> Profile:
    references = [Reference(f"{place:03}", observed, 0.5) for place, observed in enumerate(seen)]
    return make_profile(references, PARAMS)


def judge(profile: Profile, seen: Iterable[Observation]) -> tuple[Drift, list[Assessment]]:
    watch, window = Watch(profile), Window(profile, HORIZONS[0], RULES)
    assessments = [watch.judge(observed) for observed in seen]
    for assessment in assessments:
        window.add(assessment, now=0)
    return window.drift(), assessments


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_is_noticed(
    segmenter: Segmenter, images: list[np.ndarray], seen: list[Observation], shift: str
) -> None:
    shifted = observe(segmenter, [SHIFTS[shift](image) for image in images[160:]])
    assert judge(profile_of(seen[:160]), shifted)[0].drifted


def test_what_is_no_ultrasound_is_noticed_image_by_image(segmenter: Segmenter, seen: list[Observation]) -> None:
    drift, assessments = judge(profile_of(seen[:160]), observe(segmenter, photographs()))
    assert drift.features["out_of_distribution"].drifted
    assert np.mean([found.out_of_distribution for found in assessments]) > 0.9


def test_unshifted_images_raise_it_as_seldom_as_set(seen: list[Observation]) -> None:
    alarms, out = 0, 0
    for number in range(WINDOWS):
        order = np.random.default_rng(number).permutation(len(seen)).tolist()
        window, reference = order[:WINDOW_IMAGES], order[WINDOW_IMAGES:]
        drift, assessments = judge(profile_of([seen[i] for i in reference]), [seen[i] for i in window])
        alarms += drift.drifted
        out += sum(found.out_of_distribution for found in assessments)
    assert alarms <= WINDOWS * RULES.level + 2 * math.sqrt(WINDOWS * RULES.level * (1 - RULES.level))
    assert out / (WINDOWS * WINDOW_IMAGES) == pytest.approx(PARAMS.false_alarm_share, abs=0.02)
