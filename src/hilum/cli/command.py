"""How every verb is declared: a help line, an example, and path options without surprises."""

from __future__ import annotations

import errno
import os
import select
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)


def verb(name: str, example: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A click command whose help ends with a worked example."""
    return click.command(name, epilog=f"Example: {example}")


def path_option(flag: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A required option that takes a path."""
    return click.option(flag, type=PATH, required=True, help=text)


def core_count() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end_with_driver() -> None:
    """Where a run started this process (HILUM_DRIVER), end it and its whole group as soon as that run is gone.

    A killed run would otherwise leave stages behind that write while the next run is at work. Linux only.
    """
    driver = os.environ.get("HILUM_DRIVER", "")
    if not driver.isdigit() or not hasattr(os, "pidfd_open"):
        return
    try:
        handle = os.pidfd_open(int(driver))
    except ProcessLookupError:
        raise click.ClickException("the run that started this stage has ended; so does the stage.") from None
    if os.getpgrp() == os.getpgid(int(driver)):
        return  # a verb called by the run itself, not a stage in a group of its own

    def wait() -> None:
        select.select([handle], [], [])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def worker_count() -> int:
    """Worker processes of a stage: HILUM_WORKERS, else the cores this process may use. Never changes a byte."""
    value = os.environ.get("HILUM_WORKERS", "")
    if not value:
        return core_count()
    if not value.isdigit() or int(value) < 1:
        raise click.UsageError(f"HILUM_WORKERS is '{value}'; it must be a whole number, 1 or more.")
    return int(value)


def says_disk_full(error: BaseException) -> bool:
    """Whether an error means that a disk is full; libraries in other languages say so in words alone."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
