"""Trees whose DVC remote is a bucket of the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gcsfs.core import GCSFileSystem

from tests.cloud_storage import BUCKET
from tests.pipeline.conftest import Tree, commit_all

if TYPE_CHECKING:
    from pathlib import Path

# as `make` is called, but for the environment, which the tests run in
PUSH = ("make", "--no-print-directory", "--old-file=install", "data-push")
PULL = (*PUSH[:-1], "data-pull")


def bucket_files(storage: str) -> GCSFileSystem:
    return GCSFileSystem(endpoint_url=storage, token="anon", skip_instance_cache=True)  # noqa: S106 - no secret


def with_remote(tree: Tree, storage: str, bucket: str = BUCKET) -> Tree:
    """The tree with its remote in a bucket, committed."""
    tree.dvc("remote", "add", "--force", "--default", "storage", f"gs://{bucket}/breastseg")
    tree.dvc("remote", "modify", "storage", "endpointurl", storage)
    commit_all(tree, "the remote")
    return tree


def clone(tree: Tree, root: Path) -> Tree:
    tree.run("git", "clone", "--quiet", str(tree.root), str(root))
    return Tree(root)
