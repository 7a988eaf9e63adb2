"""Names the processor and the library versions that a reported run had; nothing that tells of person or host."""

from __future__ import annotations

import platform
from importlib.metadata import version

from breastseg.inference.processor import processor_name

LIBRARIES = (
    "dvc",
    "lightning",
    "numpy",
    "onnxruntime",
    "pillow",
    "scipy",
    "segmentation-models-pytorch",
    "timm",
    "torch",
)


def describe_environment() -> dict[str, str]:
    """Return name → version of Python and the libraries, the operating system's kind, processor and accelerator."""
    import torch  # noqa: PLC0415 - seconds of import that other commands do without

    machine = {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": processor_name(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }
    return machine | {name: version(name) for name in LIBRARIES}
