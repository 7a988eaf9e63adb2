"""Chooses the device that training runs on, and the numbers that it computes in."""

from __future__ import annotations

from typing import Literal

import torch

from breastseg.errors import BreastsegError

LightningPrecision = Literal["bf16-mixed", "32-true"]


def choose_device(accelerator: str) -> torch.device:
    """Return the device of a kind; `auto` is the machine's accelerator, or the CPU where there is none.

    Args:
        accelerator: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        BreastsegError: The machine has no such device.
    """
    found = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    if accelerator in ("auto", found.type):
        return found
    if accelerator == "cpu":
        return torch.device("cpu")
    raise BreastsegError(f"This machine has no {accelerator} device. Set train.accelerator to auto or cpu")


def choose_precision(wanted: str, device: torch.device) -> LightningPrecision:
    """Return Lightning's name of the precision; `auto` is bfloat16 where the device computes in it.

    Args:
        wanted: `auto`, `bfloat16` or `float32`.
        device: The device that is trained on.
    """
    if wanted == "auto":
        return "bf16-mixed" if computes_in_bfloat16(device) else "32-true"
    return "bf16-mixed" if wanted == "bfloat16" else "32-true"


def computes_in_bfloat16(device: torch.device) -> bool:
    """Tell whether the device has bfloat16 arithmetic, and not only an emulation that is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False
