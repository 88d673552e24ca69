"""`hilum VERB`: parse the words, build the configuration, call one function, print one line.

Exit codes: 0 done, 1 bug (traceback), 2 usage, 3 bad data, 4 gate refused, 5 verification failed; of `plan` alone,
6: something is to do.
stdout is for results, stderr for the log. Nothing heavy is imported before a verb is chosen.
"""

from __future__ import annotations

import logging
import os
import sys

import click

from hilum.cli import (
    auditing,
    comparing,
    explaining,
    exports,
    labels,
    landing,
    operating,
    replaying,
    running,
    searching,
    stages,
)
from hilum.cli.command import end_with_driver, says_disk_full
from hilum.errors import BadDataError, HilumError

_QUIET = {
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",  # nothing is ever downloaded at run time
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--verbose", is_flag=True, help="Log what each step does in more detail.")
def cli(verbose: bool) -> None:
    """Earlier chest X-rays with the same finding in the same anatomical region.

    The line: phantom or land, then ingest, parse, label, pack, validate, tokenize, align, locate, embed, index,
    evaluate, explain, report. `dvc repro` runs all of it; `hilum run` runs it as a Prefect flow.
    """
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for name in ("hilum", "flows"):
        logging.getLogger(name).setLevel(level)


for _module in (
    landing, stages, running, operating, auditing, replaying, labels, exports, searching, explaining, comparing,
):  # fmt: skip
    for _command in _module.COMMANDS:
        cli.add_command(_command)


def main() -> None:
    """Entry point: a HilumError is one line and its own exit code, anything else is a bug and a traceback."""
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    try:
        end_with_driver()
        cli(prog_name="hilum")
    except HilumError as error:
        click.echo(f"hilum: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if not says_disk_full(error):
            raise
        click.echo(f"hilum: a disk is full ({error}). Make space there and run this again.", err=True)
        sys.exit(BadDataError.exit_code)
