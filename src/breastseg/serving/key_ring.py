"""The keys that are let in, held as digests only, and read again when their file changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from breastseg.serving.settings import Settings

logger = logging.getLogger(__name__)

# a digest without salt or stretching guards only what cannot be guessed
MIN_KEY_LENGTH = 16
DIGEST_PREFIX = "sha256:"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(rf"[!-~]{{{MIN_KEY_LENGTH},}}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_VARIABLE = "BREASTSEG_API_KEYS"


def read_keys(entries: Sequence[str], source: str) -> dict[bytes, str]:
    """Return names by digest of `key`, `name=key`, `sha256:<hex>` or `name=sha256:<hex>`; blanks are left out.

    Args:
        entries: The entries. An error tells which one is at fault, never its text.
        source: The variable or file, for errors.

    Raises:
        ProblemsError: An entry cannot be a key, or there is none; all of them are listed.
    """
    keys: dict[bytes, str] = {}
    problems = []
    for number, entry in enumerate(entries, 1):
        try:
            keys |= _read_key(entry.strip()) if entry.strip() else {}
        except ValueError as fault:
            problems.append(Problem(f"{source}, entry {number}", str(fault), "Make one with `openssl rand -hex 32`"))
    if not keys and not problems:
        problems = [Problem(source, "holds no key", "Make one with `openssl rand -hex 32`")]
    if problems:
        raise ProblemsError("The API keys cannot be used", problems)
    return keys


def _read_key(entry: str) -> dict[bytes, str]:
    name, _, secret = entry.partition("=")
    if not secret.strip("="):
        # base64 ends in this sign
        name, secret = "", entry
    if secret.startswith(DIGEST_PREFIX):
        if not _DIGEST.fullmatch(digits := secret.removeprefix(DIGEST_PREFIX)):
            raise ValueError(f"{DIGEST_PREFIX} needs 64 hexadecimal digits")
        digest = bytes.fromhex(digits)
    elif _KEY.fullmatch(secret):
        digest = hashlib.sha256(secret.encode("ascii")).digest()
    else:
        raise ValueError(f"a key needs {MIN_KEY_LENGTH} characters or more, of ASCII and none of them blank")
    if name and not _NAME.fullmatch(name):
        raise ValueError("a name is 1 to 64 of A-Z a-z 0-9 . _ -")
    return {digest: name or f"key-{digest.hex()[:8]}"}


class KeyRing:
    """The keys of the environment and of a file.

    Args:
        given: Entries separated by commas, or `None`.
        file: A file of one entry a line, `#` begins a comment; or `None`. It is read again at the first request after
            it changed; when it cannot be used then, the last good keys stay.

    Raises:
        ProblemsError: There is no key, or one that cannot be used.
    """

    def __init__(self, given: str | None, file: Path | None) -> None:
        self._given = read_keys(given.split(","), _VARIABLE) if given is not None else {}
        self._file = file
        self._signature = _signature(file)
        self._keys = self._given | (_read_file(file) if file else {})

    @classmethod
    def of(cls, settings: Settings) -> KeyRing | None:
        """Return the ring that the settings name; `None` where they name no keys."""
        if settings.api_keys is None and settings.api_keys_file is None:
            return None
        given = settings.api_keys.get_secret_value() if settings.api_keys is not None else None
        return cls(given, settings.api_keys_file)

    def name_of(self, presented: bytes) -> str | None:
        """Return the name of a key, else `None`, in a time that does not tell how much of it is right."""
        self._refresh()
        return _find(hashlib.sha256(presented).digest(), self._keys)

    def _refresh(self) -> None:
        if self._file is None or (signature := _signature(self._file)) == self._signature:
            return
        # taken before the file is read, so that a change while it is read is seen at the next request
        self._signature = signature
        try:
            self._keys = self._given | _read_file(self._file)
        except ProblemsError as error:
            logger.error("The API keys stay as they were: %s", error)  # noqa: TRY400 - the text says it all
        else:
            logger.info("The API keys were read again: %d are let in", len(self._keys))


def _find(digest: bytes, keys: Mapping[bytes, str]) -> str | None:
    found = None
    # all of them, always
    for known, name in keys.items():
        if hmac.compare_digest(digest, known):
            found = name
    return found


def _read_file(file: Path) -> dict[bytes, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror or "cannot be read" if isinstance(error, OSError) else "is no text in UTF-8"
        raise ProblemsError(
            "The API keys cannot be used", [Problem(str(file), what, "Write one key a line, readable by the service")]
        ) from error
    return read_keys([line.partition("#")[0] for line in lines], str(file))


def _signature(file: Path | None) -> tuple[int, ...] | None:
    try:
        status = file.stat() if file else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino) if status else None
