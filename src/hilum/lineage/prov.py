"""W3C PROV-JSON of the chain behind files, for tools that draw or ask provenance.

In: a record and the paths of a figure. Out: one document: artifacts with their digests as entities, stages as
activities, hilum at a commit as the software that acted, for whoever committed. That one is named by role alone: names
and addresses are git's to tell. Folders that were read are collections of the artifacts in them.
Known to be imperfect: when a stage began and ended is not recorded, so an activity bears no times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from hilum.lineage.chain import Hop, Written, trace
from hilum.lineage.contents import describe_checkout
from hilum.lineage.record import Record

PREFIXES = {
    "hilum": "https://hilum.invalid/ns#",
    "artifact": "https://hilum.invalid/artifact/",
    "stage": "https://hilum.invalid/stage/",
    "agent": "https://hilum.invalid/agent/",
}
SOFTWARE, COMMITTER = "agent:hilum", "agent:committer"


def describe_chain(record: Record, paths: Iterable[str]) -> dict[str, Any]:
    """The document of what lies behind paths. Raises VerificationError for a path that nothing made."""
    hops = trace(record, paths)
    about = describe_checkout(record)
    document: dict[str, dict[str, Any]] = {"entity": {}, "activity": {}, "agent": _agents(about)}
    relations = _Relations()
    relations.add("actedOnBehalfOf", "prov:delegate", SOFTWARE, "prov:responsible", COMMITTER)
    for hop in hops:
        document["entity"] |= {_name(out.path): _entity(out) for out in hop.writes}
    for hop in hops:
        if hop.command is not None:
            document["activity"][_stage(hop.stage)] = _activity(hop)
            relations.add("wasAssociatedWith", "prov:activity", _stage(hop.stage), "prov:agent", SOFTWARE)
            _relate(record, hop, document["entity"], relations)
    return {
        "prefix": PREFIXES,
        **{name: dict(sorted(rows.items())) for name, rows in document.items()},
        **relations.all,
    }


class _Relations:
    """Relations by kind, each with a number for its name."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Any]] = {}
        self._known: set[tuple[str, str, str]] = set()

    def add(self, kind: str, one_role: str, one: str, other_role: str, other: str) -> None:
        """Add it once."""
        if (kind, one, other) not in self._known:
            self._known.add((kind, one, other))
            rows = self.all.setdefault(kind, {})
            rows[f"_:{kind}{len(rows) + 1}"] = {one_role: one, other_role: other}


def _relate(record: Record, hop: Hop, entities: dict[str, Any], relations: _Relations) -> None:
    """What a stage wrote and read. An input that no stage made becomes an entity here."""
    stage = _stage(hop.stage)
    for out in hop.writes:
        relations.add("wasGeneratedBy", "prov:entity", _name(out.path), "prov:activity", stage)
    for read in hop.reads:
        maker = record.lineage.maker(read.path)
        name = _name(read.path)
        relations.add("used", "prov:activity", stage, "prov:entity", name)
        kind = "hilum:Code" if read.code else "hilum:Data"
        if maker is None and read.made_by:  # a folder of outputs
            entities[name] = _digests(read.md5, read.size, _literal("prov:Collection"))
            for part in record.lineage.inside(read.path):
                relations.add("hadMember", "prov:collection", name, "prov:entity", _name(part.path))
        elif name not in entities:
            entities[name] = _digests(read.md5, read.size, _literal(kind))
            for whole in maker.outs if maker else ():
                if read.path.startswith(f"{whole.path}/"):
                    relations.add("hadMember", "prov:collection", _name(whole.path), "prov:entity", name)


def _entity(out: Written) -> dict[str, Any]:
    found = _digests(out.md5, out.size, _literal("hilum:Artifact"))
    return found | {"hilum:files": out.files} | ({} if out.rows is None else {"hilum:rows": out.rows})


def _digests(md5: str, size: int, kind: dict[str, str]) -> dict[str, Any]:
    return {"prov:type": kind, "hilum:md5": md5, "hilum:bytes": size}


def _activity(hop: Hop) -> dict[str, Any]:
    params = {f"hilum:param.{key}": _write(value) for key, value in sorted(_flatten(hop.params).items())}
    return {"prov:type": _literal("hilum:Stage"), "prov:label": hop.stage, "hilum:command": str(hop.command), **params}


def _agents(about: Mapping[str, Any]) -> dict[str, Any]:
    software = {
        "prov:type": _literal("prov:SoftwareAgent"),
        "hilum:version": about["version"] or "unknown",
        "hilum:commit": about["commit"] or "unknown",
        "hilum:filesThatDiffer": len(about["changed"]),
    }
    return {
        SOFTWARE: software,
        COMMITTER: {"prov:type": _literal("prov:Person"), "hilum:role": "committer; who it is, git says"},
    }


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def _write(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _literal(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _name(path: str) -> str:
    return f"artifact:{quote(path, safe='/')}"


def _stage(name: str) -> str:
    return f"stage:{quote(name, safe='/')}"
