from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.onnx_models import bright_image
from tests.service.conftest import environment, running_server


def ask(url: str, image: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "tests.service.smoke", url, str(image)],
        env=environment(),
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.extended
def test_it_passes_over_a_mask_and_fails_over_anything_else(tmp_path: Path, model_path: Path) -> None:
    image, no_image = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(bright_image(40, 50, (10, 10, 30, 30))).save(image)
    no_image.write_bytes(b"hello")
    with running_server(model_path) as client:
        url = str(client.base_url)
        good, refused = ask(url, image), ask(url, no_image)
    gone = ask(url, image)
    assert (good.returncode, good.stderr) == (0, "")
    assert refused.returncode == 1
    assert "422" in refused.stderr
    assert gone.returncode == 1
    assert "does not answer" in gone.stderr
