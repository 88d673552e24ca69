from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from hilum.errors import BadDataError, UsageError
from hilum.schema import LISTING
from hilum.sources import settle
from hilum.sources.descriptors import read_landings, read_partition
from hilum.sources.landings import Recorded, land, withdraw
from hilum.sources.scan import find_files, hash_files
from hilum.tables import read_table, write_table

SUBJECT, STUDY = 10_000_000, 50_000_000  # the first study of every tree


@pytest.fixture(autouse=True)
def tracked(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """The landings that DVC was asked to track; DVC itself, half a second a call, is left out but where marked so."""
    asked: list[str] = []
    if "real_dvc" not in request.fixturenames:
        monkeypatch.setattr(settle, "track", lambda root, landings: asked.extend(landings))
    return asked


@pytest.fixture
def real_dvc() -> None:
    """A test that names this one talks to DVC."""


def put(tree: Any, checkout: Path, collection: str | None = None) -> Recorded:
    return land(tree.folder, checkout, collection, 2)


def snapshot(checkout: Path) -> dict[str, bytes]:
    return {str(p.relative_to(checkout)): p.read_bytes() for p in sorted((checkout / "data").rglob("*")) if p.is_file()}


def listing(checkout: Path, landing: str) -> pd.DataFrame:
    return read_table(checkout / f"data/raw/{landing}/listing.parquet", LISTING)


def changes(checkout: Path, landing: str) -> dict[str, str]:
    frame = listing(checkout, landing)
    frame = frame[frame["kind"] != "table"]
    return dict(zip((Path(p).name for p in frame["path"]), frame["change"]))


def partition(checkout: Path, name: str) -> Any:
    return read_partition(checkout / f"data/partitions/{name}.json")


def list_phantom(checkout: Path, tree: Any) -> None:
    """What `dvc repro phantom` leaves."""
    shutil.copytree(tree.folder, checkout / "data/raw/L0001/tree")
    rows = [(f.path, f.kind, f.bytes, f.sha256, "added") for f in hash_files(find_files(tree.folder), 1)]
    write_table(checkout / "data/raw/L0001/listing.parquet", pd.DataFrame(rows, columns=LISTING.column_names), LISTING)


def test_a_first_real_tree_replaces_the_phantom_and_says_so(checkout: Path, make_tree: Callable) -> None:
    leftovers = ["pixels/L0001-p10-p14.npy", "texts/L0001-p15-p19.parquet", "raw/L0001/tree/x", "truth/L0001/t.parquet"]
    for name in (*leftovers, "truth/README.md"):
        (checkout / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / "data" / name).write_text("left over")
    done = put(make_tree(), checkout)
    assert done.landing == "L0001" and done.partitions == ("L0001-p10-p13",)
    assert "It replaces the phantom: this checkout now holds chest" in done.summary
    assert not any((checkout / "data" / name).exists() for name in leftovers)
    assert (checkout / "data/truth/README.md").exists()
    text = (checkout / "data/landings.yaml").read_text()
    assert "# a comment that must stay" in text and "# another one" in text
    assert yaml.safe_load(text) == {
        "collection": "chest", "generated": [], "partitions": {"L0001-p10-p13": {"landing": "L0001"}},
    }  # fmt: skip
    assert [p.name for p in (checkout / "data/partitions").iterdir()] == ["L0001-p10-p13.json"]
    assert partition(checkout, "L0001-p10-p13").shards == ("p10", "p11", "p12", "p13")


def test_what_a_landing_says_of_itself(checkout: Path, make_tree: Callable, tracked: list[str]) -> None:
    tree = make_tree()
    put(tree, checkout)
    (landing,) = read_landings(checkout)
    assert landing.collection == landing.source == "chest" and not landing.generated
    assert landing.counts | {"bytes": 0} == {
        "subjects": 4, "studies": 4, "reports": 4, "images": 4, "added": 8, "replaced": 0, "carried": 0, "bytes": 0,
    }  # fmt: skip
    assert set(listing(checkout, "L0001")["kind"]) == {"report", "image", "table"}
    assert (checkout / "data/raw/L0001/tree").resolve() == tree.folder.resolve()
    assert (checkout / "data/raw/L0001/tree").is_symlink()
    kept = checkout / "data/raw/L0001/tables"
    assert sorted(p.name for p in kept.iterdir()) == [tree.METADATA, tree.SPLIT]
    for name in ("data/landings/L0001.json", "data/partitions/L0001-p10-p13.json", "data/landings.yaml"):
        assert str(tree.folder.parent) not in (checkout / name).read_text()
    assert tracked == ["L0001"]


def test_landing_twice_changes_nothing(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    before = snapshot(checkout)
    done = put(tree, checkout)
    assert done.landing is None and done.summary.startswith("nothing new in chest: 4 studies are held already")
    assert snapshot(checkout) == before


def test_two_checkouts_and_any_workers_record_the_same(checkout: Path, make_tree: Callable, tmp_path: Path) -> None:
    tree = make_tree()
    other = tmp_path / "other"
    shutil.copytree(checkout, other)
    land(tree.folder, checkout, None, 1)
    land(tree.folder, other, None, 4)
    assert snapshot(checkout) == snapshot(other)


def test_a_second_landing_is_what_is_new(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    first = (checkout / "data/partitions/L0001-p10-p13.json").read_bytes()
    tree.add(18_000_000, 58_000_000).write_tables()
    done = put(tree, checkout)
    assert done.landing == "L0002" and done.partitions == ("L0002-p18-p18",)
    assert changes(checkout, "L0002") == {"s58000000.txt": "added", f"{tree.dicom_id_of(58_000_000)}.jpg": "added"}
    assert (checkout / "data/partitions/L0001-p10-p13.json").read_bytes() == first
    assert list(yaml.safe_load((checkout / "data/landings.yaml").read_text())["partitions"]) == [
        "L0001-p10-p13", "L0002-p18-p18",
    ]  # fmt: skip


def test_the_tables_of_a_landing_stay_when_the_source_goes_on(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    before = (tree.folder / tree.SPLIT).read_bytes()
    put(tree, checkout)
    tree.add(18_000_000, 58_000_000).write_tables()
    put(tree, checkout)
    assert (checkout / "data/raw/L0001/tables" / tree.SPLIT).read_bytes() == before
    assert (checkout / "data/raw/L0002/tables" / tree.SPLIT).read_bytes() == (tree.folder / tree.SPLIT).read_bytes()


def test_a_table_alone_brings_no_landing(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    tree.write_table("mimic-cxr-2.1.0-test-set-labeled.csv", ["study_id,Airspace Opacity", "50000000,1.0"])
    assert put(tree, checkout).landing is None


def test_a_replaced_file_supersedes_its_study_in_the_old_partition_alone(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree(n=240)
    assert put(tree, checkout).partitions == ("L0001-p10-p14", "L0001-p15-p19")
    other = (checkout / "data/partitions/L0001-p15-p19.json").read_bytes()
    tree.report(SUBJECT, STUDY).write_text(" FINDINGS: An addendum.\n")
    done = put(tree, checkout)
    image = f"{tree.dicom_id_of(STUDY)}.jpg"
    assert done.partitions == ("L0002-p10-p10",)
    assert changes(checkout, "L0002") == {"s50000000.txt": "replaced", image: "carried"}
    assert partition(checkout, "L0001-p10-p14").superseded_paths == (
        "files/p10/p10000000/s50000000.txt", f"files/p10/p10000000/s50000000/{image}",
    )  # fmt: skip
    assert (checkout / "data/partitions/L0001-p15-p19.json").read_bytes() == other
    assert put(tree, checkout).landing is None


def test_a_new_image_of_a_known_study_brings_the_study_again(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree().add(SUBJECT, 51_111_111, n_images=0).write_tables()
    put(tree, checkout)
    tree.add(SUBJECT, 51_111_111, n_images=1).write_tables()
    put(tree, checkout)
    assert changes(checkout, "L0002") == {
        "s51111111.txt": "carried", f"{tree.dicom_id_of(51_111_111)}.jpg": "added",
    }  # fmt: skip
    assert partition(checkout, "L0001-p10-p13").superseded_paths == ("files/p10/p10000000/s51111111.txt",)


def test_replaced_twice_is_superseded_wherever_it_was(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    for text in ("one", "two"):
        tree.report(SUBJECT, STUDY).write_text(text)
        put(tree, checkout)
    assert len(partition(checkout, "L0001-p10-p13").superseded_paths) == 2
    assert len(partition(checkout, "L0002-p10-p10").superseded_paths) == 2
    assert partition(checkout, "L0003-p10-p10").superseded_paths == ()


def test_a_file_that_is_gone_is_no_withdrawal_and_half_a_study_replaces_none(
    checkout: Path, make_tree: Callable
) -> None:
    tree = make_tree()
    put(tree, checkout)
    shutil.rmtree(tree.folder / "files/p11")
    assert put(tree, checkout).landing is None
    tree.image(SUBJECT, STUDY).unlink()
    tree.report(SUBJECT, STUDY).write_text("another text")
    done = put(tree, checkout)
    assert done.landing is None and "1 studies lack files that are held already" in done.summary


def test_a_partial_tree_of_one_shard(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree(n=20)
    for shard in range(11, 20):
        shutil.rmtree(tree.folder / f"files/p{shard}")
    done = put(tree, checkout)
    assert done.partitions == ("L0001-p10-p10",) and done.counts["studies"] == 2


def test_the_jpg_counts_where_dcm_lies_beside_it(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    tree.image(SUBJECT, STUDY).with_suffix(".dcm").write_bytes(b"\0" * 200)
    only = tree.image(11_000_001, 50_000_001)
    only.rename(only.with_suffix(".dcm"))
    put(tree, checkout)
    names = set(changes(checkout, "L0001"))
    assert tree.image(SUBJECT, STUDY).name in names and only.with_suffix(".dcm").name in names
    assert len([n for n in names if n.endswith(".dcm")]) == 1
    only.with_suffix(".dcm").rename(only)
    only.write_bytes(tree.jpeg(3))
    put(tree, checkout)
    assert changes(checkout, "L0002") == {only.name: "replaced", "s50000001.txt": "carried"}


def test_another_collection_is_refused_with_the_way_to_a_new_checkout(checkout: Path, make_tree: Callable) -> None:
    put(make_tree("chest"), checkout)
    before = snapshot(checkout)
    with pytest.raises(UsageError) as caught:
        put(make_tree("other"), checkout)
    message = str(caught.value)
    assert "this checkout holds chest (1 landings), and other is of the collection other" in message
    assert "git clone" in message and "hilum land" in message and "--collection chest" in message
    assert snapshot(checkout) == before
    assert put(make_tree("other", 5), checkout, "chest").landing == "L0002"


def test_a_tree_names_its_collection_and_nobody_else_does(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree("folder")
    (tree.folder / "hilum-collection.json").write_text('{"collection": "mimic-cxr"}')
    with pytest.raises(UsageError, match="leave the option out"):
        put(tree, checkout, "another")
    assert put(tree, checkout).collection == "mimic-cxr"


@pytest.mark.parametrize(
    ("said", "words"), [("phantom", "synthetic"), ("../up", "no name of a collection"), ("", "no name of a collection")]
)
def test_a_collection_needs_a_name_of_its_own(checkout: Path, make_tree: Callable, said: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        put(make_tree(), checkout, said)


@pytest.mark.parametrize("text", ["[]", "{", '{"name": "x"}'])
def test_a_collection_file_out_of_form(checkout: Path, make_tree: Callable, text: str) -> None:
    tree = make_tree()
    (tree.folder / "hilum-collection.json").write_text(text)
    with pytest.raises(UsageError, match="is not of the form"):
        put(tree, checkout)


def test_more_of_the_phantom_is_an_ordinary_landing(checkout: Path, make_tree: Callable, tracked: list[str]) -> None:
    more = make_tree("more", 12)
    (more.folder / "hilum-collection.json").write_text('{"collection": "phantom", "seed": 7}')
    with pytest.raises(UsageError, match="Run `dvc repro phantom` first"):
        put(more, checkout)
    list_phantom(checkout, make_tree("phantom", 8))
    done = put(more, checkout)
    assert done.landing == "L0002" and done.counts["studies"] == 4 and "replaces" not in done.summary
    held = yaml.safe_load((checkout / "data/landings.yaml").read_text())
    assert held["generated"] == ["L0001"]
    assert list(held["partitions"]) == ["L0001-p10-p14", "L0001-p15-p19", "L0002-p10-p19"]
    assert tracked == ["L0002"]


def test_a_folder_of_another_layout_is_refused_and_the_phantom_stays(checkout: Path, tmp_path: Path) -> None:
    before = snapshot(checkout)
    (tmp_path / "p10").mkdir()
    with pytest.raises(UsageError, match="has no folder 'files'"):
        land(tmp_path, checkout, None, 1)
    (tmp_path / "files").mkdir()
    with pytest.raises(UsageError, match="no report or image"):
        land(tmp_path, checkout, "empty", 1)
    assert {k: v for k, v in snapshot(checkout).items() if "lock" not in k} == before


def test_outside_a_checkout(make_tree: Callable, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run hilum in the root of a hilum checkout"):
        land(make_tree().folder, tmp_path, None, 1)


def test_split_tables_come_with_every_landing_or_with_none(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    tree.add(18_000_000, 58_000_000).write_tables()
    (tree.folder / tree.SPLIT).unlink()
    with pytest.raises(UsageError, match="L0001 came with a split table"):
        put(tree, checkout)


def test_a_withdrawn_subject_and_study_are_named_in_their_partitions_alone(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree(n=240)
    put(tree, checkout)
    other = (checkout / "data/partitions/L0001-p15-p19.json").read_bytes()
    done = withdraw(checkout, [SUBJECT], [50_000_001])
    assert done.landing == "L0002" and done.partitions == () and "withdrew 1 subjects and 1 studies" in done.summary
    first = partition(checkout, "L0001-p10-p14")
    assert (first.withdrawn_subjects, first.withdrawn_studies) == ((SUBJECT,), (50_000_001,))
    assert (checkout / "data/partitions/L0001-p15-p19.json").read_bytes() == other
    assert read_landings(checkout)[1].withdrawn_subjects == (SUBJECT,)
    before = snapshot(checkout)
    assert withdraw(checkout, [SUBJECT], []).landing is None
    assert snapshot(checkout) == before


def test_a_later_landing_does_not_bring_them_back(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    withdraw(checkout, [SUBJECT], [50_000_001])
    tree.report(SUBJECT, STUDY).write_text("again")
    tree.report(11_000_001, 50_000_001).write_text("again")
    tree.add(SUBJECT, 59_999_999).add(18_000_000, 58_000_000).write_tables()
    done = put(tree, checkout)
    assert done.landing == "L0003" and "3 withdrawn studies left out" in done.summary
    assert set(changes(checkout, "L0003")) == {"s58000000.txt", f"{tree.dicom_id_of(58_000_000)}.jpg"}


@pytest.mark.parametrize(("subjects", "studies"), [([19_999_999], []), ([], [59_999_999]), ([STUDY], []), ([1], [])])
def test_an_unknown_id_is_refused_and_nothing_is_withdrawn(
    checkout: Path, make_tree: Callable, subjects: list[int], studies: list[int]
) -> None:
    put(make_tree(), checkout)
    before = snapshot(checkout)
    with pytest.raises(UsageError, match=r"no landing of chest holds (subject|study) \d+; nothing was withdrawn"):
        withdraw(checkout, [SUBJECT, *subjects], studies)
    assert snapshot(checkout) == before


def test_what_was_left_half_done_is_mended_by_doing_it_again(
    checkout: Path, make_tree: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = checkout.parent / "whole"
    tree = make_tree()
    put(tree, checkout)
    tree.report(SUBJECT, STUDY).write_text("another")
    shutil.copytree(checkout, whole, symlinks=True)
    put(tree, whole)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(settle, "write_landings_file", killed)
    with pytest.raises(KeyboardInterrupt):
        put(tree, checkout)
    monkeypatch.undo()
    monkeypatch.setattr(settle, "track", lambda *_: None)
    put(tree, checkout)
    assert snapshot(checkout) == snapshot(whole)


def test_a_phantom_half_replaced_is_replaced_by_doing_it_again(
    checkout: Path, make_tree: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = checkout.parent / "whole"
    shutil.copytree(checkout, whole)
    tree = make_tree()
    put(tree, whole)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(settle, "write_landings_file", killed)
    with pytest.raises(KeyboardInterrupt):
        put(tree, checkout)
    monkeypatch.undo()
    monkeypatch.setattr(settle, "track", lambda *_: None)
    put(tree, checkout)
    assert snapshot(checkout) == snapshot(whole)


def test_a_listing_that_is_gone_or_another_is_told(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    path = checkout / "data/raw/L0001/listing.parquet"
    write_table(path, listing(checkout, "L0001").iloc[:-1], LISTING)
    with pytest.raises(BadDataError, match="is not the one that landed"):
        put(tree, checkout)
    path.unlink()
    with pytest.raises(UsageError, match=r"dvc checkout data/raw/L0001/listing\.parquet"):
        withdraw(checkout, [SUBJECT], [])


def test_a_clone_gets_its_link_back(checkout: Path, make_tree: Callable) -> None:
    tree = make_tree()
    put(tree, checkout)
    (checkout / "data/raw/L0001/tree").unlink()
    assert put(tree, checkout).summary.endswith("Linked L0001 to it")
    assert (checkout / "data/raw/L0001/tree").resolve() == tree.folder.resolve()


def test_only_one_at_a_time(checkout: Path, make_tree: Callable) -> None:
    with settle.only_one(checkout), pytest.raises(UsageError, match="is at work here"):
        put(make_tree(), checkout)


def test_a_descriptor_out_of_form_is_told_by_name(checkout: Path, make_tree: Callable) -> None:
    path = checkout / "data/landings/L0001.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": 1}))
    with pytest.raises(UsageError, match=r"L0001\.json: colour: Extra inputs"):
        put(make_tree(), checkout)


def test_dvc_keeps_what_no_stage_makes(checkout: Path, make_tree: Callable, real_dvc: None) -> None:
    put(make_tree(), checkout)
    folder = checkout / "data/raw/L0001"
    assert "path: listing.parquet" in (folder / "listing.parquet.dvc").read_text()
    assert "path: tables" in (folder / "tables.dvc").read_text()
