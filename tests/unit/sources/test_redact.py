"""After `hilum withdraw` no listing and no kept table names who is withdrawn, and no later landing brings them back."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hilum.errors import BadDataError, UsageError
from hilum.phantom.collection import write_collection
from hilum.phantom.subject import Recipe
from hilum.schema import LISTING
from hilum.sources import redact, settle
from hilum.sources.descriptors import read_landings, read_partition
from hilum.sources.landings import land, withdraw
from hilum.sources.scan import find_files, hash_files, sha256_of
from hilum.tables import read_table, write_table

SUBJECT, STUDY, OTHER = 10_000_000, 50_000_000, 50_000_001
TEST_SET = "mimic-cxr-2.1.0-test-set-labeled.csv"


@pytest.fixture(autouse=True)
def tracked(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real_dvc" not in request.fixturenames:
        monkeypatch.setattr(settle, "track", lambda root, landings: None)


@pytest.fixture
def real_dvc() -> None:
    """A test that names this one talks to DVC."""


@pytest.fixture
def tree(make_tree: Callable[..., Any]) -> Any:
    """Four subjects, the first with two studies, with labels by study alone and the source's own checksums."""
    tree = make_tree().add(SUBJECT, 55_555_555, n_images=2).write_tables()
    tree.write_table(TEST_SET, ["study_id,Edema", "50000000,1.0", "50000001,0.0", "55555555,"])
    sums = [f"{'0' * 64}  {path.relative_to(tree.folder)}" for path in sorted(tree.folder.rglob("*")) if path.is_file()]
    tree.write_table("SHA256SUMS.txt", sums)
    return tree


def put(tree: Any, checkout: Path) -> Any:
    return land(tree.folder, checkout, None, 2)


def held(checkout: Path, *words: str) -> list[str]:
    """The files of the landings that hold one of the words, descriptors left out; dumb: every byte is looked at."""
    found = []
    for path in sorted((checkout / "data/raw").rglob("*")):
        if path.is_file() and "tree" not in path.relative_to(checkout).parts:
            content = path.read_bytes()
            text = gzip.decompress(content) if path.suffix == ".gz" else content
            if path.suffix == ".parquet":
                text = pd.read_parquet(path).to_csv().encode()
            found += [str(path.relative_to(checkout)) for word in words if word.encode() in text]
    return found


def bytes_of(checkout: Path) -> dict[str, bytes]:
    return {str(p.relative_to(checkout)): p.read_bytes() for p in sorted((checkout / "data").rglob("*")) if p.is_file()}


