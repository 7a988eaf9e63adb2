"""Files as a careless or malicious client sends them: damaged, lying, swollen, or something else altogether.

Each is made here from a few bytes, so that the corpus is the same everywhere and none of it is stored.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from tests.dicom_files import dicom, encapsulated, rle, speckle

Corpus = Iterator[tuple[str, bytes]]

GREY = speckle((60, 80))
COLOUR = speckle((60, 80, 3))
KINDS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
PNG_MARK = b"\x89PNG\r\n\x1a\n"


def encode(pixels: npt.NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    return save(Image.fromarray(pixels), kind, **options)


def save(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def files_by_kind() -> dict[str, bytes]:
    return {kind: encode(COLOUR, kind) for kind in KINDS} | {"DICOM": dicom(GREY), "DICOM-RLE": rle(GREY)}


def hostile_files() -> Corpus:
    """Yield a name and the bytes of each, the same ones each time."""
    for make in (
        cut_off,
        flipped,
        png_headers,
        jpeg_headers,
        other_headers,
        bombs,
        metadata,
        impostors,
        sizes,
        modes,
        floods,
        slow_decoders,
    ):
        for name, data in make():
            yield f"{make.__name__}/{name}", data
    for name, data in wrong_dicom():
        yield f"wrong_dicom/{name}", data


def cut_off() -> Corpus:
    for (kind, data), share in product(files_by_kind().items(), (0.001, 0.02, 0.1, 0.5, 0.9, 0.999)):
        yield f"{kind}-{share}", data[: max(1, int(len(data) * share))]


def flipped() -> Corpus:
    """Yield files with a few random bytes changed, most of them near the header."""
    rng = np.random.default_rng(11)
    for (kind, data), number in product(files_by_kind().items(), range(10)):
        changed = bytearray(data)
        for place in (len(data) ** rng.random(6)).astype(int):
            changed[place % len(data)] = rng.integers(256)
        yield f"{kind}-{number}", bytes(changed)


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file with a right checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def head(width: int, height: int, bits: int = 8, colours: int = 0) -> bytes:
    """Return the first chunk of a PNG file, which may say anything."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))


def png(header: bytes, rows: bytes, extra: bytes = b"") -> bytes:
    """Return a PNG file of a header and rows, whether they fit or not."""
    body = header + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return PNG_MARK + body


def png_headers() -> Corpus:
    rows = b"\0" * 81 * 60
    for width, height in ((0, 60), (80, 0), (2**31 - 1, 1), (1, 2**31 - 1), (2**31, 2**31), (2**32 - 1, 60), (81, 61)):
        yield f"{width}x{height}", png(head(width, height), rows)
    for bits, colours in ((0, 0), (3, 0), (64, 0), (16, 3), (8, 1), (8, 5), (8, 7), (1, 2), (255, 255), (8, 3)):
        yield f"bits-{bits}-colours-{colours}", png(head(80, 60, bits, colours), rows)
    yield "no-end", png(head(80, 60), rows)[:-12]
    yield "no-data", PNG_MARK + head(80, 60) + chunk(b"IEND", b"")
    yield "two-headers", png(head(80, 60), rows, head(9, 9))
    yield "wrong-checksum", png(head(80, 60), rows)[:-5] + b"\0"
    yield "length-beyond-the-end", PNG_MARK + struct.pack(">I", 2**31 - 1) + b"IHDR" + b"\0" * 30
    yield "thousands-of-chunks", png(head(80, 60), rows, chunk(b"tEXt", b"a\0b") * 20_000)
    yield "much-more-data-than-pixels", png(head(80, 60), b"\0" * 50_000_000)


