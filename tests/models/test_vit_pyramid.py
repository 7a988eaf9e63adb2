from __future__ import annotations

import pytest
import torch

from breastseg.models.vit_pyramid import FineSkip, SimplePyramid


@pytest.mark.parametrize("grid", [4, 9, 16])
def test_a_grid_of_any_size_becomes_exact_strides(grid: int) -> None:
    pyramid = SimplePyramid(channels=1, embedding=12, widths=(4, 5, 6, 7, 8))
    tokens = [torch.randn(2, 12, grid, grid) for _ in range(4)]
    features = pyramid(torch.randn(2, 1, 128, 128), tokens)
    assert [tuple(feature.shape[1:]) for feature in features] == [
        (1, 128, 128),
        (4, 64, 64),
        (5, 32, 32),
        (6, 16, 16),
        (7, 8, 8),
        (8, 4, 4),
    ]


def test_fine_skip_fills_the_empty_feature_and_keeps_the_others() -> None:
    images = torch.randn(2, 3, 64, 64)
    features = [images, torch.empty(2, 0, 32, 32), *(torch.randn(2, 5, side, side) for side in (16, 8, 4, 2))]
    filled = FineSkip(channels=3, width=4)(images, features)
    assert filled[1].shape == (2, 4, 32, 32)
    assert all(after is before for after, before in zip(filled[2:], features[2:], strict=True))