def test_a_subject_is_gone_from_listing_and_every_kept_table(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    words = (str(SUBJECT), str(STUDY), "55555555", tree.dicom_id_of(STUDY), tree.dicom_id_of(55_555_555, 1))
    assert len(set(held(checkout, *words))) == 5
    before = read_table(checkout / "data/raw/L0001/listing.parquet", LISTING).set_index("path")
    withdraw(checkout, [SUBJECT], [])
    assert held(checkout, *words) == []
    after = read_table(checkout / "data/raw/L0001/listing.parquet", LISTING).set_index("path")
    gone = set(before.index) - set(after.index)
    assert len(gone) == 5 and all(f"/p{SUBJECT}/" in path for path in gone)
    files = after[after["kind"] != "table"]
    assert files.equals(before.loc[files.index])
    kept = checkout / "data/raw/L0001/tables"
    for path in kept.iterdir():
        assert (
            after.loc[path.name, "sha256"] == sha256_of(path) and after.loc[path.name, "bytes"] == path.stat().st_size
        )
    metadata = gzip.decompress((kept / tree.METADATA).read_bytes()).decode().splitlines()
    assert metadata == [row for row in tree.read_table(tree.METADATA) if str(SUBJECT) not in row]
    first, second = read_landings(checkout)
    assert first.listing_sha256 == sha256_of(checkout / "data/raw/L0001/listing.parquet")
    assert first.withdrawn_subjects == second.withdrawn_subjects == (SUBJECT,)
    assert read_partition(checkout / "data/partitions/L0001-p10-p13.json").withdrawn_subjects == (SUBJECT,)


def test_a_study_is_gone_and_the_persons_other_study_stays(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    withdraw(checkout, [], [55_555_555])
    assert held(checkout, "55555555", tree.dicom_id_of(55_555_555), tree.dicom_id_of(55_555_555, 1)) == []
    assert len(held(checkout, str(SUBJECT))) == 4 and len(held(checkout, str(STUDY))) == 5
    assert read_landings(checkout)[0].withdrawn_studies == (55_555_555,)


def test_the_same_tree_says_nothing_new_and_settling_again_changes_nothing(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    withdraw(checkout, [SUBJECT], [OTHER])
    before = bytes_of(checkout)
    done = put(tree, checkout)
    assert done.landing is None and done.summary.startswith("nothing new in chest: 2 studies")
    assert withdraw(checkout, [SUBJECT], []).landing is None
    assert bytes_of(checkout) == before


def test_a_later_landing_keeps_no_row_of_them_in_its_tables(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    withdraw(checkout, [SUBJECT], [])
    tree.add(18_000_000, 58_000_000).write_tables()
    assert put(tree, checkout).landing == "L0003"
    assert held(checkout, str(SUBJECT), str(STUDY), "55555555") == []
    assert held(checkout, "58000000")
    assert put(tree, checkout).landing is None
    assert read_partition(checkout / "data/partitions/L0001-p10-p13.json").withdrawn_subjects == (SUBJECT,)


def test_nothing_withdrawn_changes_no_byte(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    before = bytes_of(checkout)
    assert redact.redact(checkout) == []
    assert bytes_of(checkout) == before


def test_a_day_that_looks_like_a_person_is_no_person(checkout: Path, make_tree: Callable[..., Any]) -> None:
    tree = make_tree().add(19_990_506, 51_990_506).write_tables()
    rows = tree.read_table(tree.METADATA)
    tree.write_table(tree.METADATA, [rows[0], *(row.replace("21800101", "19990506") for row in rows[1:])])
    put(tree, checkout)
    withdraw(checkout, [19_990_506], [])
    kept = gzip.decompress((checkout / f"data/raw/L0001/tables/{tree.METADATA}").read_bytes()).decode().splitlines()
    assert len(kept) == 5 and all(",19990506,93012.5" in row for row in kept[1:])


STEPS = ("write_descriptor", "_take", "replace 0", "replace 1", "replace 2", "replace 4", "replace 6")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("again", ["land", "withdraw"])
def test_killed_anywhere_it_is_mended_by_the_next_command(
    checkout: Path, tree: Any, monkeypatch: pytest.MonkeyPatch, step: str, again: str
) -> None:
    put(tree, checkout)
    whole = checkout.parent / "whole"
    shutil.copytree(checkout, whole, symlinks=True)
    withdraw(whole, [SUBJECT], [])
    left = int(step.split()[1]) if " " in step else 0

    def killed(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        os.rename(*_)  # type: ignore[arg-type]

    where = (redact.os, "replace") if " " in step else (redact, step)
    monkeypatch.setattr(settle, "redact", lambda root: _killing(monkeypatch, where, killed, root))
    with pytest.raises(KeyboardInterrupt):
        withdraw(checkout, [SUBJECT], [])
    monkeypatch.undo()
    monkeypatch.setattr(settle, "track", lambda root, landings: None)
    if again == "land":
        put(tree, checkout)
    else:
        withdraw(checkout, [SUBJECT], [])
    assert bytes_of(checkout) == bytes_of(whole)


def _killing(monkeypatch: pytest.MonkeyPatch, where: tuple[Any, str], killed: Callable[..., None], root: Path) -> None:
    if any(redact.all_withdrawn(read_landings(root))):
        monkeypatch.setattr(*where, killed)
    redact.redact(root)


def test_tables_that_are_not_here_are_asked_for_before_anything_is_recorded(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    shutil.rmtree(checkout / "data/raw/L0001/tables")
    (checkout / "data/raw/L0001/tables.dvc").write_text("outs: []\n")
    with pytest.raises(UsageError, match=r"dvc pull data/raw/L0001/tables"):
        withdraw(checkout, [SUBJECT], [])
    assert len(read_landings(checkout)) == 1


def test_a_table_that_cannot_be_read_is_told(checkout: Path, tree: Any) -> None:
    put(tree, checkout)
    (checkout / f"data/raw/L0001/tables/{tree.SPLIT}").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(BadDataError, match="nobody knows whom it names"):
        withdraw(checkout, [SUBJECT], [])


def test_of_the_phantom_the_descriptor_alone_changes_and_stays(checkout: Path, make_tree: Callable[..., Any]) -> None:
    tree = make_tree("phantom", 8)
    shutil.copytree(tree.folder, checkout / "data/raw/L0001/tree")
    path = checkout / "data/raw/L0001/listing.parquet"
    rows = [(f.path, f.kind, f.bytes, f.sha256, "added") for f in hash_files(find_files(tree.folder), 1)]
    frame = pd.DataFrame(rows, columns=LISTING.column_names)
    write_table(path, frame, LISTING)
    before = path.read_bytes()
    withdraw(checkout, [SUBJECT], [OTHER])
    assert path.read_bytes() == before  # the stage writes it again
    landing = json.loads((checkout / "data/landings/L0001.json").read_text())
    assert (landing["withdrawn_subjects"], landing["withdrawn_studies"]) == ([SUBJECT], [OTHER])
    assert landing["listing_sha256"] is None
    gone = frame["path"].str.contains(f"p{SUBJECT}|s{OTHER}")
    write_table(path, frame[~gone], LISTING)  # as the stage does
    after = bytes_of(checkout)
    assert withdraw(checkout, [SUBJECT], []).landing is None
    assert bytes_of(checkout) == after


@pytest.fixture
def phantom(checkout: Path, tmp_path: Path) -> Path:
    """data/truth/L0002: the truth, come from outside, of a phantom's files that landed beside the generated ones."""
    recipe, made = Recipe(seed=1, image_px=64, dicom_share=0.0), tmp_path / "made"
    for first, folder, truth in ((0, checkout / "data/raw/L0001", made / "first"), (6, made, made / "truth")):
        write_collection(
            folder / "tree", 6, first, recipe=recipe, listing=folder / "listing.parquet", truth=truth
        )  # fmt: skip
    assert land(made / "tree", checkout, None, 1).landing == "L0002"
    return Path(shutil.copytree(made / "truth", checkout / "data/truth/L0002"))


def test_the_truth_of_a_landed_phantom_forgets_too(checkout: Path, phantom: Path, real_dvc: None) -> None:
    settle.track(checkout, ["L0002"])
    note = Path(f"{phantom}.dvc").read_text()
    listing = read_table(checkout / "data/raw/L0002/listing.parquet", LISTING)
    images = listing.loc[listing["kind"] == "image", "path"]
    subject, study = re.search(r"p(1\d{7})/s(5\d{7})", images.iloc[0]).groups()
    theirs = {Path(path).stem for path in images if f"p{subject}/" in path}
    studies = {int(re.search(r"s(5\d{7})", path)[1]) for path in listing["path"] if f"p{subject}/" in path}
    before = {path.name: pd.read_parquet(path) for path in phantom.glob("*.parquet")}
    assert len(before) == 3 and int(study) in set(before["statements.parquet"]["study_id"])
    withdraw(checkout, [int(subject)], [])
    for name, frame in before.items():
        of_them = frame.get("dicom_id", pd.Series("", frame.index)).isin(theirs)
        of_them |= frame.get("study_id", pd.Series(0, frame.index)).isin(studies)
        assert of_them.any()
        pd.testing.assert_frame_equal(pd.read_parquet(phantom / name), frame[~of_them].reset_index(drop=True))
    assert Path(f"{phantom}.dvc").read_text() != note and settle._is_tracked(phantom)


def test_dvc_keeps_the_new_bytes_and_no_others(checkout: Path, tree: Any, real_dvc: None) -> None:
    put(tree, checkout)
    folder = checkout / "data/raw/L0001"
    before = [(folder / f"{name}.dvc").read_text() for name in ("listing.parquet", "tables")]
    withdraw(checkout, [SUBJECT], [])
    after = [(folder / f"{name}.dvc").read_text() for name in ("listing.parquet", "tables")]
    assert before[0] != after[0] and before[1] != after[1]
    assert settle._is_tracked(folder / "listing.parquet") and settle._is_tracked(folder / "tables")
