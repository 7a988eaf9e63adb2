"""Damaged and hostile files end in one kind of error: soon, in little memory, in silence, and without the patient."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from breastseg.inference.decode import decode_image
from breastseg.inference.dicom.guard import READS
from breastseg.inference.raster import DecodeError, TooManyPixelsError
from tests.dicom_files import LATIN_1, NUMBER, PATIENT, assert_no_patient, dicom, encapsulated, refusal, rle, speckle

REPOSITORY = Path(__file__).resolve().parents[3]
GREY, RGB = speckle((5, 8)), speckle((5, 8, 3))
ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def voi_table() -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [2, 0, 8]
    item.add_new(0x00283006, "OW", b"\0\0\1\0")
    return item


FILES = {
    "explicit": dicom(GREY, VOILUTSequence=[voi_table()]),
    "implicit": dicom(GREY, ImplicitVRLittleEndian, WindowCenter=[3, 4], WindowWidth=[5, 6]),
    "big-endian": dicom(RGB.astype(np.uint16), ExplicitVRBigEndian, RescaleSlope=1.5),
    "deflated": dicom(GREY, DeflatedExplicitVRLittleEndian),
    "run-lengths": rle(RGB),
    "jpeg": encapsulated([jpeg(GREY)], GREY),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_before_the_end_of_its_pixels_is_refused(name: str) -> None:
    data = FILES[name]
    whole = decode_image(data)
    # behind the pixels: a pad byte, or the zeros that end encapsulated ones
    for length in range(len(data)):
        if length < len(data) - 4:
            refusal(data[:length])
        else:
            assert decode_or_refuse(data[:length]) in (None, whole.tolist())


@pytest.mark.integration
@pytest.mark.parametrize("name", FILES)
def test_a_length_that_lies_never_ends_otherwise_than_in_pixels_or_a_refusal(name: str) -> None:
    data = FILES[name]
    for place in range(132, len(data) - 1):
        for lie in (b"\0\0", b"\1\0", b"\xff\xff", b"\x40\x01"):
            decode_or_refuse(data[:place] + lie + data[place + 2 :])


def decode_or_refuse(data: bytes) -> object:
    try:
        decoded = decode_image(data, max_pixels=10_000)
    except DecodeError as error:
        assert_no_patient(str(error))
        return None
    assert decoded.dtype == np.uint8
    assert decoded.shape[2:] in ((), (3,))
    return decoded.tolist()


EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8)


@pytest.mark.integration
@settings(max_examples=500)
@given(name=st.sampled_from(sorted(FILES)), edits=EDITS, keep=st.floats(0.1, 1))
def test_damaged_bytes_give_pixels_or_a_decode_error(name: str, edits: list[tuple[float, int]], keep: float) -> None:
    data = bytearray(FILES[name])
    for place, value in edits:
        data[132 + round(place * (len(data) - 133))] = value
    decode_or_refuse(bytes(data[: max(1, round(keep * len(data)))]))


def test_a_character_set_of_an_impossible_type_is_refused() -> None:
    assert refusal(FILES["explicit"].replace(b"\x08\x00\x05\x00CS", b"\x08\x00\x05\x00UL")) == "is a damaged DICOM file"


def test_an_element_that_swallows_the_patient_does_not_tell() -> None:
    data = FILES["explicit"]
    uid = data.index(b"\x02\x00\x10\x00UI")
    swallowed = data.index(NUMBER.encode()) + len(NUMBER) - (uid + 8)
    assert "unknown to DICOM" in refusal(data[: uid + 6] + struct.pack("<H", swallowed) + data[uid + 8 :])
    assert "unknown Photometric" in refusal(dicom(GREY, PhotometricInterpretation=PATIENT.upper().replace("^", " ")))


def data_set(*, after: bytes) -> bytes:
    """The head of a file, up to its data set, and other bytes behind it."""
    data = FILES["explicit"]
    return data[: data.index(b"\x08\x00\x05\x00CS")] + after


def sequence(items: bytes) -> bytes:
    return struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + items


UNDELIMITED = ITEM + b"\xff" * 4 + struct.pack("<HH2sHL", 0x0008, 0x0051, b"OB", 0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    "after",
    [
        struct.pack("<HH2sH", 0x0008, 0x0050, b"SH", 0) * READS,
        sequence((ITEM + bytes(4)) * READS),
        sequence(UNDELIMITED * READS),
        sequence(ITEM + b"\xff" * 4) * READS,
    ],
    ids=["elements", "items", "undelimited", "nested"],
)
def test_a_structure_without_end_is_given_up(after: bytes) -> None:
    assert refusal(data_set(after=after)) in (
        "is a DICOM file of more elements than an image has",
        "is a damaged DICOM file",
    )


def test_what_stands_behind_the_pixels_is_not_looked_at() -> None:
    data = FILES["explicit"]
    behind = struct.pack("<HH2sHL", 0xFFFA, 0xFFFA, b"SQ", 0, 0xFFFFFFFF) + UNDELIMITED * READS
    np.testing.assert_array_equal(decode_image(data + behind), decode_image(data))


def test_a_table_of_endless_items_is_given_up() -> None:
    items = (ITEM + b"\xff" * 4) + (struct.pack("<HH2sH", 0x0008, 0x0050, b"SH", 0) * READS)
    element = struct.pack("<HH2sHL", 0x0028, 0x3010, b"SQ", 0, len(items)) + items
    data = FILES["explicit"]
    start, end = data.index(b"\x28\x00\x10\x30SQ"), data.index(b"\xe0\x7f\x10\x00OB")
    assert "more elements than an image has" in refusal(data[:start] + element + data[end:])


def test_endless_fragments_are_given_up() -> None:
    data = FILES["jpeg"]
    fragments = data.index(b"\xe0\x7f\x10\x00OB") + 12
    hostile = data[:fragments] + (ITEM + bytes(4)) * READS + DELIMITER + bytes(4)
    assert "DICOM file" in refusal(hostile)


def test_a_deflated_bomb_is_given_up() -> None:
    head = data_set(after=b"").replace(ExplicitVRLittleEndian.encode() + b"\0", DeflatedExplicitVRLittleEndian.encode())
    # one byte more than the head tells, which is what matters of it
    place = head.index(b"\x02\x00\x10\x00UI") + 6
    head = head[:place] + struct.pack("<H", len(DeflatedExplicitVRLittleEndian)) + head[place + 2 :]
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = head + deflater.compress(bytes(100_000_000)) + deflater.flush()
    with pytest.raises(TooManyPixelsError, match="inflates to more than an image of 10,000 pixels takes"):
        decode_image(bomb, max_pixels=10_000)


def test_run_lengths_stop_at_the_size_of_the_image() -> None:
    header = struct.pack("<16L", 1, 64, *[0] * 14)
    bomb = encapsulated([header + b"\x81\x07" * 1_000_000], GREY, RLELossless)
    np.testing.assert_array_equal(decode_image(bomb), np.full_like(GREY, 7))


@pytest.mark.parametrize(
    ("header", "segments", "words"),
    [
        ((1, 64), b"\x07" + bytes(7), "run-length encoded pixels are cut off"),
        ((2, 64, 66), b"\x81\x07" * 100, "2 run-length encoded segments, not 1"),
        ((0xFFFFFFFF, 64), b"\x81\x07" * 100, "4294967295 run-length encoded segments, not 1"),
        ((1, 0xFFFFFFFF), b"\x81\x07" * 100, "run-length encoded pixels are cut off"),
    ],
)
def test_run_lengths_that_lie(header: tuple[int, ...], segments: bytes, words: str) -> None:
    frame = struct.pack("<16L", *header, *[0] * (16 - len(header))) + segments
    assert words in refusal(encapsulated([frame], GREY, RLELossless))
    assert "cut off" in refusal(encapsulated([frame[:40]], GREY, RLELossless))


def test_a_jpeg_of_another_form_than_the_header_tells() -> None:
    larger = encapsulated([jpeg(speckle((3000, 3000)))], GREY)
    assert "JPEG has 3000 x 3000 pixels, where its header speaks of 8 x 5" in refusal(larger)
    assert "does not have 3 samples a pixel" in refusal(encapsulated([jpeg(GREY)], RGB))
    assert "JPEG is damaged" in refusal(encapsulated([b"no JPEG"], GREY))
    huge = jpeg(GREY).replace(struct.pack(">HH", 5, 8), struct.pack(">HH", 65000, 65000), 1)
    assert "JPEG" in refusal(encapsulated([huge], GREY))


def test_no_pixels_in_the_encapsulation() -> None:
    assert refusal(encapsulated([], GREY)) == "is a DICOM file whose JPEG is damaged or cut off"


SILENCE = """
import logging, random, sys
logging.basicConfig()
from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError
data = sys.stdin.buffer.read()
for seed in range(1500):
    dice = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(dice.randrange(4)):
        damaged[dice.randrange(132, len(data))] = dice.randrange(256)
    try:
        decode_image(bytes(damaged), max_pixels=10_000)
    except DecodeError as error:
        print(error)
