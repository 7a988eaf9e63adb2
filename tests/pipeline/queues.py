"""A repository with one quick stage, whose queue tests run, and what they look at in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil

from tests.pipeline.conftest import commit_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Tree

RUN = ("breastseg", "experiments", "run", "--jobs", "2")


def queue(tree: Tree, name: str, *changes: str) -> None:
    tree.dvc("exp", "run", "--queue", "--name", name, *(word for change in changes for word in ("-S", change)))


def results(tree: Tree) -> set[str]:
    """Names of the experiments that git has."""
    refs = tree.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    return {ref.rsplit("/", 1)[-1] for ref in refs if "celery" not in ref}


def shown(tree: Tree) -> dict[str, str]:
    """Name → status of all experiments in `dvc exp show`."""
    (baseline,) = [row for row in json.loads(tree.dvc("exp", "show", "--json")) if row["rev"] != "workspace"]
    return {e["name"]: (e["executor"] or {"state": "saved"})["state"] for e in baseline["experiments"]}


def runs_slowly(tree: Tree) -> Path:
    """Have an experiment take as many seconds as its value, and keep a record of when one begins and ends."""
    record = tree.root.parent / "record"
    command = f"echo begin >> {record}; sleep $(cut -d' ' -f2 params.yaml); echo end >> {record}; echo > out.txt"
    (tree.root / "dvc.yaml").write_text(
        f'stages: {{copy: {{cmd: "{command}", params: [value], outs: [out.txt: {{cache: false}}]}}}}\n'
    )
    commit_all(tree, "a slow stage")
    return record


def worker(tree: Tree, number: int) -> psutil.Process:
    """A worker of this tree's queue."""
    processes = [p for p in psutil.process_iter(["cmdline"]) if "queue-worker" in (p.info["cmdline"] or [])]
    (found,) = [p for p in processes if p.cwd() == str(tree.root) and f"-{number}@" in node(p)]
    return found


def node(of: psutil.Process) -> str:
    """The name of a worker."""
    command = of.cmdline()
    return command[command.index("queue-worker") + 1]


def message_folder(tree: Tree) -> Path:
    return tree.root / ".dvc/tmp/exps/celery/broker"
