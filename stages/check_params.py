"""Checks the whole of params.yaml in seconds, before anything is simulated or trained."""

from __future__ import annotations

from pathlib import Path

from breastseg.params.check import check_params

if __name__ == "__main__":
    check_params()
    # always the same bytes, so that a changed knob reruns only the stages that it decides
    Path("data/params_checked.txt").write_text("params.yaml is valid\n", encoding="utf-8")
