"""Names of image files: their endings, their stems, and which are masks."""

from __future__ import annotations

import re
from pathlib import PurePath

from breastseg.folders import nfc
from breastseg.inference.decode import IMAGE_ENDINGS

# files that desktop systems leave in folders that were looked at
_DESKTOP_FILES = frozenset({"thumbs.db", "desktop.ini"})
# masks that lie beside their image, as in BUSI
_MASK = re.compile(r"(?P<image>.+)_mask(_\d+)?", re.DOTALL)
# as other programs name them: X_Mask.png, X_masks.png, X_mask (1).png, …
_LIKELY_MASK = re.compile(r"(?P<image>.+)_mask.*", re.DOTALL | re.IGNORECASE)


def is_image(name: str) -> bool:
    """Return whether a file is an image by its ending; hidden files are not."""
    return has_image_ending(name) and not is_clutter(PurePath(name).name)


def has_image_ending(name: str) -> bool:
    """Return whether a file's name, hidden or not, ends as those of image files do."""
    return PurePath(name).suffix.lower() in IMAGE_ENDINGS


def is_clutter(name: str) -> bool:
    """Return whether a file is hidden, or one that desktop systems leave."""
    return name.startswith(".") or name.lower() in _DESKTOP_FILES


def stem(path: str) -> str:
    """Return the file name without its ending, with composed accents: equal names have equal stems."""
    return nfc(PurePath(path).stem)


def image_stem_of_mask(path: str) -> str | None:
    """Return the stem of the image that a file is a mask of: of `X_mask.png`, `X_mask_1.png`, … it is `X`.

    None where the file is not named as a mask.
    """
    match = _MASK.fullmatch(stem(path))
    return match["image"] if match else None


def image_stem_of_likely_mask(path: str) -> str | None:
    """Return the stem of the image that a file may be a mask of, whatever follows `_mask` in its name.

    Only for files that lie beside that image. None where the name holds no `_mask`.
    """
    match = _LIKELY_MASK.fullmatch(stem(path))
    return match["image"] if match else None
