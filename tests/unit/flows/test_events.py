"""Which landings are told of, once each."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from flows.events import Announcement, checkout_id, landing_resource, remember_announced, to_announce


def put(root: Path, landing: str, **more: object) -> None:
    row = {"landing": landing, "partitions": [f"{landing}-p10-p19"], "counts": {"studies": 3, "bytes": 9},
           "withdrawn_subjects": [], "withdrawn_studies": [], **more}  # fmt: skip
    (root / "data/landings").mkdir(parents=True, exist_ok=True)
    (root / f"data/landings/{landing}.json").write_text(json.dumps(row))


def names(rows: list[Announcement]) -> list[str]:
    return [row.landing for row in rows]


def test_each_landing_is_told_of_once_and_known_by_its_digest(tmp_path: Path) -> None:
    put(tmp_path, "L0001")
    (first,) = to_announce(tmp_path)
    digest = hashlib.sha256((tmp_path / "data/landings/L0001.json").read_bytes()).hexdigest()
    assert first.payload() == {
        "landing": "L0001", "digest": digest, "partitions": ["L0001-p10-p19"], "counts": {"studies": 3, "bytes": 9},
    }  # fmt: skip
    remember_announced(tmp_path, first)
    assert to_announce(tmp_path) == []
    put(tmp_path, "L0002")
    put(tmp_path, "L0003")
    assert names(to_announce(tmp_path)) == ["L0002", "L0003"]
    remember_announced(tmp_path, to_announce(tmp_path)[1])  # a process that died before it told of L0002
    assert names(to_announce(tmp_path)) == ["L0002"]
    put(tmp_path, "L0001", counts={"studies": 4})  # another collection's first landing
    assert names(to_announce(tmp_path)) == ["L0001", "L0002"]


def test_a_checkout_that_told_of_none_tells_of_the_newest_only(tmp_path: Path) -> None:
    for landing in ("L0001", "L0002", "L0003"):
        put(tmp_path, landing)
    rows = to_announce(tmp_path)
    assert names(rows) == ["L0003"]
    remember_announced(tmp_path, rows[0])
    assert to_announce(tmp_path) == []
    (tmp_path / ".hilum/announced.json").write_text('{"half')
    assert names(to_announce(tmp_path)) == ["L0003"]


def test_a_withdrawal_is_told_of_without_an_id(tmp_path: Path) -> None:
    put(tmp_path, "L0001")
    put(tmp_path, "L0002", partitions=[], counts={}, withdrawn_subjects=[10000032], withdrawn_studies=[])
    (row,) = to_announce(tmp_path)
    assert str(row) == "L0002, a withdrawal: 1 subjects"
    assert "10000032" not in json.dumps(row.payload())


def test_two_checkouts_never_share_a_resource(tmp_path: Path) -> None:
    one, other = tmp_path / "one" / "my checkout", tmp_path / "other" / "my checkout"
    assert checkout_id(one) != checkout_id(other)
    assert landing_resource(one, "*") == f"hilum.landing.{checkout_id(one)}.*"
    assert checkout_id(one).startswith("my-checkout-")
