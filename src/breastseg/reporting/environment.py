"""Names the processor and the library versions that a reported run had; nothing that tells of person or host."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import torch

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
    machine = {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": _processor(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }
    return machine | {name: version(name) for name in LIBRARIES}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor() or platform.machine()
