"""Random changes of whole batches on their own device: one resampling for all geometry, then grey values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as f

from breastseg.training.tensors import PADDING

if TYPE_CHECKING:
    from breastseg.params.train import Augment

_ELASTIC_NODES = 5  # knots a side of the displacement field: bends of about a quarter of the image
_BLUR_REACH = 3.0  # standard deviations that the blur's kernel reaches


@dataclass(frozen=True)
class Augmenter:
    """Draws every change anew for each image of each batch.

    Attributes:
        params: Largest changes; an amount is drawn uniformly up to it.
        generator: Where all randomness comes from; on the device of the batches.
    """

    params: Augment
    generator: torch.Generator

    def __call__(self, images_nchw: torch.Tensor, targets_nchw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Change images and targets together.

        Args:
            images_nchw: uint8 `[N, C, S, S]`, 0..255.
            targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.

        Returns:
            Images float32 `[N, C, S, S]` in 0..255, bilinearly resampled and black on the padding, and targets uint8
            `[N, 1, S, S]`, resampled by nearest neighbour and `PADDING` where nothing was before.
        """
        grid = self._grid(images_nchw)
        images = f.grid_sample(images_nchw.float() / 255, grid, align_corners=False)
        # grid_sample fills with 0 what comes from outside
        shifted = targets_nchw.float() - PADDING
        targets = (f.grid_sample(shifted, grid, mode="nearest", align_corners=False) + PADDING).to(torch.uint8)
        images = self._blur(self._speckle(self._gain(self._grey_values(images)))).clamp(0, 1)
        return 255 * images * (targets != PADDING), targets

    def _uniform(self, like: torch.Tensor, low: float, high: float) -> torch.Tensor:
        """Draw a number an image: float32 `[N, 1, 1, 1]`."""
        unit = torch.rand((len(like), 1, 1, 1), generator=self.generator, device=like.device)
        return low + (high - low) * unit

    def _grid(self, images: torch.Tensor) -> torch.Tensor:
        """Where each pixel comes from, in -1..1: float32 `[N, S, S, 2]`."""
        grid = f.affine_grid(self._affine(images), list(images.shape), align_corners=False)
        if self.params.elastic_share == 0:
            return grid
        shape = (len(images), 2, _ELASTIC_NODES, _ELASTIC_NODES)
        knots = 2 * torch.rand(shape, generator=self.generator, device=images.device) - 1
        # the range -1..1 is two sizes long per unit of share
        knots *= self._uniform(images, 0, 2 * self.params.elastic_share)
        return grid + f.interpolate(knots, images.shape[-2:], mode="bicubic", align_corners=True).movedim(1, -1)

    def _affine(self, images: torch.Tensor) -> torch.Tensor:
        """Draw rotation, shear, zoom, mirror image and shift: float32 `[N, 2, 3]`."""
        p = self.params
        angle = self._uniform(images, -1, 1).view(-1) * math.radians(p.rotate_degrees)
        shear = torch.tan(self._uniform(images, -1, 1).view(-1) * math.radians(p.shear_degrees))
        zoom = self._uniform(images, 1 - p.scale_share, 1 + p.scale_share).view(-1)
        mirror = 1 - 2 * (self._uniform(images, 0, 1).view(-1) < p.flip_probability).float()
        shift_x, shift_y = (self._uniform(images, -1, 1).view(-1) * 2 * p.shift_share for _ in range(2))
        cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        rows = [mirror * cos, mirror * (shear * cos - sin), shift_x, sin, shear * sin + cos, shift_y]
        return torch.stack(rows, dim=1).view(-1, 2, 3)

    def _grey_values(self, images: torch.Tensor) -> torch.Tensor:
        p = self.params
        exponent = torch.exp(self._uniform(images, -1, 1) * math.log(p.gamma))
        contrast = 1 + self._uniform(images, -1, 1) * p.contrast_share
        brightness = self._uniform(images, -1, 1) * p.brightness_share
        changed = images.clamp(min=0) ** exponent
        mean = changed.mean((1, 2, 3), keepdim=True)
        return (changed - mean) * contrast + mean + brightness

    def _gain(self, images: torch.Tensor) -> torch.Tensor:
        """Multiply with a ramp of mean 1 at any angle, as a scanner's gain over depth and a tilted probe do."""
        if self.params.gain_share == 0:
            return images
        angle = self._uniform(images, 0, 2 * math.pi)
        ramp = torch.linspace(-1, 1, images.shape[-1], device=images.device)
        # no longer than 1 in any corner
        across = (torch.cos(angle) * ramp.view(1, 1, 1, -1) + torch.sin(angle) * ramp.view(1, 1, -1, 1)) / math.sqrt(2)
        return images * (1 + self._uniform(images, 0, self.params.gain_share) * across)

    def _speckle(self, images: torch.Tensor) -> torch.Tensor:
        """Multiply with noise of mean 1, the same for all channels."""
        if self.params.speckle_share == 0:
            return images
        noise = torch.randn(images[:, :1].shape, generator=self.generator, device=images.device)
        return images * (1 + self._uniform(images, 0, self.params.speckle_share) * noise)

    def _blur(self, images: torch.Tensor) -> torch.Tensor:
        """Convolve each image with a Gaussian of its own width, columns first, then rows."""
        if self.params.blur_px == 0:
            return images
        n, c, height, width = images.shape
        reach = math.ceil(_BLUR_REACH * self.params.blur_px)
        sigma = self._uniform(images, 0, self.params.blur_px).view(-1, 1).clamp(min=1e-3)
        offsets = torch.arange(-reach, reach + 1, device=images.device)
        kernels = torch.softmax(-((offsets / sigma) ** 2) / 2, dim=1).repeat_interleave(c, 0)
        planes = f.pad(images.reshape(1, n * c, height, width), (reach,) * 4, mode="replicate")
        planes = f.conv2d(planes, kernels.view(n * c, 1, -1, 1), groups=n * c)
        planes = f.conv2d(planes, kernels.view(n * c, 1, 1, -1), groups=n * c)
        return planes.view(n, c, height, width)
