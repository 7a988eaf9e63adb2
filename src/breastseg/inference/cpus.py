"""How many CPUs this process may really use: thread pools sized by the host are slow in a container with a quota."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cpus() -> int:
    """Return the number of CPUs that the process may use, at least 1.

    It is the smaller of the CPUs that the scheduler lets it run on and its cgroup's quota, rounded down: one thread
    more than the quota makes all of them wait for the next period.
    """
    return max(1, int(min(_schedulable(), cgroup_quota(CGROUP_ROOT, MEMBERSHIP))))


def cgroup_quota(root: Path, membership: Path) -> float:
    """Return the tightest CPU quota of the process's cgroups and their parents, in CPUs; infinite without any.

    Linux kernel, Documentation/admin-guide/cgroup-v2.rst (`cpu.max`) and Documentation/scheduler/sched-bwc.rst
    (`cpu.cfs_quota_us`, version 1).

    Args:
        root: Where the cgroup file systems are mounted.
        membership: The process's cgroups, a line `id:controllers:path` each, as in `/proc/self/cgroup`.
    """
    quotas = [float("inf")]
    for line in _lines(membership):
        _, controllers, group = line.split(":", 2)
        if not controllers:
            quotas += [_quota_v2(folder) for folder in _lineage(root, group)]
        elif "cpu" in controllers.split(","):
            quotas += [_quota_v1(folder) for folder in _lineage(root / controllers, group)]
    return min(quotas)


def _schedulable() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _lineage(mount: Path, group: str) -> list[Path]:
    """Return the group's folder and its parents' up to the mount; a container often sees the mount alone."""
    folder = mount / group.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(mount))]


def _quota_v2(folder: Path) -> float:
    quota_us, period_us = next((line.split() for line in _lines(folder / "cpu.max")), ("max", "1"))
    return float("inf") if quota_us == "max" else int(quota_us) / int(period_us)


def _quota_v1(folder: Path) -> float:
    quota_us = int(next(iter(_lines(folder / "cpu.cfs_quota_us")), "-1"))
    period_us = int(next(iter(_lines(folder / "cpu.cfs_period_us")), "100000"))
    return quota_us / period_us if quota_us > 0 else float("inf")


def _lines(file: Path) -> list[str]:
    # groups without the controller, and systems without cgroups, have no such file
    return file.read_text(encoding="ascii").splitlines() if file.is_file() else []
