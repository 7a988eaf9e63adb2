"""What would take Pillow minutes to walk is refused, and what programs write is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError
from breastseg.inference.structure import structure_fault
from tests.hostile_files import GREY, chunk, encode, floods, head, png, run_length_bmp, tiff_of_strips


@pytest.mark.parametrize(("name", "data"), [pytest.param(*flood, id=flood[0]) for flood in floods(200_000)])
def test_floods_of_small_parts_are_refused(name: str, data: bytes) -> None:
    if name.startswith("bmp"):
        # codes of 1 MB are at the limit of what is walked
        data = run_length_bmp(data[-2:] * 600_000)
    with pytest.raises(DecodeError, match=r"has more than|run-length coded|strips or tiles"):
        decode_image(data)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100}], ids=str)
def test_files_that_programs_write_are_read(options: dict[str, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "a description " * 1000
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", exif=exif, icc_profile=b"p" * 600_000, comment=b"c" * 60_000, **options)
    assert decode_image(file.getvalue()).shape == noise.shape


def test_a_little_padding_and_what_lies_behind_the_end_do_not_count() -> None:
    grey = encode(GREY, "JPEG")
    assert structure_fault(grey[:2] + b"\xff" * 4_000 + grey[2:]) is None
    # cameras fill their files up
    assert structure_fault(grey + b"\xff" * 100_000) is None
    rows = b"\0" * 81 * 60
    assert structure_fault(png(head(80, 60), rows, chunk(b"tEXt", b"a\0b") * 4_000)) is None
    assert structure_fault(png(head(80, 60), rows) + chunk(b"tEXt", b"a\0b") * 20_000) is None


def test_many_chunks_of_a_large_file_are_read() -> None:
    rows = np.random.default_rng(0).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()
    assert (
        structure_fault(
            png(head(1000, 3000), b"", b"")[:-24]
            + b"".join(chunk(b"IDAT", rows[start : start + 1024]) for start in range(0, len(rows), 1024))
        )
        is None
    )


def test_a_strip_for_each_row_is_read() -> None:
    assert decode_image(tiff_of_strips(3_000)).shape == (3_000, 80)


def test_a_small_run_length_coded_file_is_read() -> None:
    codes = b"".join(b"\x50" + bytes([row % 256]) + b"\0\0" for row in range(60)) + b"\0\1"
    assert decode_image(run_length_bmp(codes, 80, 60)).shape == (60, 80)


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_what_is_cut_off_is_left_to_the_decoder(cut: int) -> None:
    for kind in ("PNG", "JPEG", "BMP"):
        assert structure_fault(encode(GREY, kind)[:cut]) is None
