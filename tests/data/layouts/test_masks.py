"""Masks of any making mean the same lesion, and what is not a mask is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from breastseg.data.layouts.masks import FaintMaskError, MaskError, decode_bright_mask, read_bright_mask
from tests.data.mask_files import compressed, dice, disc, encoded, resized, ring, ultrasound
from tests.data.samples import box, nothing

if TYPE_CHECKING:
    import numpy.typing as npt

LESION = disc()
RESAMPLING = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]


def grey(mask: npt.NDArray[np.bool_], level: int) -> npt.NDArray[np.uint8]:
    return (mask * np.uint8(level)).astype(np.uint8)


@pytest.mark.parametrize("value", [1, 7, 100, 128, 255])
def test_any_bright_value_marks_the_lesion(value: int) -> None:
    layers = read_bright_mask(grey(box(), value))
    np.testing.assert_array_equal(layers.lesion, box())
    assert layers.flags == ()


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (200, 200, 0)])
def test_any_colour_marks_the_lesion(colour: tuple[int, int, int]) -> None:
    pixels = (box()[..., None] * np.array(colour)).astype(np.uint8)
    np.testing.assert_array_equal(read_bright_mask(pixels).lesion, box())


def test_black_is_no_lesion() -> None:
    layers = read_bright_mask(nothing().astype(np.uint8))
    assert not layers.lesion.any()
    assert layers.ignored is None
    assert layers.flags == ()


def test_noise_of_a_lossy_file_does_not_count() -> None:
    noisy = np.where(box(), 250, 3).astype(np.uint8)
    np.testing.assert_array_equal(read_bright_mask(noisy).lesion, box())


@pytest.mark.parametrize("levels", [[0, 1, 2], [0, 127, 255], [0, 100, 255], [0, 85, 170, 255]])
def test_every_label_but_0_is_lesion(levels: list[int]) -> None:
    labels = np.zeros((40, 48), dtype=np.uint8)
    for place, level in enumerate(levels[1:]):
        labels[5 + 10 * place : 12 + 10 * place, 8:20] = level
    layers = read_bright_mask(labels)
    np.testing.assert_array_equal(layers.lesion, labels > 0)
    assert layers.flags == ("multilevel_mask",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("touching", [True, False])
def test_a_map_of_255_lesions(dtype: type[np.generic], touching: bool) -> None:  # noqa: FBT001 - a case of the test
    side, gap = 4, 0 if touching else 2
    labels = np.zeros((16 * (side + 2) + 4, 16 * (side + 2) + 4), dtype=dtype)
    for number in range(1, 256):
        row, column = (2 + (number // 16) * (side + gap), 2 + (number % 16) * (side + gap))
        labels[row : row + side, column : column + side] = number
    read = read_bright_mask(decode_bright_mask(encoded(labels, "TIFF")))
    np.testing.assert_array_equal(read.lesion, labels > 0)


def test_a_16_bit_map_of_more_lesions_than_a_byte_counts() -> None:
    labels = np.kron(np.arange(1024, dtype=np.uint16).reshape(32, 32), np.ones((4, 4), np.uint16))
    labels = np.pad(np.where(labels % 3, labels, 0).astype(np.uint16), 40)
    np.testing.assert_array_equal(read_bright_mask(decode_bright_mask(encoded(labels))).lesion, labels > 0)


@pytest.mark.parametrize("top", [1, 255, 1000, 65535])
def test_16_bit_masks_of_any_range(top: int) -> None:
    data = encoded((LESION * np.uint16(top)).astype(np.uint16))
    np.testing.assert_array_equal(read_bright_mask(decode_bright_mask(data)).lesion, LESION)


def test_smooth_edges_in_16_bits_are_not_lesion_from_1_on() -> None:
    smooth = resized(LESION, 0.5, Image.Resampling.BILINEAR).astype(np.uint16)
    read = read_bright_mask(decode_bright_mask(encoded(smooth)))
    np.testing.assert_array_equal(read.lesion, smooth >= 128)


@pytest.mark.parametrize("level", [255, 127, 100, 40])
@pytest.mark.parametrize("quality", [20, 75, 95, 100])
def test_of_a_lossy_mask_half_of_its_maximum_is_the_threshold(level: int, quality: int) -> None:
    lossy = compressed(grey(LESION, level), quality)
    layers = read_bright_mask(lossy)
    assert layers.lesion.sum() == pytest.approx(LESION.sum(), rel=0.04)
    assert dice(layers.lesion, LESION) > 0.97
    assert layers.flags == ("lossy_mask",)


@pytest.mark.parametrize("method", RESAMPLING)
@pytest.mark.parametrize("factor", [0.5, 2, 3, 4, 8])
@pytest.mark.parametrize("radius", [4, 16])
def test_resized_masks_of_small_lesions_are_masks(method: Image.Resampling, factor: float, radius: float) -> None:
    lesion = disc(radius)
    found = read_bright_mask(resized(lesion, factor, method)).lesion
    assert found.sum() == pytest.approx(lesion.sum() * factor**2, rel=0.15)


@pytest.mark.parametrize("radius", [2, 3, 6, 20])
def test_anti_aliased_edges_are_cut_at_half(radius: float) -> None:
    fine = disc(radius * 4, 512).reshape(128, 4, 128, 4).mean(axis=(1, 3))
    found = read_bright_mask(np.rint(fine * 255).astype(np.uint8)).lesion
    assert dice(found, disc(radius, 128, (63.625, 63.625))) > 0.9


@pytest.mark.parametrize("stray", [1, 5, 90, 254])
def test_stray_pixels_are_neither_lesions_nor_lose_one(stray: int) -> None:
    values = grey(LESION, 255)
    values[[3, 50, 99], [7, 90, 20]] = stray
    found = read_bright_mask(values).lesion
    assert dice(found, LESION) > 0.99
    assert found[3, 7] == (stray >= 128)


def test_a_stray_bright_pixel_does_not_lose_the_lesion() -> None:
    values = grey(LESION, 100)
    values[64, 64] = 255
    np.testing.assert_array_equal(read_bright_mask(values).lesion, LESION)


@pytest.mark.parametrize(
    "pixels",
    [
        ultrasound(),
        compressed(ultrasound(), 75),
        ultrasound() // 2,
        np.where(LESION, 255, ultrasound()),
        np.where(LESION, 0, ultrasound()),
        np.where(ring(), 255, ultrasound()),
        np.stack([np.where(LESION, level, ultrasound()) for level in (255, 255, 0)], axis=2),
        np.where(disc(30), ultrasound(), 0),
        np.tile(np.arange(256, dtype=np.uint8), (128, 1)),
        np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8),
        np.rint(255 * np.exp(-np.hypot(*(np.indices((128, 128)) - 64)) / 20)).astype(np.uint8),
    ],
    ids=[
        "image",
        "jpeg",
        "darker",
        "white-paint",
        "black-paint",
        "contour",
        "yellow-paint",
        "cut-out",
        "gradient",
        "noise",
        "probability",
    ],
)
def test_photographs_and_painted_images_are_refused(pixels: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(MaskError, match="grey") as caught:
        read_bright_mask(pixels.astype(np.uint8))
    assert "Save the mask as PNG" in caught.value.mend


@pytest.mark.parametrize("quality", [75, 95, 100])
def test_labels_that_were_compressed_are_refused_rather_than_lost(quality: int) -> None:
    labels = np.where(LESION, 255, 0) + np.where(disc(8, centre=(20, 20)), 127, 0)
    with pytest.raises(MaskError, match="grey"):
        read_bright_mask(compressed(labels.astype(np.uint8), quality))


@pytest.mark.parametrize("level", [60, 90, 130, 170])
def test_a_darker_lesion_in_a_lossy_mask_is_refused_rather_than_lost(level: int) -> None:
    mask = np.zeros((200, 200), dtype=np.uint8)
    mask[20:90, 20:90], mask[120:140, 120:140] = 255, level
    with pytest.raises(MaskError, match="grey"):
        read_bright_mask(compressed(mask, 75))


@pytest.mark.parametrize(("radius", "factor"), [(8, 0.25), (8, 0.5), (10, 0.25), (6, 0.25)])
def test_a_small_lesion_beside_a_large_one_may_have_smooth_edges(radius: int, factor: float) -> None:
    mask = np.where(disc(60, 400, (150, 150)) | disc(radius, 400, (330, 330)), 255, 0).astype(np.uint8)
    small = Image.fromarray(mask).resize((int(400 * factor),) * 2, Image.Resampling.BILINEAR)
    layers = read_bright_mask(np.asarray(small.resize((400, 400), Image.Resampling.BILINEAR)))
    assert dice(layers.lesion, mask > 0) > 0.97


@pytest.mark.parametrize(("level", "quality"), [(1, 90), (8, 75), (12, 100)])
def test_a_lossy_mask_below_16_is_refused(level: int, quality: int) -> None:
    data = encoded(grey(LESION, level), "JPEG", quality=quality)
    with pytest.raises(FaintMaskError, match="greatest value is"):
        read_bright_mask(decode_bright_mask(data))


@pytest.mark.parametrize("labels", [(1, 2), (2, 1), (3, 9)])
def test_labels_without_a_0_are_refused_and_not_called_faint(labels: tuple[int, int]) -> None:
    pixels = np.where(LESION, labels[1], labels[0]).astype(np.uint8)
    with pytest.raises(MaskError, match="no 0, which stands for the background") as caught:
        read_bright_mask(pixels)
    assert not isinstance(caught.value, FaintMaskError)
    noise = np.random.default_rng(0).choice(np.array(labels, np.uint8), LESION.shape)
    with pytest.raises(FaintMaskError):
        read_bright_mask(noise)


def test_a_black_jpeg_has_no_lesion() -> None:
    read = read_bright_mask(decode_bright_mask(encoded(grey(LESION, 0), "JPEG")))
    assert not read.lesion.any()
    assert read.flags == ()


@pytest.mark.parametrize(
    "pixels",
    [
        grey(~LESION, 255),
        grey(~LESION, 1),
        compressed(grey(~LESION, 255)),
        np.full((128, 128), 255, np.uint8),
        np.full((128, 128), 1, np.uint8),
        np.stack([grey(~LESION, 255)] * 2 + [grey(LESION, 0)], axis=2),
    ],
    ids=["0-255", "0-1", "jpeg", "white", "ones", "colour"],
)
def test_inverted_masks_are_asked_about(pixels: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(MaskError, match="of its border as lesion") as caught:
        read_bright_mask(pixels)
    assert "inverted?" in caught.value.mend
    assert "0 around the lesion" in caught.value.mend


def test_a_lesion_of_most_of_the_image_but_not_its_border_is_one() -> None:
    lesion = disc(60)
    assert lesion.mean() > 0.6
    np.testing.assert_array_equal(read_bright_mask(grey(lesion, 255)).lesion, lesion)
    wide = nothing()
    wide[:19] = True  # most of the border of a half image, but less than half of the area
    np.testing.assert_array_equal(read_bright_mask(grey(wide, 255)).lesion, wide)


def _layered(rgb: int, alpha: npt.NDArray[np.uint8]) -> Image.Image:
    image = Image.new("RGBA", alpha.shape[::-1], (rgb, rgb, rgb, 0))
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("rgb", [0, 90, 255])
def test_a_lesion_in_the_alpha_channel(rgb: int) -> None:
    data = encoded(_layered(rgb, grey(LESION, 255)))
    np.testing.assert_array_equal(read_bright_mask(decode_bright_mask(data)).lesion, LESION)


def test_a_coloured_lesion_on_a_transparent_background() -> None:
    pixels = np.dstack([grey(LESION, 200), grey(LESION, 0), grey(LESION, 0), grey(LESION, 255)])
    np.testing.assert_array_equal(read_bright_mask(decode_bright_mask(encoded(pixels))).lesion, LESION)


def test_an_opaque_mask_with_an_alpha_channel_is_read_by_its_colours() -> None:
    pixels = np.dstack([grey(LESION, 255)] * 3 + [np.full(LESION.shape, 255, np.uint8)])
    np.testing.assert_array_equal(read_bright_mask(decode_bright_mask(encoded(pixels))).lesion, LESION)
    black = np.dstack([grey(LESION, 0)] * 3 + [np.full(LESION.shape, 255, np.uint8)])
    assert not read_bright_mask(decode_bright_mask(encoded(black))).lesion.any()


def test_a_lesion_that_is_transparent_is_asked_about() -> None:
    data = encoded(_layered(0, grey(~LESION, 255)))
    with pytest.raises(MaskError, match="of its border"):
        read_bright_mask(decode_bright_mask(data))


@pytest.mark.parametrize("palette", [[0, 0, 0, 0, 128, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 255, 255, 255]])
def test_palette_masks(palette: list[int]) -> None:
    image = Image.fromarray(grey(LESION, 1), "P")
    image.putpalette(palette)
    np.testing.assert_array_equal(read_bright_mask(decode_bright_mask(encoded(image))).lesion, LESION)
