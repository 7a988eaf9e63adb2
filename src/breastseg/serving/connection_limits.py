"""Limits on connections, so that idle ones keep no other client out."""

from __future__ import annotations

import logging
import os
import resource
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.trsock import TransportSocket

_log = logging.getLogger(__name__)

# asyncio accepts so many connections in a turn of its loop, and takes two turns more before it has closed as many
ACCEPTED_AT_ONCE = 16
_ON_THE_WAY = 4 * ACCEPTED_AT_ONCE
_WAITING = 1_024
# files of the model, the logs, the prediction log and the libraries
_OTHER_FILES = 64
_MOST, _FEWEST = 1_000, 16
_WARN_EVERY_S = 60.0


def most_connections() -> int:
    """Return how many connections this process can hold: at most 1,000, and fewer where it may open few files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MOST
    return max(_FEWEST, min(_MOST, files - _ON_THE_WAY - _OTHER_FILES))


def let_wait(listening: socket.socket | TransportSocket) -> None:
    """Let up to 1,024 connections wait to be accepted; asyncio's one setting is for both."""
    with socket.socket(fileno=os.dup(listening.fileno())) as same:
        same.listen(_WAITING)


@dataclass
class ConnectionLimits:
    """What a connection may do before it has asked for anything.

    Attributes:
        connections: Most connections at once; the oldest idle one makes room for a new one.
        header_timeout_s: Seconds for a request's headers, from the connection's or the request's first byte.
    """

    connections: int
    header_timeout_s: float
    _warned: float = field(default=float("-inf"), init=False)

    def warn(self, now: float) -> None:
        """Log that the limit is reached, at most once a minute; `now` is in seconds of the event loop."""
        if now - self._warned >= _WARN_EVERY_S:
            self._warned = now
            _log.warning("All %d connections are taken: idle ones are closed for new ones", self.connections)
