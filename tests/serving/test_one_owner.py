from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.serving.one_owner import hold

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with hold(tmp_path / "state" / "drift.json"):
        with pytest.raises(BreastsegError, match="Another service keeps its counts in"):
            hold(tmp_path / "state" / "drift.json")
        hold(tmp_path / "state" / "other.json").close()
    hold(tmp_path / "state" / "drift.json").close()


def test_who_ends_holds_it_no_longer(tmp_path: Path) -> None:
    code = "import sys, os; from pathlib import Path; from breastseg.serving.one_owner import hold;"
    command = [
        sys.executable,
        "-c",
        f"{code} held = hold(Path(sys.argv[1])); os._exit(9)",
        str(tmp_path / "drift.json"),
    ]
    assert subprocess.run(command, check=False).returncode == 9  # noqa: S603 - ours
    hold(tmp_path / "drift.json").close()


def test_a_folder_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BreastsegError, match="cannot be kept"):
        hold(tmp_path / "file" / "drift.json")
