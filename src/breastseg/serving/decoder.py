"""Decodes image files: usual ones at once, all others in processes of their own, since no thread can be ended."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import weakref
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np

from breastseg.inference.decode import decode_image
from breastseg.inference.dicom.image import SeveralFramesError
from breastseg.inference.raster import DecodeError, TooManyPixelsError
from breastseg.serving.plain_files import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from breastseg.inference.raster import UInt8Image

_LOOK_S = 0.05
_REFUSALS = {error.__name__: error for error in (DecodeError, TooManyPixelsError, SeveralFramesError)}
_ENDED = "makes its decoder end; save it again, as PNG"


class Decoder:
    """Decodes for several threads at once; each that needs a process has one for itself meanwhile.

    Args:
        timeout_s: After so long nobody waits for a file any more.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._is_closed = False
        # also where nobody closes it
        weakref.finalize(self, _end, self._idle)

    def start(self) -> None:
        """Start a process, for the first file that needs one; nothing is waited for."""
        self._give_back(_Process())

    def close(self) -> None:
        """End the processes; those that are at work end with their work."""
        with self._lock:
            self._is_closed = True
            _end(self._idle)

    def decode(self, data: bytes, max_pixels: int, frame: int | None, check: Callable[[], None]) -> UInt8Image:
        """Decode a file as `decode_image` does.

        Args:
            data: The whole file.
            max_pixels: Most pixels that are taken.
            frame: The number of a DICOM file's frame, from 1.
            check: Raises an error when the pixels are not wanted any more, which ends the work.

        Raises:
            DecodeError: As of `decode_image`; or the file makes its decoder end, such as by its memory.
        """
        if is_plain(data):
            return decode_image(data, max_pixels=max_pixels, frame=frame)
        process = self._take()
        question: dict[str, float | None] = {"max_pixels": max_pixels, "frame": frame, "timeout_s": self._timeout_s}
        try:
            answer = process.ask(question, data, check)
        except (EOFError, OSError) as error:
            process.kill()
            raise DecodeError(_ENDED) from error
        except BaseException:
            process.kill()
            raise
        self._give_back(process)
        if isinstance(answer, DecodeError):
            raise answer
        return answer

    def _take(self) -> _Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive:
                    return process
        return _Process()

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(process)
                return
        process.kill()


def _end(processes: list[_Process]) -> None:
    while processes:
        processes.pop().kill()


class _Process:
    """A process that decodes one file after the other."""

    def __init__(self) -> None:
        ours, its = socket.socketpair()
        with its:
            command = [sys.executable, "-m", "breastseg.serving.decoder_process", str(its.fileno())]
            # a session of its own: Ctrl-C in a terminal is for the service, which ends in order
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                command,
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(
        self, question: dict[str, float | None], data: bytes, check: Callable[[], None]
    ) -> UInt8Image | DecodeError:
        """Have a file decoded.

        Raises:
            EOFError: The process has ended.
            OSError: The same.
        """
        self._connection.send_bytes(json.dumps(question).encode())
        self._connection.send_bytes(data)
        while not self._connection.poll(_LOOK_S):
            check()
        reply = json.loads(self._connection.recv_bytes())
        if "refused" in reply:
            return _REFUSALS[reply["refused"]](reply["message"])
        if "shape" not in reply:
            raise RuntimeError(reply["message"])
        image = np.empty(reply["shape"], dtype=np.uint8)
        self._connection.recv_bytes_into(image.data.cast("B"))
        return image

    def kill(self) -> None:
        """End it, whatever it is at, and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
