"""Asks a running server, such as a container, for one mask: `python -m tests.service.smoke URL IMAGE`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import httpx2
from PIL import Image

from breastseg.inference.decode import decode_image


def fault_of(url: str, image: Path) -> str | None:
    """Return what is wrong with the server's mask of an image; `None` where it is of the image's size."""
    data = image.read_bytes()
    try:
        answer = httpx2.post(f"{url}/v1/segment", files={"file": data}, headers={"Accept": "image/png"}, timeout=120)
    except httpx2.TransportError as error:
        return f"{url} does not answer: {error}"
    if answer.status_code != httpx2.codes.OK or answer.headers["content-type"] != "image/png":
        return f"no mask but {answer.status_code}: {answer.text[:500]}"
    height, width = decode_image(data).shape[:2]
    with Image.open(io.BytesIO(answer.content)) as mask:
        return None if mask.size == (width, height) else f"a mask of {mask.size}, not {(width, height)}"


if __name__ == "__main__":
    sys.exit(fault_of(sys.argv[1].rstrip("/"), Path(sys.argv[2])))
