"""Labels connected components, for lesions and for whoever counts or measures them."""

from __future__ import annotations

import cc3d
import numpy as np


def label_components(mask: np.ndarray) -> np.ndarray:
    """Label the 8-connected components of a mask.

    Args:
        mask: bool `[H, W]`.

    Returns:
        Unsigned integers `[H, W]`: 0 is background, components count from 1 in the order of their first pixels.
    """
    # of bool, cc3d 4.1.1 labels some background too (8-connectivity, odd sizes); of bytes it does not
    return np.asarray(cc3d.connected_components(mask.astype(np.uint8, order="C"), connectivity=8))
