from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from breastseg.inference import cpus
from breastseg.inference.cpus import cgroup_quota, usable_cpus

if TYPE_CHECKING:
    from pathlib import Path

UNLIMITED = float("inf")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def test_version_2_the_tightest_of_group_and_parents_counts(tmp_path: Path) -> None:
    write(tmp_path / "member", "0::/pod/box\n")
    write(tmp_path / "fs/pod/cpu.max", "150000 100000\n")
    write(tmp_path / "fs/pod/box/cpu.max", "max 100000\n")
    assert cgroup_quota(tmp_path / "fs", tmp_path / "member") == 1.5


def test_version_2_inside_a_container_the_mount_is_the_group(tmp_path: Path) -> None:
    write(tmp_path / "member", "0::/\n")
    write(tmp_path / "fs/cpu.max", "50000 100000\n")
    assert cgroup_quota(tmp_path / "fs", tmp_path / "member") == 0.5


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_version_1(tmp_path: Path, mount: str) -> None:
    write(tmp_path / "member", f"5:memory:/box\n4:{mount}:/box\n1:name=systemd:/\n")
    # Docker mounts the group itself, so that the path in the membership does not exist
    write(tmp_path / "fs" / mount / "cpu.cfs_quota_us", "200000\n")
    write(tmp_path / "fs" / mount / "cpu.cfs_period_us", "100000\n")
    assert cgroup_quota(tmp_path / "fs", tmp_path / "member") == 2


def test_no_quota_is_no_limit(tmp_path: Path) -> None:
    write(tmp_path / "member", "1:cpu:/\n0::/\n")
    write(tmp_path / "fs/cpu/cpu.cfs_quota_us", "-1\n")
    write(tmp_path / "fs/cpu/cpu.cfs_period_us", "100000\n")
    assert cgroup_quota(tmp_path / "fs", tmp_path / "member") == UNLIMITED
    assert cgroup_quota(tmp_path / "nothing", tmp_path / "nothing") == UNLIMITED


@pytest.mark.parametrize("quota", ["100000", "30000", "190000"])
def test_the_quota_is_rounded_down_to_one_at_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str) -> None:
    write(tmp_path / "member", "0::/\n")
    write(tmp_path / "fs/cpu.max", f"{quota} 100000\n")
    monkeypatch.setattr(cpus, "CGROUP_ROOT", tmp_path / "fs")
    monkeypatch.setattr(cpus, "MEMBERSHIP", tmp_path / "member")
    assert usable_cpus() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux pins processes to CPUs this way")
def test_affinity_limits_the_threads() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from breastseg.inference.cpus import usable_cpus; print(usable_cpus())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    assert done.stdout.strip() == "1"
