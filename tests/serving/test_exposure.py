from __future__ import annotations

from pathlib import Path

import pytest

from breastseg.errors import BreastsegError
from breastseg.serving.settings import load_settings

MODEL = Path("m.onnx")
KEYS = "a-key-of-some-length"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_on_loopback_everybody_may_ask(host: str) -> None:
    assert load_settings(model=MODEL, host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "fe80::1", "localhost.example.org", "a host"])  # noqa: S104
def test_elsewhere_it_takes_keys_or_a_plain_word(host: str) -> None:
    with pytest.raises(BreastsegError) as error:
        load_settings(model=MODEL, host=host)
    for word in (host, "BREASTSEG_API_KEYS", "BREASTSEG_API_KEYS_FILE", "BREASTSEG_ALLOW_ANONYMOUS=true"):
        assert word in str(error.value)
    assert load_settings(model=MODEL, host=host, api_keys=KEYS).host == host
    assert load_settings(model=MODEL, host=host, api_keys_file=Path("keys")).host == host
    assert load_settings(model=MODEL, host=host, allow_anonymous=True).host == host


def test_keys_and_no_need_of_them_contradict_each_other() -> None:
    with pytest.raises(BreastsegError, match="Unset one of the two"):
        load_settings(model=MODEL, api_keys=KEYS, allow_anonymous=True)
