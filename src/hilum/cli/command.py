"""How every verb is declared: a help line, an example, and path options without surprises."""

from __future__ import annotations

import os
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


def worker_count() -> int:
    """Worker processes of a stage: HILUM_WORKERS, else the cores this process may use. Never changes a byte."""
    value = os.environ.get("HILUM_WORKERS", "")
    if not value:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not value.isdigit() or int(value) < 1:
        raise click.UsageError(f"HILUM_WORKERS is '{value}'; it must be a whole number, 1 or more.")
    return int(value)
