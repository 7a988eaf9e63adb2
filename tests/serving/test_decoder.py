"""Files that take long are decoded in processes that can be ended, and all others at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from breastseg.inference.decode import decode_image
from breastseg.inference.dicom.image import SeveralFramesError
from breastseg.inference.raster import DecodeError, TooManyPixelsError
from breastseg.serving.decoder import Decoder
from tests.dicom_files import dicom
from tests.hostile_files import COLOUR, GREY, encode, files_by_kind, tiff_of_tall_tiles
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::UserWarning")]

MOST = 16_000_000


def processes() -> list[psutil.Process]:
    """The processes of all decoders."""
    return [child for child in psutil.Process().children() if "breastseg.serving.decoder_process" in command(child)]


def command(process: psutil.Process) -> list[str]:
    """Its command, or nothing where it has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class OwnDecoder(Decoder):
    """Knows its processes from those of services that other tests have left open."""

    def __init__(self, timeout_s: float = 120) -> None:
        super().__init__(timeout_s)
        self._others = set(processes())

    def processes(self) -> list[psutil.Process]:
        return [process for process in processes() if process not in self._others]


@pytest.fixture(scope="module")
def decoder() -> Iterator[OwnDecoder]:
    own = OwnDecoder()
    yield own
    own.close()


def never() -> None:
    """The pixels are wanted to the end."""


@pytest.mark.parametrize("kind", files_by_kind())
def test_pixels_are_those_of_decode_image(decoder: OwnDecoder, kind: str) -> None:
    data = files_by_kind()[kind]
    assert np.array_equal(decoder.decode(data, MOST, None, never), decode_image(data))


def test_refusals_are_those_of_decode_image(decoder: OwnDecoder) -> None:
    tiff, frames = encode(COLOUR, "TIFF"), dicom(GREY, NumberOfFrames=2, PixelData=GREY.tobytes() * 2)
    for data, most, frame, expected in (
        (tiff, 60 * 80 - 1, None, TooManyPixelsError),
        (tiff, MOST, 1, DecodeError),
        (tiff[:-200], MOST, None, DecodeError),
        (frames, MOST, None, SeveralFramesError),
        (frames, MOST, 3, DecodeError),
        (b"", MOST, None, DecodeError),
    ):
        with pytest.raises(DecodeError) as offline:
            decode_image(data, max_pixels=most, frame=frame)
        with pytest.raises(DecodeError) as raised:
            decoder.decode(data, most, frame, never)
        assert type(raised.value) is type(offline.value) is expected
        assert str(raised.value) == str(offline.value)


class NotWantedError(Exception):
    """Nobody waits any more."""


def test_a_decode_that_takes_for_ever_ends_when_it_is_not_wanted_any_more(decoder: OwnDecoder) -> None:
    looks: list[int] = []

    def give_up() -> None:
        looks.append(1)
        if len(looks) == 10:
            raise NotWantedError

    with pytest.raises(NotWantedError):
        decoder.decode(tiff_of_tall_tiles(2**22), MOST, None, give_up)
    assert decoder.processes() == []
    data = files_by_kind()["TIFF"]
    assert np.array_equal(decoder.decode(data, MOST, None, never), decode_image(data))


def test_a_process_that_ends_at_a_file_refuses_it_and_the_next_file_is_read(decoder: OwnDecoder) -> None:
    def kill() -> None:
        for process in decoder.processes():
            process.send_signal(signal.SIGKILL)

    with pytest.raises(DecodeError, match="makes its decoder end"):
        decoder.decode(tiff_of_tall_tiles(2**22), MOST, None, kill)
    data = files_by_kind()["WEBP"]
    assert np.array_equal(decoder.decode(data, MOST, None, never), decode_image(data))


def test_a_process_that_was_killed_while_it_was_idle_is_replaced(decoder: OwnDecoder) -> None:
    data = files_by_kind()["DICOM"]
    decoder.decode(data, MOST, None, never)
    (idle,) = decoder.processes()
    idle.kill()
    idle.wait()
    assert np.array_equal(decoder.decode(data, MOST, None, never), decode_image(data))


LEAVE = """
import os, psutil
from breastseg.serving.decoder import Decoder
from tests.hostile_files import tiff_of_tall_tiles

def leave():
    print(psutil.Process().children()[0].pid, flush=True)
    os._exit(0)

Decoder(timeout_s=0.2).decode(tiff_of_tall_tiles(2**22), 16_000_000, None, leave)
"""


def test_a_process_ends_by_itself_when_whoever_asked_is_gone() -> None:
    # in the middle of a file, as by a kill
    command = [sys.executable, "-c", LEAVE]
    left = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    wait_until(lambda: not psutil.pid_exists(int(left.stdout)))


def test_closing_ends_the_processes() -> None:
    own = OwnDecoder()
    own.start()
    wait_until(lambda: len(own.processes()) == 1)
    (started,) = own.processes()
    own.close()
    assert not started.is_running()
