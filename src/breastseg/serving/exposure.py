"""Refuses to serve strangers by accident: an address that others reach needs keys, or a plain word that it does not."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from breastseg.serving.settings import Settings


def require_guard(settings: Settings) -> None:
    """Raise `BreastsegError` where others could ask without a key and the settings do not say that they may."""
    keyed = settings.api_keys is not None or settings.api_keys_file is not None
    if keyed and settings.allow_anonymous:
        raise BreastsegError(
            "There are API keys, and BREASTSEG_ALLOW_ANONYMOUS says that none are needed. Unset one of the two"
        )
    if not (keyed or settings.allow_anonymous or _is_loopback(settings.host)):
        raise BreastsegError(
            f"The address {settings.host} is open to others, and there are no API keys. Set BREASTSEG_API_KEYS or "
            "BREASTSEG_API_KEYS_FILE, or BREASTSEG_ALLOW_ANONYMOUS=true where everybody who reaches it may ask"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # any other name may be looked up to anything
        return host == "localhost"
