"""A token bucket a key, or a client's address where there are no keys, so that one client cannot take all the time."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import TYPE_CHECKING

from breastseg.serving.api_keys import key_name
from breastseg.serving.paths import is_open
from breastseg.serving.problems import RATE_LIMITED, RequestError, respond

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

MAX_CLIENTS = 10_000
# who is given one IPv6 address is given 2**64 of them
_IPV6_NETWORK_BITS = 64


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """Token buckets by client, full at first. Of too many clients, the one that asked longest ago is forgotten.

    Args:
        per_minute: Tokens that flow in.
        burst: Tokens that a bucket holds.
        clock: Seconds, never going back.
        max_clients: Buckets held at most.
    """

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = monotonic, max_clients: int = MAX_CLIENTS
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._max_clients = max_clients
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        bucket = self._filled(client)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._per_second

    def _filled(self, client: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(self._burst, now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._per_second)
        bucket.filled_at = now
        return bucket


class RateLimit:
    """ASGI layer that answers 429 with `Retry-After` to who asks too often; paths that need no key are not counted."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it before its body is read."""
        if scope["type"] != "http" or is_open(scope):
            await self._app(scope, receive, send)
        elif wait_s := math.ceil(self._buckets.take(_client(scope))):
            refusal = RequestError(RATE_LIMITED, f"Ask again in {wait_s} s", {"Retry-After": str(wait_s)})
            await respond(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _client(scope: Scope) -> str:
    if name := key_name(scope):
        return f"key {name}"
    # none over a Unix socket
    host = scope["client"][0] if scope.get("client") else ""
    return f"address {_network(host)}"


def _network(host: str) -> str:
    if ":" not in host:
        return host
    # an address that is not one would be a proxy's fault: it is then counted as it stands
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(int(address) >> _IPV6_NETWORK_BITS) if isinstance(address, IPv6Address) else host