def floods(size: int = 2_000_000) -> Corpus:
    """Yield files of so many bytes, made of the smallest parts that their formats have."""
    grey = encode(GREY, "JPEG")
    for name, part in (
        ("fill-bytes", b"\xff"),
        ("junk", b"\0"),
        ("stuffed-bytes", b"\xff\0"),
        ("comments", b"\xff\xfe\0\2"),
        ("restarts", b"\xff\xd0"),
    ):
        yield f"jpeg-{name}", grey[:2] + part * (size // len(part)) + grey[2:]
    yield "jpeg-fill-bytes-in-the-scan", grey[:-2] + b"\xff" * size + grey[-2:]
    rows = b"\0" * 81 * 60
    yield "png-texts", png(head(80, 60), rows, chunk(b"tEXt", b"a\0b") * (size // 15))
    yield "png-empty-chunks", png(head(80, 60), rows, chunk(b"abCd", b"") * (size // 12))
    data = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IDAT", b"") * (size // 12)
    yield "png-empty-data", PNG_MARK + head(80, 60) + data + chunk(b"IEND", b"")
    for name, codes in (("line-ends", b"\0\0"), ("moves", b"\0\2\0\0"), ("single-pixels", b"\1\7")):
        yield f"bmp-{name}", run_length_bmp(codes * (size // len(codes)))
    yield "tiff-strips", tiff_of_strips(size // 8)


def run_length_bmp(codes: bytes, width: int = 2000, height: int = 2000) -> bytes:
    """Return a BMP file of 8 bits whose pixels are these codes."""
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    start = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(codes), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(codes), 0, 0, start) + info + palette + codes


def tiff_of_strips(count: int, width: int = 80) -> bytes:
    """Return a TIFF file of so many rows, a strip each, which are all the same bytes."""
    tags = [(256, 4, width), (257, 4, count), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1), (278, 4, 1)]
    first = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = [struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags]
    entries += [struct.pack("<HHII", 273, 4, count, first), struct.pack("<HHII", 279, 4, count, first + 4 * count)]
    directory = struct.pack("<H", len(entries)) + b"".join(sorted(entries)) + struct.pack("<I", 0)
    pixels = first + 8 * count
    values = struct.pack("<I", pixels) * count + struct.pack("<I", width) * count
    return b"II*\0" + struct.pack("<I", 8) + directory + values + b"\7" * width


def slow_decoders(size: int = 200_000) -> Corpus:
    """Yield files of at most so many bytes whose parts are few, and each of which takes long."""
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000), 9))
    yield "png-profiles", png(head(80, 60), b"\0" * 81 * 60, profile * (size // len(profile)))
    yield "tiff-tall-tiles", tiff_of_tall_tiles(size)
    empty = zlib.compress(bytes(80))
    strip = empty[:2] + b"\0\0\0\xff\xff" * (size // 10) + empty[2:]
    yield "tiff-shared-strips", tiff_of_one_strip(strip, size // 20, compression=8)
    grey = encode(np.zeros((1, 80), dtype=np.uint8), "JPEG")
    filled = grey[:2] + b"\xff" * (size // 2) + grey[2:]
    yield "tiff-shared-jpegs", tiff_of_one_strip(filled, size // 200, compression=7)
    whole = encode(GREY, "JPEG")
    for name, part in (("fill-bytes", b"\xff"), ("comments", b"\xff\xfe\0\2")):
        yield f"dicom-jpeg-{name}", encapsulated([whole[:2] + part * (size // len(part)) + whole[2:]], GREY)
    tables = segment(0xDB, (b"\0" + b"\1" * 64) * 1_000)
    yield "jpeg-tables", whole[:2] + tables * (size // len(tables)) + whole[2:]
    scans = encode(GREY, "JPEG", progressive=True)
    second = scans.index(b"\xff\xda", scans.index(b"\xff\xda") + 2)
    hidden_end = segment(0xFE, b"\xff\xd9")
    yield "jpeg-fill-bytes-between-scans", scans[:second] + hidden_end + b"\xff" * size + scans[second:]


def segment(mark: int, content: bytes) -> bytes:
    """Return a segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, mark, len(content) + 2) + content


def tiff_of_tall_tiles(rows: int) -> bytes:
    """Return a TIFF file of one row, in tiles of so many rows that are all the same bytes."""
    width, tile = 65_535, 16
    pixels, count = zlib.compress(bytes(tile * rows), 9), -(-width // tile)
    tags = {256: width, 257: 1, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: rows}
    return _tiff_of_shared_parts(pixels, count, tags, (324, 325))


def tiff_of_one_strip(strip: bytes, count: int, compression: int) -> bytes:
    """Return a TIFF file of so many rows, whose strips are all the same bytes."""
    tags = {256: 80, 257: count, 258: 8, 259: compression, 262: 1, 277: 1, 278: 1}
    return _tiff_of_shared_parts(strip, count, tags, (273, 279))


def _tiff_of_shared_parts(part: bytes, count: int, tags: dict[int, int], parts: tuple[int, int]) -> bytes:
    """Return a TIFF file whose `parts`, tags of places and of lengths, all lead to one part."""
    places, lengths = 8 + len(part), 8 + len(part) + 4 * count
    entries = [struct.pack("<HHII", tag, 4 if value > 65_535 else 3, 1, value) for tag, value in tags.items()]
    entries += [struct.pack("<HHII", tag, 4, count, at) for tag, at in zip(parts, (places, lengths), strict=True)]
    body = part + struct.pack("<I", 8) * count + struct.pack("<I", len(part)) * count
    directory = struct.pack("<H", len(entries)) + b"".join(sorted(entries)) + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory


def replaced(data: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """Return data with the bytes `offset` behind the first `mark` replaced."""
    place = data.index(mark) + offset
    return data[:place] + new + data[place + len(new) :]


def jpeg_headers() -> Corpus:
    grey, frame = encode(GREY, "JPEG"), b"\xff\xc0"
    for height, width in ((0, 80), (60, 0), (65535, 65535), (65500, 1), (61, 81), (4000, 4000), (16, 16)):
        yield f"{width}x{height}", replaced(grey, frame, 5, struct.pack(">HH", height, width))
    for precision in (0, 1, 12, 16, 255):
        yield f"precision-{precision}", replaced(grey, frame, 4, bytes([precision]))
    for components in (0, 2, 3, 4, 255):
        yield f"components-{components}", replaced(grey, frame, 9, bytes([components]))
    for sampling in (0x00, 0x44, 0x1F, 0xFF):
        yield f"sampling-{sampling}", replaced(grey, frame, 11, bytes([sampling]))
    for marker in (0xC3, 0xC5, 0xC9, 0xCF):
        yield f"process-{marker:x}", replaced(grey, frame, 1, bytes([marker]))
    yield "no-tables", grey[:2] + grey[grey.index(frame) :]
    yield "markers-only", b"\xff\xd8" + b"\xff\xd0" * 100_000 + b"\xff\xd9"


def many_scans(side: int, scans: int) -> bytes:
    """Return a progressive JPEG file of few bytes, each of whose scans goes over all of its blocks again."""
    image = encode(np.zeros((side, side), dtype=np.uint8), "JPEG", progressive=True)
    last = image.rindex(b"\xff\xda")
    return image[:last] + image[last:-2] * scans + image[-2:]


def other_headers() -> Corpus:
    bmp = encode(COLOUR, "BMP")
    for width, height in ((0, 60), (80, 0), (-80, 60), (80, -60), (2**31 - 1, 2**31 - 1), (80, -(2**31)), (81, 61)):
        yield f"bmp-{width}x{height}", replaced(bmp, b"BM", 18, struct.pack("<ii", width, height))
    for bits, compression in ((0, 0), (7, 0), (16, 0), (64, 0), (8, 1), (4, 2), (24, 3), (24, 4), (24, 99)):
        yield f"bmp-bits-{bits}-{compression}", replaced(bmp, b"BM", 28, struct.pack("<HI", bits, compression))
    for offset in (0, 2**31, 2**32 - 1):
        yield f"bmp-offset-{offset}", replaced(bmp, b"BM", 10, struct.pack("<I", offset))
    for name, tags in lying_tiffs().items():
        yield f"tiff-{name}", tiff(tags)
    for first in (4, 8, 2**32 - 1):
        yield f"tiff-first-directory-at-{first}", b"II*\0" + struct.pack("<I", first) + b"\0" * 100
    webp = encode(COLOUR, "WEBP", lossless=True)
    for length in (0, 1, 2**32 - 1):
        yield f"webp-length-{length}", replaced(webp, b"RIFF", 4, struct.pack("<I", length))
    yield "webp-largest", replaced(webp, b"VP8L", 9, b"\xff\xff\xff\x0f")


def tiff(tags: dict[int, tuple[int, ...]], data: bytes = bytes(4800)) -> bytes:
    """Return a TIFF file of one directory: each tag's numbers are written as 32 bits, after the pixels."""
    tail = io.BytesIO()
    start = 8 + len(data) + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            place = start + tail.tell()
            tail.write(packed)
            packed = struct.pack("<I", place)
        entries += struct.pack("<HHI", tag, 4, len(values)) + packed
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 8 + len(data))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + tail.getvalue()


def lying_tiffs() -> dict[str, dict[int, tuple[int, ...]]]:
    """Return tags by name; the last directory of each file points at itself."""
    right: dict[int, tuple[int, ...]] = {
        256: (80,), 257: (60,), 258: (8,), 259: (1,), 262: (1,), 273: (8,), 277: (1,), 278: (60,), 279: (4800,),
    }  # fmt: skip
    return {
        "itself": right,
        "no-size": {tag: value for tag, value in right.items() if tag not in {256, 257}},
        "no-strips": {tag: value for tag, value in right.items() if tag != 273},
        "huge": right | {256: (2**31,), 257: (2**31,)},
        "largest": right | {256: (2**32 - 1,), 257: (2**32 - 1,)},
        "zero": right | {256: (0,)},
        "strip-far-away": right | {273: (2**32 - 1,)},
        "strip-of-4-gigabytes": right | {279: (2**32 - 1,)},
        "rows-a-strip": right | {278: (2**32 - 1,)},
        "million-strips": right | {273: (8,) * 100_000, 279: (4800,) * 100_000, 278: (1,)},
        "bits-0": right | {258: (0,)},
        "bits-128": right | {258: (128,)},
        "samples-0": right | {277: (0,)},
        "samples-65535": right | {277: (65535,)},
        "unknown-compression": right | {259: (12345,)},
        "jpeg-that-is-none": right | {259: (7,)},
        "deflate-that-is-none": right | {259: (8,)},
        "lzw-that-is-none": right | {259: (5,)},
        "fax-that-is-none": right | {258: (1,), 259: (4,)},
        "tiles": {tag: value for tag, value in right.items() if tag not in {273, 278, 279}}
        | {322: (2**31,), 323: (2**31,), 324: (8,), 325: (4800,)},
        "orientation-77": right | {274: (77,)},
        "palette-missing": right | {262: (3,)},
        "float-of-3-bits": right | {258: (3,), 339: (3,)},
    }


def bombs() -> Corpus:
    """Yield small files of very many pixels."""
    for side in (5_000, 20_000, 65_500):
        yield f"png-{side}", png(head(side, side, 1, 0), b"\0" * ((side + 8) // 8 * min(side, 5_000)))
    yield "png-within-the-limit", png(head(4_000, 4_000, 1, 0), (b"\0" + b"\xff" * 500) * 4_000)
    yield "png-of-64-bits-a-pixel", png(head(4_000, 4_000, 16, 6), bytes(4_000 * (1 + 8 * 4_000)))
    yield "png-of-one-row", png(head(16_000_000, 1), bytes(16_000_001))
    yield "png-of-one-column", png(head(1, 16_000_000), bytes(32_000_000))
    yield "png-of-long-columns", png(head(244, 65_535), bytes(245 * 65_535))
    yield "png-of-long-rows", png(head(65_535, 244), bytes(65_536 * 244))
    black = Image.new("RGB", (4_000, 4_000))
    yield "jpeg", save(black, "JPEG")
    yield "webp", save(black, "WEBP", lossless=True, method=0)
    yield "tiff-lzw", save(black, "TIFF", compression="tiff_lzw")
    yield "tiff-deflate", save(black, "TIFF", compression="tiff_deflate")
    yield "tiff-packbits", save(black, "TIFF", compression="packbits")
    yield (
        "bmp-run-lengths",
        replaced(
            b"BM" + bytes(1_100),
            b"BM",
            10,
            struct.pack("<IIiiHHIIiiII", 1_078, 40, 4_000, 4_000, 1, 8, 1, 0, 0, 0, 256, 0),
        ),
    )
    yield "jpeg-of-1000-scans", many_scans(4_000, 1_000)
    yield "jpeg-of-20000-scans", many_scans(1_000, 20_000)
    yield "dicom-run-lengths", replaced_rows(rle(np.zeros((300, 300), dtype=np.uint8)), 4_000, 4_000)
    yield "dicom-deflated", dicom(np.zeros((3_900, 3_900), dtype=np.uint16), DeflatedExplicitVRLittleEndian)


def replaced_rows(data: bytes, rows: int, columns: int) -> bytes:
    """Return a DICOM file, explicit and little endian, that says another size of itself."""
    for element, value in ((b"\x28\x00\x10\x00US", rows), (b"\x28\x00\x11\x00US", columns)):
        data = replaced(data, element, 8, struct.pack("<H", value))
    return data


def metadata() -> Corpus:
    """Yield images whose metadata is damaged, lying or far larger than they are."""
    rows, swollen = b"\0" * 81 * 60, zlib.compress(bytes(200_000_000), 9)
    yield "ztxt", png(head(80, 60), rows, chunk(b"zTXt", b"a\0\0" + swollen))
    yield "itxt", png(head(80, 60), rows, chunk(b"iTXt", b"a\0\1\0\0\0" + swollen))
    yield "iccp", png(head(80, 60), rows, chunk(b"iCCP", b"a\0\0" + swollen))
    text = PngInfo()
    for number in range(2_000):
        text.add_text(f"key{number}", "x" * 2_000)
    yield "four-megabytes-of-text", encode(GREY, pnginfo=text)
    for orientation in (1, 3, 6, 8, 0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation-{orientation}", encode(COLOUR, "JPEG", exif=exif)
    for kind in ("JPEG", "PNG", "WEBP"):
        yield f"{kind}-exif-of-noise", encode(COLOUR, kind, exif=b"Exif\0\0II*\0" + b"\xff" * 3_000)
        yield f"{kind}-profile-of-noise", encode(COLOUR, kind, icc_profile=b"\xab" * 60_000)
    yield "jpeg-comments", encode(COLOUR, "JPEG", comment=b"\0" * 65_000)
    yield "jpeg-resolution", encode(COLOUR, "JPEG", dpi=(65_535, 0))


def impostors() -> Corpus:
    """Yield files that are no images."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("image.png", encode(GREY))
    yield "zip", archive.getvalue()
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../../etc/passwd"))
    yield "tar", tape.getvalue()
    lines = {
        "html": b"<!doctype html><script>alert(1)</script>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "json": b'{"image": "data:image/png;base64,"}',
        "pdf": b"%PDF-1.7\n%%EOF",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "elf": b"\x7fELF" + bytes(60),
        "windows": b"MZ" + bytes(60),
        "shell": b"#!/bin/sh\nexit 1\n",
        "path": b"/etc/passwd",
        "url": b"http://127.0.0.1/",
        "one-byte": b"\0",
        "zeros": bytes(100_000),
        "ones": b"\xff" * 100_000,
        "png-mark-only": PNG_MARK,
        "jpeg-mark-only": b"\xff\xd8\xff",
        "tiff-mark-only": b"II*\0",
        "bigtiff": b"II+\0\x08\0\0\0" + bytes(100),
        "webp-mark-only": b"RIFF\xff\xff\xff\xffWEBP",
        "dicom-mark-only": bytes(128) + b"DICM",
        "pixmap": b"P6 80 60 255\n" + COLOUR.tobytes(),
        "heif": b"\0\0\0\x18ftypheic" + bytes(100),
    }
    yield from lines.items()
    yield "noise", np.random.default_rng(5).bytes(50_000)
    yield "gzip", gzip.compress(encode(GREY), mtime=0)
    yield "pickle", pickle.dumps({"pixels": GREY})
    yield "numpy", b"\x93NUMPY\x01\0" + GREY.tobytes()
    for kind in ("GIF", "ICO", "PPM", "TGA", "PCX", "JPEG2000"):
        yield kind, encode(GREY, kind)
    yield "html-behind-a-png-mark", PNG_MARK + lines["html"]
    yield "png-behind-html", lines["html"] + encode(GREY)
    yield "png-and-zip-in-one", encode(GREY) + archive.getvalue()


def sizes() -> Corpus:
    for kind, (height, width) in product(KINDS, ((1, 1), (1, 300), (300, 1), (2, 3))):
        yield f"{kind}-{width}x{height}", encode(speckle((height, width)), kind)
    for height, width in ((1, 16_000), (16_000, 1)):
        yield f"PNG-{width}x{height}", encode(speckle((height, width)))
        yield f"TIFF-{width}x{height}", encode(speckle((height, width)), "TIFF")
        yield f"DICOM-{width}x{height}", dicom(speckle((height, width)))
    yield "DICOM-1x1", dicom(speckle((1, 1)))


def modes() -> Corpus:
    """Yield good files of every form that Pillow can write, rare ones too."""
    image = Image.fromarray(COLOUR)
    for mode in ("1", "L", "P", "LA", "RGBA", "I;16"):
        yield f"PNG-{mode}", save(image.convert("L").convert(mode) if mode != "P" else image.quantize(7))
    for mode in ("1", "L", "P", "CMYK", "YCbCr", "LAB", "RGBA", "I", "F", "I;16"):
        source = image if mode in {"CMYK", "YCbCr", "RGBA", "P"} else image.convert("L")
        made = Image.new("LAB", (80, 60), (50, 128, 128)) if mode == "LAB" else source.convert(mode)
        yield f"TIFF-{mode}", save(made, "TIFF")
    yield "JPEG-CMYK", save(image.convert("CMYK"), "JPEG")
    yield "JPEG-progressive", save(image, "JPEG", progressive=True)
    yield "WEBP-transparent", save(image.convert("RGBA"), "WEBP", lossless=True)
    yield "PNG-transparent-palette", save(image.quantize(7), transparency=0)
    yield "PNG-interlaced-header", replaced(encode(GREY), b"IHDR", 16, b"\1")
    words = speckle((60, 80), 65_536, np.uint16)
    yield "PNG-16-bit", encode(words)
    yield "TIFF-16-bit", encode(words, "TIFF")
    yield "TIFF-floats", encode((GREY / 255).astype(np.float32), "TIFF")
    for value in (np.nan, np.inf, -1e30, 1e30):
        yield f"TIFF-floats-of-{value}", encode(np.full((60, 80), value, dtype=np.float32), "TIFF")
    yield "TIFF-integers-below-0", encode(np.full((60, 80), -5, dtype=np.int32), "TIFF")
    frames = [Image.fromarray(speckle((60, 80), most)) for most in (256, 100, 50)]
    for kind in ("PNG", "WEBP", "TIFF"):
        yield f"{kind}-of-three-frames", save(frames[0], kind, save_all=True, append_images=frames[1:])
    yield "TIFF-of-500-pages", save(frames[0], "TIFF", save_all=True, append_images=frames[1:2] * 499)


def wrong_dicom() -> Corpus:
    tags: dict[str, dict[str, Any]] = {
        "rows-missing": {"Rows": None},
        "pixels-missing": {"PixelData": None},
        "pixels-cut-off": {"PixelData": GREY.tobytes()[:100]},
        "pixels-empty": {"PixelData": b""},
        "rows-0": {"Rows": 0},
        "rows-65535": {"Rows": 65_535, "Columns": 65_535},
        "bits-64": {"BitsAllocated": 64},
        "bits-1": {"BitsAllocated": 1},
        "more-bits-stored-than-allocated": {"BitsStored": 12},
        "samples-2": {"SamplesPerPixel": 2},
        "palette": {"PhotometricInterpretation": "PALETTE COLOR"},
        "unknown-colours": {"PhotometricInterpretation": "NOBODY KNOWS"},
        "three-frames": {"NumberOfFrames": 3, "PixelData": GREY.tobytes() * 3},
        "million-frames": {"NumberOfFrames": 1_000_000},
        "window-of-width-0": {"WindowCenter": 50, "WindowWidth": 0},
        "window-of-nan": {"WindowCenter": "nan", "WindowWidth": "nan"},
        "slope-infinite": {"RescaleSlope": "1e300", "RescaleIntercept": "-1e300"},
        "signed": {"PixelRepresentation": 1},
        "inverted": {"PhotometricInterpretation": "MONOCHROME1"},
    }
    for name, changes in tags.items():
        yield name, dicom(GREY, **changes)
    syntaxes: dict[str, UID] = {"implicit": ImplicitVRLittleEndian, "big-endian": ExplicitVRBigEndian}
    for name, syntax in syntaxes.items():
        yield name, dicom(GREY, syntax)
    yield "jpeg-2000", encapsulated([b"\xff\x4f\xff\x51" + bytes(50)], GREY, JPEG2000Lossless)
    yield "film", encapsulated([bytes(50)], GREY, MPEG2MPML)
    yield "jpeg", encapsulated([encode(GREY, "JPEG")], GREY)
    yield "jpeg-of-another-size", encapsulated([encode(speckle((600, 800)), "JPEG")], GREY)
    yield "jpeg-that-is-png", encapsulated([encode(GREY)], GREY)
    yield "jpeg-of-no-image", encapsulated([bytes(2)], GREY)
    yield "jpeg-of-1000-scans", encapsulated([many_scans(4_000, 1_000)], np.zeros((4_000, 4_000), dtype=np.uint8))
    yield "run-lengths-of-noise", encapsulated([np.random.default_rng(2).bytes(400)], GREY, RLELossless)
