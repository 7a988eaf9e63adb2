"""Names of overlays: `X_overlay.png` lies beside the mask `X.png`."""

from __future__ import annotations

from breastseg.folders import nfc

_MASK_END, _END = ".png", "_overlay.png"


def overlay_of(mask: str) -> str:
    """Return the name of the overlay that lies beside a mask."""
    return mask.removesuffix(_MASK_END) + _END


def overlaid_mask(mask: str) -> str | None:
    """Return the composed name of the mask that a PNG file is the overlay of by its name; None if by no such name.

    Args:
        mask: The name of the file's own mask, which differs from the file's own in nothing but the ending.
    """
    composed = nfc(mask)
    folder_and_stem = composed.removesuffix(_END)
    is_overlay = folder_and_stem != composed and not folder_and_stem.endswith("/") and folder_and_stem
    return folder_and_stem + _MASK_END if is_overlay else None
