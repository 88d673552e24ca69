"""The Prefect server that `hilum serve` starts, and the environment of everything that talks to it.

In: a checkout, an address, and a database where it is not to be SQLite. Out: a server that answers, for as long as the
process that started it lives. Importing this module imports no Prefect,
which reads its settings when it is imported.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows import IDLE_SERVICES, PREFECT_SETTINGS
from flows.checkout import FOLDER
from hilum.errors import HilumError, UsageError

log = logging.getLogger(__name__)

API_URL, LEVEL = "PREFECT_API_URL", "PREFECT_LOGGING_LEVEL"
NOTIFY = "HILUM_NOTIFY"
"""Names the notification block that is called when a flow fails."""
START_S = 300.0
"""Migrations of a new database on a busy disk have taken a minute."""
END_S = 10.0


def settle_environment(root: Path, host: str, port: int) -> bool:
    """Settle what Prefect is to be like in this process and in those it starts; whether a server is to be started.

    A server that PREFECT_API_URL names is used as it is.
    """
    own = not os.environ.get(API_URL)
    if own:
        os.environ[API_URL] = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/api"
    mine = {
        "PREFECT_HOME": str(root.resolve() / FOLDER / "prefect"),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flows",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }
    for name, value in mine.items():
        os.environ.setdefault(name, value)
    if os.environ[LEVEL] == PREFECT_SETTINGS[LEVEL]:
        os.environ[LEVEL] = "INFO"  # the page of a run shows its log, which a run in a terminal prints itself
    return own


@contextmanager
def running_server(root: Path, host: str, port: int, database: str | None) -> Iterator[None]:
    """A server on an address, from when it answers until the block ends.

    database: URL of a PostgreSQL; SQLite in PREFECT_HOME without. If the server ends by itself, this process is told
    to end (SIGTERM) and HilumError is raised.
    Raises UsageError if the address is taken, HilumError if the server does not start.
    """
    _check_free(host, port)
    path = root / FOLDER / "logs" / "server.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=root,
            env=_server_environment(host, port, database), start_new_session=True,
        )  # fmt: skip
    ended = threading.Event()
    try:
        _wait_until_healthy(server, path)
        threading.Thread(target=_watch_over, args=(server, ended), daemon=True).start()
        yield
        if server.poll() is not None:
            raise HilumError(f"the Prefect server ended by itself (exit {server.returncode}); its log is {path}.")
    finally:
        ended.set()
        _end(server)


def wait_for_server() -> None:
    """Wait for the server that PREFECT_API_URL names. Raises UsageError if it does not answer."""
    until = time.monotonic() + 30
    while (problem := _problem()) is not None:
        if time.monotonic() > until:
            raise UsageError(
                f"no Prefect server answers at {os.environ[API_URL]} ({type(problem).__name__}); start it, or unset "
                f"{API_URL} and `hilum serve` starts one."
            )
        time.sleep(1)


def _server_environment(host: str, port: int, database: str | None) -> dict[str, str]:
    """A server that serves: all its services on, whatever a server for one run is spared (flows/__init__.py)."""
    env = {**os.environ, **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "true" for name in IDLE_SERVICES}}
    del env[API_URL]
    env |= {"PREFECT_SERVER_API_HOST": host, "PREFECT_SERVER_API_PORT": str(port)}
    env.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    env.setdefault("PREFECT_SERVER_DATABASE_TIMEOUT", "60")  # SQLite has one lock, and stages keep the disk busy
    env.setdefault("PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED", "events,orphans")
    if database:
        env["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database.replace("postgresql://", "postgresql+asyncpg://", 1)
    return env


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port, or set {API_URL} to "
                f"use the Prefect server that is there."
            ) from None


def _wait_until_healthy(server: subprocess.Popen[bytes], log_file: Path) -> None:
    until = time.monotonic() + START_S
    while _problem() is not None:
        if server.poll() is not None or time.monotonic() > until:
            said = log_file.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(said) if line.strip()), "nothing")
            raise HilumError(f"the Prefect server did not start; it said {last!r}, and its log is {log_file}.")
        time.sleep(0.5)


def _problem() -> Exception | None:
    """Why the server does not answer; None if it does."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.api_healthcheck()


def _watch_over(server: subprocess.Popen[bytes], ended: threading.Event) -> None:
    server.wait()
    if not ended.is_set():
        log.error("serve: the Prefect server has ended by itself")
        os.kill(os.getpid(), signal.SIGTERM)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, and end it if it does not."""
    server.terminate()
    try:
        server.wait(END_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
