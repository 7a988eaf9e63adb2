"""Finds processes by their commands: a worker or an experiment may be somebody else's, or an earlier call's."""

from __future__ import annotations

import psutil


def lives(name: str) -> bool:
    """Tell whether a word of any process's command begins with this name; what has ended has no command any more."""
    commands = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return any(word.startswith(name) for command in commands for word in command)
