"""A transport that closes without losing the response that was just written.

A socket that is closed while bytes from the client are unread resets the connection, and the reset may overtake the
response: the client then sees an error instead of, say, 413. So the own side is closed first, and what still comes is
read and dropped for some seconds (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio
from typing import Any

# after its last byte, and in all; a client that sends for longer, or more, is reset
LINGER_S, MOST_LINGER_S = 5.0, 30.0
MOST_DROPPED = 64 * 2**20
# without a byte that the client takes
UNREAD_S = 30.0


class LingeringTransport:
    """Wraps a transport; all but closing is the transport's own.

    Attributes:
        is_lingering: Whether the own side is closed, and what comes is to be dropped.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self.is_lingering = False
        self._dropped = 0
        self._closed_at = self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.has_unread_input = False
        """Whether a part of a request is still to come; set by the protocol."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        return getattr(self._transport, name)

    @property
    def is_gone(self) -> bool:
        """Whether it is closed, and neither lingers nor has anything left to send."""
        return self._transport.is_closing() and not self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Return whether it is closed, or lingers."""
        return self.is_lingering or self._transport.is_closing()

    def drop(self, data: bytes) -> None:
        """Count what comes while it lingers; beyond 64 MiB nobody is helped by reading on."""
        self._dropped += len(data)
        self._heard_at = self._loop.time()
        if self._dropped > MOST_DROPPED:
            self._transport.close()

    def close(self) -> None:
        """Close, at once where nothing more is to come."""
        if self.is_closing():
            return
        if self.has_unread_input and self._transport.can_write_eof():
            self.is_lingering = True
            self._closed_at = self._heard_at = self._loop.time()
            self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(LINGER_S, self._end_lingering)
        else:
            self._transport.close()
        self.watch_writing()

    def watch_writing(self) -> None:
        """Give up a client that takes nothing of what is written to it for half a minute."""
        unread = self._transport.get_write_buffer_size()
        if unread and self._watch is None:
            self._watch = self._loop.call_later(UNREAD_S, self._require_progress, unread)

    def forget(self) -> None:
        """Stop watching: the connection is lost."""
        if self._watch:
            self._watch.cancel()

    def _require_progress(self, before: int) -> None:
        self._watch = None
        if self._transport.get_write_buffer_size() < before:
            self.watch_writing()
        else:
            self._transport.abort()

    def _end_lingering(self) -> None:
        now = self._loop.time()
        left = min(self._heard_at + LINGER_S, self._closed_at + MOST_LINGER_S) - now
        if left > 0 and not self._transport.is_closing():
            self._loop.call_later(left, self._end_lingering)
        else:
            self._transport.close()
