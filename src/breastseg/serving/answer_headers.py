"""What the layers that complete an answer's headers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message, Send


def adding(send: Send, defaults: Sequence[tuple[bytes, bytes]]) -> Send:
    """Return a `send` that adds each of these headers, named in lower case, where the answer does not have it."""

    async def send_completed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            given = {name.lower() for name, _ in headers}
            message["headers"] = headers + [pair for pair in defaults if pair[0] not in given]
        await send(message)

    return send_completed
