"""A transport that closes without losing the response that was just written.

A socket that is closed while bytes from the client are unread resets the connection, and the reset may overtake the
response: the client then sees an error instead of, say, 413. So the own side is closed first, and what still comes is
read and dropped for some seconds (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio
from typing import Any

LINGER_S = 5.0
MOST_DROPPED = 64 * 2**20


class LingeringTransport:
    """Wraps a transport; all but closing is the transport's own.

    Attributes:
        is_lingering: Whether the own side is closed, and what comes is to be dropped.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_lingering = False
        self._dropped = 0
        self.has_unread_input = False
        """Whether a part of a request is still to come; set by the protocol."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        return getattr(self._transport, name)

    @property
    def is_gone(self) -> bool:
        """Whether it is closed, and not only lingers."""
        return self._transport.is_closing()

    def is_closing(self) -> bool:
        """Return whether it is closed, or lingers."""
        return self.is_lingering or self._transport.is_closing()

    def drop(self, data: bytes) -> None:
        """Count what comes while it lingers; beyond 64 MiB nobody is helped by reading on."""
        self._dropped += len(data)
        if self._dropped > MOST_DROPPED:
            self._transport.close()

    def close(self) -> None:
        """Close, at once where nothing more is to come."""
        if self.is_closing():
            return
        if not self.has_unread_input or not self._transport.can_write_eof():
            self._transport.close()
            return
        self.is_lingering = True
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)
