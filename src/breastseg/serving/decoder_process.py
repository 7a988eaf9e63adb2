"""The process in which files are decoded that may take long: it reads one after the other, and may be killed.

`python -m breastseg.serving.decoder_process DESCRIPTOR` where the descriptor is one end of a pair of sockets. It ends
when the other end is closed.
"""

from __future__ import annotations

import json
import logging
import math
import signal
import sys
import traceback
import warnings
from multiprocessing.connection import Connection

import breastseg.inference.dicom.image  # noqa: F401 - else the first DICOM file waits for pydicom's import
from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError
from breastseg.serving.memory import return_large_blocks


def answer_all(connection: Connection) -> None:
    """Decode what comes until nobody is there any more.

    A question is a JSON object of `max_pixels`, `frame` and `timeout_s`, and then the file. An answer is a JSON object:
    of `shape`, and then the pixels; or of `message` and `refused`, the error's class; or of `message`, a traceback.
    """
    while True:
        try:
            question, data = json.loads(connection.recv_bytes()), connection.recv_bytes()
        except EOFError:
            return
        _answer(connection, question, data)


def _answer(connection: Connection, question: dict[str, int | None], data: bytes) -> None:
    # ends this process even if the service has been killed
    signal.alarm(math.ceil(question["timeout_s"] or 0) + 1)
    try:
        image = decode_image(data, max_pixels=question["max_pixels"] or 0, frame=question["frame"])
    except DecodeError as error:
        refusal = {"refused": type(error).__name__, "message": str(error)}
    except Exception:  # noqa: BLE001 - reported to the service
        refusal = {"message": traceback.format_exc()}
    else:
        connection.send_bytes(json.dumps({"shape": image.shape}).encode())
        connection.send_bytes(image.data.cast("B"))
        refusal = {}
    signal.alarm(0)
    if refusal:
        connection.send_bytes(json.dumps(refusal).encode())


if __name__ == "__main__":
    # what libraries say of damaged files would fill the log
    logging.disable()
    warnings.simplefilter("ignore", UserWarning)
    return_large_blocks()
    answer_all(Connection(int(sys.argv[1])))
