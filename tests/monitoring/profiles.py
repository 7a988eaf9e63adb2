"""A small profile whose judgement can be told beforehand."""

from __future__ import annotations

from breastseg.monitoring.expected_dice import FEATURES
from breastseg.monitoring.profile import Distribution, ExpectedDice, Novelty, Profile, Subspace


def make_subspace(centre: tuple[float, ...], scale: float) -> Subspace:
    first = (1.0, *(0.0,) * (len(centre) - 1))
    return Subspace(
        centre=centre,
        scale=(scale,) * len(centre),
        directions=(first,),
        variances=(1.0,),
        rest_variance=1.0,
        typical=1.0,
    )


def make_profile(embedding_size: int, embedding_scale: float = 1.0) -> Profile:
    """Images of brightness 40 and embeddings of 0 are typical; the expected Dice is the soft Dice."""
    weights = tuple(float(name == "soft_dice") for name in FEATURES)
    return Profile(
        images=50,
        distributions={
            "brightness": Distribution(edges=(20.0, 60.0), shares=(0.1, 0.8, 0.1), n=50),
            "empty": Distribution(edges=(1.0,), shares=(0.98, 0.02), n=50),
        },
        novelty=Novelty(
            features=("brightness",),
            image=make_subspace((40.0,), 20.0),
            embedding=make_subspace((0.0,) * embedding_size, embedding_scale),
            threshold=3.0,
            false_alarm_share=0.05,
        ),
        expected_dice=ExpectedDice(
            features=FEATURES, fill=(0.0,) * len(FEATURES), weights=weights, intercept=0.0, rank_correlation=0.7, n=40
        ),
    )
