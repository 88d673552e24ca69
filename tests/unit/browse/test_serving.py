"""Serving: on the loopback address alone, until it is told to end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette

from hilum.browse.serving import serve
from hilum.errors import UsageError

SERVER = """
from starlette.applications import Starlette
from hilum.browse.serving import serve
serve(Starlette(), 0, lambda address: print(address, flush=True))
"""


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        yield it, it.stdout.readline().strip()
        it.kill()


def test_it_answers_on_loopback_alone_and_ends_on_ctrl_c(server: tuple[subprocess.Popen[str], str]) -> None:
    process, address = server
    assert httpx.get(address).status_code == 404 and "server" not in httpx.get(address).headers
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)
    with pytest.raises(UsageError, match=f"Port {port} cannot be used .* another with --port"):
        serve(Starlette(), port, print)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out == err == ""
