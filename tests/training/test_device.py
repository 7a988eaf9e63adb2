"""The device and the precision that are trained in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from breastseg.errors import BreastsegError
from breastseg.training.device import choose_device, choose_precision, computes_in_bfloat16

CPU = torch.device("cpu")


def test_auto_is_an_accelerator_where_there_is_one() -> None:
    assert choose_device("auto") == (torch.accelerator.current_accelerator(check_available=True) or CPU)
    assert choose_device("cpu") == CPU


def test_a_missing_device_is_refused_and_not_replaced() -> None:
    missing = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(BreastsegError, match=rf"no {missing} device.*auto or cpu"):
        choose_device(missing)


@pytest.mark.parametrize(("wanted", "found"), [("bfloat16", "bf16-mixed"), ("float32", "32-true")])
def test_a_named_precision_is_taken(wanted: str, found: str) -> None:
    assert choose_precision(wanted, CPU) == found


def test_auto_is_bfloat16_where_the_cpu_has_instructions_for_it() -> None:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists() or "flags" not in (text := cpuinfo.read_text()):
        pytest.skip("needs Linux on x86 to ask the kernel")
    has = bool({"avx512_bf16", "amx_bf16"} & set(text.split()))
    assert computes_in_bfloat16(CPU) == has
    assert choose_precision("auto", CPU) == ("bf16-mixed" if has else "32-true")
