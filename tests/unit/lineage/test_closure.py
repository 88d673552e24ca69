"""The chain of a small line that the real DVC has run: whole as it is, and broken wherever a byte is changed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hilum.errors import VerificationError
from hilum.lineage.record import open_record
from hilum.lineage.verify import check_bytes, check_lock
from tests.unit.flows.toy import ServedCheckout

METRICS = "reports/metrics.json"
SERVED_INDEX = "data/served/index"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """A line that has run, a model that is served, all of it committed."""
    toy = ServedCheckout(tmp_path_factory.mktemp("finished"))
    toy.serve()
    return toy


@pytest.fixture
def copy(finished: ServedCheckout, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return folder


def breaks(root: Path, revision: str | None = None) -> list[str]:
    """What does not hold, at the levels `lock` and `cache`."""
    try:
        with open_record(root, revision) as record:
            stages = record.lineage.behind([METRICS, SERVED_INDEX])
            rows = [*check_lock(stages, record).broken, *check_bytes(stages, record, 2).broken]
    except VerificationError as error:
        return [str(error)]
    return [str(row) for row in rows]


def flip(path: Path, at: int = -2) -> None:
    path.chmod(0o644)
    text = bytearray(path.read_bytes())
    text[at] ^= 1
    path.write_bytes(bytes(text))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_an_untouched_chain_is_whole_and_goes_down_to_what_was_tracked(
    finished: ServedCheckout, revision: str | None
) -> None:
    assert breaks(finished.folder, revision) == []
    with open_record(finished.folder, revision) as record:
        names = [stage.name for stage in record.lineage.behind([METRICS])]
        served = [stage.name for stage in record.lineage.behind([SERVED_INDEX])]
    assert names[0] == "evaluate" and names[-1] == "data/raw/L0001/listing.txt.dvc"
    assert {"locate", "embed@L0001-a", "images@L0001-b"} <= set(names)
    assert "data/served/champion.dvc" in served and "locate" not in served


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "figure": (lambda root: flip(root / METRICS), f"{METRICS}, written by evaluate"),
    "code": (lambda root: flip(root / "src/embed.py", 5), "src/embed.py, read by embed@L0001-a"),
    "folder of code": (
        lambda root: (root / "src/hilum/vocabulary/concepts/more.yaml").write_text("- x\n"),
        "src/hilum/vocabulary, read by images@L0001-a",
    ),
    "artifact": (lambda root: flip(root / "data/images/L0001-b.parquet"), "data/images/L0001-b.parquet"),
    "model": (lambda root: flip(root / "data/locate/model.safetensors"), "data/locate/model.safetensors"),
    "command": (lambda root: replace(root / "dvc.lock", "src/index.py data/e", "src/index.py x"), "index, command"),
    "definition": (lambda root: replace(root / "dvc.yaml", "cat weights.txt", "cat weights2.txt"), "locate, command"),
    "input left out": (lambda root: replace(root / "dvc.yaml", "deps: [weights.txt, ", "deps: ["), "locate, inputs"),
    "tracked source": (
        lambda root: replace(root / "data/raw/L0001/listing.txt.dvc", "size: ", "size: 1"),
        "data/raw/L0001/listing.txt",
    ),
    "key of the lock": (
        lambda root: replace(root / "dvc.lock", "    deps:", "    dips:"),
        "not a record that DVC has written",
    ),
    "spelling of the lock": (lambda root: replace(root / "dvc.lock", "stages:\n", "stages: \n"), "dvc.lock"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named(copy: Path, name: str) -> None:
    change, where = CHANGES[name]
    change(copy)
    found = breaks(copy)
    assert any(where in row for row in found), found


def test_a_cached_object_is_hashed_even_where_the_file_lies_here(copy: Path) -> None:
    rng = random.Random(0)
    with open_record(copy) as record:
        items = [out for stage in record.lineage.behind([METRICS, SERVED_INDEX]) for out in stage.outs]
        digests = {digest for item in items for digest in (item.md5, *(file.md5 for file in record.store.files(item)))}
        objects = sorted(path for path in map(record.store.cached, digests) if path and path.stat().st_size)
    assert len(objects) > 10
    for path in objects:
        held = path.read_bytes()
        flip(path, rng.randrange(len(held)))
        found = breaks(copy)
        assert found, path
        assert any(f"{path.parent.name}/{path.name}" in row or path.name in row for row in found), (path, found)
        path.write_bytes(held)
    assert breaks(copy) == []


def test_what_is_not_here_is_missing_and_not_broken(copy: Path) -> None:
    shutil.rmtree(copy / ".dvc/cache")
    with open_record(copy, "HEAD") as record:
        checked = check_bytes(record.lineage.behind([METRICS]), record, 2)
    assert checked.broken and all(row.missing for row in checked.broken)
    assert breaks(copy) == [], "the files that lie here are the recorded ones"


def test_a_folder_whose_listing_is_gone_is_the_recorded_one_or_named(copy: Path) -> None:
    with open_record(copy) as record:
        item = record.lineage.out(SERVED_INDEX)
    assert item is not None
    replace(copy / "data/served/dvc.lock", item.md5, f"{'0' * 32}.dir")
    assert any(row.startswith(f"{SERVED_INDEX}: expected {'0' * 32}.dir, found {item.md5}") for row in breaks(copy))


def test_an_index_of_another_checkpoint_is_named_though_every_digest_agrees(copy: Path) -> None:
    toy = ServedCheckout.__new__(ServedCheckout)
    toy.folder = copy
    (copy / "data/index/index.json").chmod(0o644)
    toy.write("data/index/index.json", '{"model_id": "0123456789abcdef"}')
    toy.dvc("commit", "-q", "-f")
    toy.commit("another index")
    (found,) = breaks(copy)
    assert found.startswith("data/locate/model.safetensors: expected checkpoint 0123456789abcdef, by which index")


def test_any_byte_of_a_lock_or_dvc_file_that_is_changed_is_noticed(copy: Path) -> None:
    rng = random.Random(1)
    for name in ("dvc.lock", "data/served/dvc.lock", "data/served/champion.dvc"):
        path = copy / name
        held = path.read_bytes()
        for at in rng.sample(range(len(held)), 150 if len(held) > 150 else len(held)):
            text = bytearray(held)
            text[at] = rng.choice([byte for byte in range(256) if byte != held[at]])
            path.write_bytes(bytes(text))
            assert breaks(copy), (name, at, chr(held[at]), chr(text[at]))
        path.write_bytes(held)