"""


def run_python(code: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run code in a bare interpreter: pytest has ways of its own with warnings."""
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        input=data,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}"},
    )


@pytest.mark.integration
@pytest.mark.parametrize("name", ["explicit", "implicit", "run-lengths"])
def test_nothing_is_said_beside_the_error(name: str) -> None:
    # pydicom has something to say on such a character set
    data = FILES[name].replace(LATIN_1.encode(), PATIENT.encode().ljust(len(LATIN_1)))
    ended = run_python(SILENCE, data)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert len(ended.stdout.splitlines()) > 100
    assert_no_patient(ended.stdout.decode())


BARE = """
import io, sys
from tests.blocked_imports import block
block("pydicom")
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError
png = io.BytesIO()
Image.new("L", (3, 2)).save(png, "PNG")
assert decode_image(png.getvalue()).shape == (2, 3)
try:
    decode_image(sys.stdin.buffer.read())
except DecodeError as error:
    print(error)
"""


def test_without_pydicom_other_formats_are_read_and_the_way_out_is_told() -> None:
    ended = run_python(BARE, FILES["explicit"])
    assert ended.stderr == b""
    assert ended.stdout == b"is a DICOM file, which needs pydicom: pip install 'breastseg[serve]'\n"


def test_a_file_is_told_by_its_mark_and_not_by_what_stands_before() -> None:
    data = FILES["explicit"]
    disguised = b"\x89PNG\r\n\x1a\n".ljust(128, b"\0") + data[128:]
    np.testing.assert_array_equal(decode_image(disguised), decode_image(data))
    png = io.BytesIO()
    text = PngInfo()
    text.add_text("Comment", "DICM" * 50)
    Image.fromarray(GREY).save(png, "PNG", pnginfo=text)
    np.testing.assert_array_equal(decode_image(png.getvalue()), GREY)
    unmarked = data[:128] + b"DICN" + data[132:]
    with pytest.raises(DecodeError, match="is no PNG, JPEG, BMP, TIFF, WEBP or DICOM image"):
        decode_image(unmarked)
