from __future__ import annotations

import hashlib
import hmac
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.errors import ProblemsError
from breastseg.serving.key_ring import KeyRing, read_keys

ANNA, BERT = "anna-0123456789abcdef", "bert-0123456789abcdef"
GOOD_KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="="), min_size=16)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.txt"


def write(file: Path, *lines: str) -> None:
    """Put a new file in place of the old one."""
    aside = file.with_suffix(".new")
    aside.write_text("\n".join(lines), encoding="utf-8")
    aside.replace(file)


def test_keys_have_the_names_that_they_are_given() -> None:
    ring = KeyRing(f"anna={ANNA}, {BERT},", None)
    assert ring.name_of(ANNA.encode()) == "anna"
    assert ring.name_of(BERT.encode()) == f"key-{digest(BERT)[:8]}"
    assert ring.name_of(b"somebody else, or nobody") is None
    assert ring.name_of(b"") is None


def test_a_digest_lets_in_the_key_and_not_itself() -> None:
    ring = KeyRing(f"anna=sha256:{digest(ANNA)},sha256:{digest(BERT).upper()}", None)
    assert ring.name_of(ANNA.encode()) == "anna"
    assert ring.name_of(BERT.encode()) is not None
    assert ring.name_of(digest(ANNA).encode()) is None
    assert ring.name_of(f"sha256:{digest(ANNA)}".encode()) is None


def test_a_key_may_end_as_base64_does() -> None:
    assert KeyRing("dGhpcyBpcyBhIGtleSEhIQ==", None).name_of(b"dGhpcyBpcyBhIGtleSEhIQ==") is not None
    assert KeyRing("anna=dGhpcyBpcyBhIGtleSEhIQ==", None).name_of(b"dGhpcyBpcyBhIGtleSEhIQ==") == "anna"


@given(GOOD_KEYS, GOOD_KEYS)
def test_only_the_key_itself_is_let_in(key: str, other: str) -> None:
    ring = KeyRing(None, None)
    ring._keys = read_keys([f"name={key}"], "test")
    assert ring.name_of(key.encode()) == "name"
    assert (ring.name_of(other.encode()) is None) == (other != key)
    assert ring.name_of(key.encode()[:-1]) is None


def test_no_key_is_held_in_plain() -> None:
    ring = KeyRing(f"anna={ANNA}", None)
    assert ANNA not in repr(vars(ring))
    assert ANNA.encode() not in b"".join(ring._keys)


@pytest.mark.parametrize(
    "entry",
    ["short", "anna=short", "a key with blanks in it", "schlüssel-0123456789", "sha256:12", "an/na=" + ANNA, "="],
)
def test_an_entry_that_cannot_be_a_key_is_named_by_its_number_only(entry: str) -> None:
    with pytest.raises(ProblemsError) as error:
        read_keys([ANNA, entry], "KEYS")
    assert "KEYS, entry 2" in str(error.value)
    assert "openssl rand -hex 32" in str(error.value)
    assert entry == "=" or entry not in str(error.value)


def test_no_key_at_all_is_an_error(file: Path) -> None:
    with pytest.raises(ProblemsError, match="holds no key"):
        KeyRing(" , ", None)
    write(file, "# nobody", "", "   ")
    with pytest.raises(ProblemsError, match="holds no key"):
        KeyRing(None, file)
    with pytest.raises(ProblemsError, match="No such file"):
        KeyRing(None, file.with_name("gone"))


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare = hmac.compare_digest

    def watch(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    ring = KeyRing(f"{ANNA},{BERT}", None)
    for presented in (ANNA, BERT, "neither"):
        compared.clear()
        ring.name_of(presented.encode())
        assert len(compared) == 2


def test_a_changed_file_is_read_again(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(file, "# ours", f"anna={ANNA}  # until June")
    ring = KeyRing(None, file)
    assert ring.name_of(ANNA.encode()) == "anna"
    with caplog.at_level(logging.INFO):
        write(file, f"bert={BERT}")
        assert (ring.name_of(ANNA.encode()), ring.name_of(BERT.encode())) == (None, "bert")
    assert "1 are let in" in caplog.text
    # in place, of the same length
    before = file.stat()
    file.write_text(f"anna={ANNA}", encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert (ring.name_of(ANNA.encode()), ring.name_of(BERT.encode())) == ("anna", None)


def test_a_file_that_nobody_changed_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, f"anna={ANNA}")
    ring = KeyRing(None, file)

    def read(_self: Path, **_options: object) -> str:
        raise AssertionError("read again")

    monkeypatch.setattr(Path, "read_text", read)
    assert ring.name_of(ANNA.encode()) == "anna"


@pytest.mark.parametrize("fault", ["empty", "comments", "broken", "binary", "gone", "folder"])
def test_the_last_good_keys_stay_when_the_file_breaks(file: Path, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    write(file, f"anna={ANNA}")
    ring = KeyRing(f"bert={BERT}", file)
    file.unlink()
    if fault == "folder":
        file.mkdir()
    elif fault != "gone":
        broken = f"{ANNA}\nan-unfinished"
        content = {"empty": b"", "comments": b"# soon", "broken": broken.encode(), "binary": b"\xff\xfe\0"}
        file.write_bytes(content[fault])
    for _ in range(3):
        assert ring.name_of(ANNA.encode()) == "anna"
        assert ring.name_of(BERT.encode()) == "bert"
    # told once, and without the text of an entry
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "stay as they were" in caplog.text
    assert ANNA not in caplog.text
    assert "an-unfinished" not in caplog.text

    if fault == "folder":
        file.rmdir()
    write(file, f"carl={ANNA}")
    assert ring.name_of(ANNA.encode()) == "carl"
