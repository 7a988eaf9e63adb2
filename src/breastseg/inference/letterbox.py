"""Maps images, masks and probabilities between native size and the network's square; the one place that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

_MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class Letterbox:
    """Scales by `size / max(native_height, native_width)`, centres on a square, and pads with 0.

    Pillow's resampling aligns the images' corners, not the centres of their outermost pixels, so nothing shifts by
    half a pixel on the way there and back; its bilinear filter widens when it scales down (antialiasing).

    Attributes:
        native_height: Height of the image as it was read, in pixels.
        native_width: Width of the image as it was read, in pixels.
        size: Side S of the network's square, in pixels.
    """

    native_height: int
    native_width: int
    size: int

    def image(self, image: np.ndarray, channels: Literal[1, 3]) -> np.ndarray:
        """Letterbox an image.

        Args:
            image: uint8 `[H, W]` (grey) or `[H, W, 3]` (RGB), at native size.
            channels: 1 or 3. RGB becomes grey by the luminance of ITU-R BT.601, grey becomes RGB by repeating.

        Returns:
            uint8 `[channels, S, S]`.

        Raises:
            ValueError: The image is not of the native size.
        """
        self._require_native(image)
        converted = Image.fromarray(image).convert(_MODES[channels])
        pixels = np.asarray(converted.resize(self._scaled_size(), Image.Resampling.BILINEAR))
        square = np.zeros((self.size, self.size, channels), dtype=np.uint8)
        square[self._window()] = pixels.reshape(*pixels.shape[:2], channels)
        return np.ascontiguousarray(square.transpose(2, 0, 1))

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Letterbox a mask by nearest neighbour.

        Args:
            mask: bool `[H, W]`, at native size.

        Returns:
            bool `[S, S]`, false on the padding.

        Raises:
            ValueError: The mask is not of the native size.
        """
        self._require_native(mask)
        grey = Image.fromarray(mask.astype(np.uint8))
        square = np.zeros((self.size, self.size), dtype=np.bool_)
        square[self._window()] = np.asarray(grey.resize(self._scaled_size(), Image.Resampling.NEAREST)) > 0
        return square

    def inside(self) -> np.ndarray:
        """Return bool `[S, S]`, true on the image and false on the padding."""
        square = np.zeros((self.size, self.size), dtype=np.bool_)
        square[self._window()] = True
        return square

    def restore(self, probability: np.ndarray) -> np.ndarray:
        """Bring a probability map back to native size: cut the padding off, then resample bilinearly.

        Args:
            probability: float32 `[S, S]`, 0..1.

        Returns:
            float32 `[H, W]`, 0..1.

        Raises:
            ValueError: The map is not `[S, S]`.
        """
        if probability.shape != (self.size, self.size):
            raise ValueError(f"the map is {probability.shape}, the letterbox ({self.size}, {self.size})")
        window = np.ascontiguousarray(probability[self._window()], dtype=np.float32)
        native = Image.fromarray(window).resize((self.native_width, self.native_height), Image.Resampling.BILINEAR)
        return np.asarray(native).clip(0, 1)

    def _scaled_size(self) -> tuple[int, int]:
        """Return (width, height) of the scaled image: Pillow's order."""
        scale = self.size / max(self.native_height, self.native_width)
        return max(1, round(self.native_width * scale)), max(1, round(self.native_height * scale))

    def _window(self) -> tuple[slice, slice]:
        """Return the rows and columns of the square that the image covers."""
        width, height = self._scaled_size()
        top, left = (self.size - height) // 2, (self.size - width) // 2
        return slice(top, top + height), slice(left, left + width)

    def _require_native(self, array: np.ndarray) -> None:
        if array.shape[:2] != (self.native_height, self.native_width):
            raise ValueError(
                f"the array is {array.shape[:2]}, the letterbox is for ({self.native_height}, {self.native_width})"
            )
