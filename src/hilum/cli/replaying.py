"""What auditors have made again: the verb reproduce, and of audit the options --diff and --verify rerun."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hilum.cli.command import PATH, core_count, verb
from hilum.errors import BadDataError, VerificationError

if TYPE_CHECKING:
    from hilum.lineage.figures import Figure
    from hilum.lineage.record import Record

CERTIFICATES = Path(".hilum/certificates")


@verb("reproduce", "hilum reproduce HEAD --jobs 2 --out certificate.json")
@click.argument("revision", metavar="REV")
@click.option("--jobs", type=click.IntRange(1), help="Stages at a time [default: one a core].")
@click.option("--pull", is_flag=True, help="Fetch from the default DVC remote what came from outside and is not here.")
@click.option("--out", type=PATH, help="Where the certificate is written, and beside it as .md [default: in .hilum].")
@click.option("--keep", is_flag=True, help="Keep the clone, in .hilum/replay.")
@click.option("--json", "as_json", is_flag=True, help="Print the certificate as one JSON object.")
def reproduce(revision: str, jobs: int | None, pull: bool, out: Path | None, keep: bool, as_json: bool) -> None:
    """Make a commit again from git and what came from outside, and compare every byte; exit 5 if one differs.

    The certificate says of each stage whether it is bit-exact, and of those that are not by how much.
    """
    from flows.reproduction import reproduce as make_again
    from hilum.config import read_params, section_threads
    from hilum.lineage.certificate import render_certificate, verdict
    from hilum.stages.audit import describe_environment

    root = Path.cwd()
    threads = section_threads(read_params())
    facts = make_again(root, revision, jobs or core_count(), threads, pull=pull, keep=keep)
    recorded = _recorded_environment(root, facts["commit"])
    facts["environment"] = {"recorded": recorded, "here": describe_environment()}
    facts["verdict"] = verdict(facts)
    out = out or root / CERTIFICATES / f"{facts['commit'][:12]}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(render_certificate(facts), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(facts, indent=1))
    if not facts["exact"]:
        raise VerificationError(f"{facts['verdict']}. The certificate is {out}.")
    if not as_json:
        click.echo(f"reproduce: {facts['verdict']}; the certificate is {out}")


def check_rerun(record: Record, file: str, names: Sequence[str]) -> dict[str, Any]:
    """The level `rerun` of an audit, as `hilum.stages.audit.verify` gives the others.

    names: stages; without any, the one that made the file.
    """
    from flows.replay import rerun
    from hilum.lineage.verify import Broken, Checked

    began = time.monotonic()
    try:
        done = rerun(record, names or [record.lineage.behind([file])[0].name], core_count())
    except BadDataError as error:
        done = Checked("rerun", 0, 0, (Broken("rerun", "inputs that are here", str(error), missing=True),))
    return {
        "level": done.level, "n": done.n, "bytes": done.size, "seconds": round(time.monotonic() - began, 3),
        "broken": [vars(row) for row in done.broken],
    }  # fmt: skip


def show_difference(root: Path, figure: Figure, old: str, *, shapley: bool, as_json: bool) -> None:
    """Print why a figure is not what it was at another revision, and how much of it comes from what."""
    from flows.attribution import attribute
    from hilum.config import read_params, section_threads
    from hilum.lineage.difference_text import render_difference

    facts = attribute(root, figure, old, core_count(), section_threads(read_params()), shapley=shapley)
    was, now = (_recorded_environment(root, facts[side]["commit"]) or {} for side in ("old", "new"))
    facts["environments"] = {name: [was[name], now[name]] for name in was if now.get(name, was[name]) != was[name]}
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    for line in render_difference(facts):
        click.echo(line)


def _recorded_environment(root: Path, commit: str) -> Mapping[str, Any] | None:
    """What the commit's run says of itself in the ledger that this checkout holds; None where no line tells of it."""
    from hilum.lineage.ledger import LEDGER, parse, sha256_of
    from hilum.lineage.snapshots import Commit, WorkingTree

    with Commit(root, commit) as made, WorkingTree(root) as here:
        lock = sha256_of(made.read("dvc.lock") or b"")
        texts = [text for text in (made.read(LEDGER), here.read(LEDGER)) if text is not None]
    for text in texts:
        for line in parse(text):
            if line.entry.files.get("dvc.lock") == lock:
                return line.entry.environment
    return None


COMMANDS = (reproduce,)
