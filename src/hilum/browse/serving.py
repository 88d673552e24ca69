"""Serve the application on the loopback address, until the process is told to end.

In: an application and a port. Out: nothing; the address is told as soon as it answers to somebody.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette

from hilum.errors import UsageError

LOOPBACK = "127.0.0.1"


def serve(app: Starlette, port: int, tell: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 alone. port: 0 takes a free one. tell: called with the address.

    Raises UsageError if the port is taken. No request is logged: an address names a patient's study.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError as error:
            raise UsageError(f"Port {port} cannot be used ({error.strerror}). Give another with --port.") from None
        tell(f"http://{LOOPBACK}:{listener.getsockname()[1]}/")
        settings = uvicorn.Config(
            app, access_log=False, log_level="warning", lifespan="off", ws="none", server_header=False
        )
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
            uvicorn.Server(settings).run(sockets=[listener])
