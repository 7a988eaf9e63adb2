"""Runs the application under uvicorn in this process, and listens to the signals of an operator."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from breastseg.errors import BreastsegError
from breastseg.serving import json_logs
from breastseg.serving.app import create_app
from breastseg.serving.connection_limits import ACCEPTED_AT_ONCE, ConnectionLimits, let_wait, most_connections
from breastseg.serving.http_protocol import BoundedProtocol
from breastseg.serving.memory import return_large_blocks
from breastseg.serving.settings import unknown_variables
from breastseg.serving.signals import take_signals

if TYPE_CHECKING:
    from breastseg.serving.service import Service
    from breastseg.serving.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in work are answered first, and the exit status is 0.

    SIGHUP loads the model file anew.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
        BreastsegError: The address cannot be listened on.
    """
    take_signals()
    json_logs.configure(settings.log_format)
    for line in unknown_variables():
        logger.warning(line)
    return_large_blocks()
    app = create_app(settings)
    limits = ConnectionLimits(settings.max_connections or most_connections(), settings.header_timeout_s)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        # the parser in C: the one in Python takes a third of the event loop's time
        http=partial(BoundedProtocol, limits=limits),  # type: ignore[arg-type] # uvicorn only calls it
        backlog=ACCEPTED_AT_ONCE,
        # a library for WebSockets that happens to be installed would answer past all layers, and log the query
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
        **json_logs.UVICORN,
    )
    require_address(settings.host, settings.port)
    asyncio.run(_serve(_Server(config), app.state.service))


def require_address(host: str, port: int) -> None:
    """See that the address can be listened on; uvicorn itself would end the process in lines of its own.

    It is let go again: asyncio sets TCP_NODELAY only where it made the listening socket, and without it an answer on a
    connection that is kept open waits for 40 ms.

    Raises:
        BreastsegError: It cannot.
    """
    try:
        # the first of what a name stands for, as uvicorn takes it
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        # of an address that is taken, Python's own text repeats the address
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        mend = "Choose another --port or --host, or end what listens there"
        raise BreastsegError(f"Nothing can listen on {host}, port {port} ({why}). {mend}") from error


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in (one for server in self.servers for one in server.sockets):
            let_wait(listening)


async def _serve(server: uvicorn.Server, service: Service) -> None:
    reloads: set[asyncio.Task[None]] = set()

    def start_reload() -> None:
        task = asyncio.create_task(_reload(service))
        # the loop itself keeps no task alive
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, start_reload)
    await server.serve()


async def _reload(service: Service) -> None:
    try:
        await service.reload()
    except BreastsegError:
        logger.exception("The model file is refused; the one before answers on")
