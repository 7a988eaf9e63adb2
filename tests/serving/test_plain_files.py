"""What encoders write is plain; what may be made to take long is not."""

from __future__ import annotations

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from breastseg.serving.plain_files import is_plain
from tests.hostile_files import COLOUR, GREY, encode, files_by_kind, floods, save, slow_decoders

INFO = PngInfo()
INFO.add_text("Comment", "left breast")


@pytest.mark.parametrize(
    "data",
    [
        encode(GREY),
        encode(COLOUR, compress_level=0),
        encode(GREY, pnginfo=INFO, dpi=(300, 300)),
        save(Image.fromarray(COLOUR).convert("RGBA")),
        save(Image.fromarray(GREY).convert("P")),
        encode(GREY, "JPEG"),
        encode(COLOUR, "JPEG", quality=95, progressive=True, dpi=(300, 300), icc_profile=bytes(200_000)),
        encode(COLOUR, "JPEG", restart_marker_rows=1),
        encode(COLOUR, "BMP"),
    ],
    ids=["PNG", "PNG-stored", "PNG-text", "PNG-RGBA", "PNG-palette", "JPEG", "JPEG-rich", "JPEG-restarts", "BMP"],
)
def test_what_encoders_write_is_plain(data: bytes) -> None:
    assert is_plain(data)


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "DICOM", "DICOM-RLE"])
def test_formats_of_many_forms_are_not(kind: str) -> None:
    assert not is_plain(files_by_kind()[kind])


@pytest.mark.parametrize(("name", "data"), [pytest.param(*file, id=file[0]) for file in slow_decoders(2_000_000)])
def test_files_that_take_long_are_not(name: str, data: bytes) -> None:
    assert not is_plain(data), name


def test_what_is_cut_off_raises_nothing() -> None:
    for data in (*files_by_kind().values(), *(data for _, data in floods(20_000))):
        for length in range(0, min(len(data), 3_000), 7):
            is_plain(data[:length])
