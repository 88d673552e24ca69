"""What a checkout tells its Prefect server: a landing was recorded, the index refreshed, a model promoted.

In: the landings of a checkout, and which of them have been told of (`.hilum/announced.json`). Out: one event a landing,
known by the digest of its description, so that a withdrawal and a landing made by hand are told of like any other. An
event counts as told when the server has confirmed it; a process that dies in between tells it a second time, which the
flow behind it takes for nothing to do.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.checkout import FOLDER

RECORDED, REFRESHED, PROMOTED = "hilum.landing.recorded", "hilum.refreshed", "hilum.promoted"

_TOLD = ("subjects", "studies", "reports", "images", "replaced")


@dataclass(frozen=True)
class Announcement:
    """A landing to be told of. digest: sha256 of its description in data/landings. A withdrawal has no partitions."""

    landing: str
    digest: str
    partitions: tuple[str, ...]
    counts: Mapping[str, int]

    def __str__(self) -> str:
        """The landing in words: what it brought, or how much is to be forgotten."""
        words = ", ".join(f"{count} {what}" for what, count in self.counts.items() if what in _TOLD and count)
        if self.partitions:
            return f"{self.landing} in {', '.join(self.partitions)}{f': {words}' if words else ''}"
        return f"{self.landing}, a withdrawal: {words}"

    def payload(self) -> dict[str, object]:
        """What the event carries: names and numbers."""
        return {"landing": self.landing, "digest": self.digest, "partitions": [*self.partitions],
                "counts": dict(self.counts)}  # fmt: skip


def checkout_id(root: Path) -> str:
    """A name of a checkout that no other checkout has: its folder's, and a digest of the path."""
    path = root.resolve()
    return f"{re.sub('[^A-Za-z0-9_-]+', '-', path.name)}-{hashlib.sha256(str(path).encode()).hexdigest()[:6]}"


def landing_resource(root: Path, landing: str) -> str:
    """The resource that events of a landing concern; `*` for any landing of the checkout."""
    return f"hilum.landing.{checkout_id(root)}.{landing}"


def index_resource(root: Path) -> str:
    """The resource that events of the served index concern: it was refreshed, or another model makes it."""
    return f"hilum.index.{checkout_id(root)}"


def landing_digest(root: Path, landing: str) -> str:
    """The sha256 of a landing's description."""
    return hashlib.sha256((root / f"data/landings/{landing}.json").read_bytes()).hexdigest()


def to_announce(root: Path) -> list[Announcement]:
    """The landings that nobody has been told of, oldest first.

    Where none has ever been told of, only the newest: what is done for it brings the older ones up to date as well.
    """
    told = _read_told(root)
    rows = []
    for path in sorted((root / "data/landings").glob("L*.json")):
        digest = landing_digest(root, path.stem)
        if digest not in told:
            held = json.loads(path.read_text(encoding="utf-8"))
            gone = {what: len(held[f"withdrawn_{what}"]) for what in ("subjects", "studies")}
            partitions = tuple(held["partitions"])
            rows.append(Announcement(path.stem, digest, partitions, held["counts"] if partitions else gone))
    return rows if told else rows[-1:]


def remember_announced(root: Path, announced: Announcement) -> None:
    """Note that a landing has been told of; the first takes all older ones with it. The file appears whole."""
    told = _read_told(root)
    older = [path.stem for path in (root / "data/landings").glob("L*.json")] if not told else []
    rows = {landing_digest(root, name): name for name in older if name < announced.landing}
    path = root / FOLDER / "announced.json"
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({**told, **rows, announced.digest: announced.landing}, indent=1), encoding="utf-8")
    temporary.replace(path)


def send(event: str, resource: str, payload: Mapping[str, Any]) -> None:
    """Send one event and return when the server has confirmed it. Raises what the connection raises."""
    from prefect.events import Event, Resource
    from prefect.events.clients import get_events_client
    from prefect.types import DateTime

    concerns = Resource({"prefect.resource.id": resource})
    row = Event(occurred=DateTime.now("UTC"), event=event, resource=concerns, payload=dict(payload))

    async def emit() -> None:
        async with get_events_client(checkpoint_every=1) as client:
            await client.emit(row)

    asyncio.run(emit())


def _read_told(root: Path) -> dict[str, str]:
    """Digest -> landing, of those told of; a broken file is as none."""
    try:
        told: dict[str, str] = json.loads((root / FOLDER / "announced.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return told
