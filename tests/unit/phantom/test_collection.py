import gzip
import hashlib
import json
import re
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

import hilum.phantom.collection as collection
from hilum.phantom.collection import METADATA_COLUMNS, write_collection
from hilum.phantom.contact_sheet import contact_sheet
from hilum.phantom.labellers import LABELLER_COLUMNS
from hilum.phantom.regions import REGIONS
from hilum.phantom.subject import LeftOut, Recipe, Rows, split_of, study_ids_of, subject_id_of
from hilum.schema import DICOM_PATTERN, LISTING, TRUTH_FINDINGS, TRUTH_REGION_BOXES, TRUTH_STATEMENTS
from hilum.tables import read_table

RECIPE = Recipe(seed=5, image_px=128, dicom_share=0.3)


def generate(folder: Path, n_subjects: int, first_subject: int = 0, workers: int = 1) -> Path:
    write_collection(
        folder / "tree",
        n_subjects,
        first_subject,
        recipe=RECIPE,
        listing=folder / "listing.parquet",
        truth=folder / "truth",
        workers=workers,
    )
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("made"), 14)


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_workers(made: Path, tmp_path: Path) -> None:
    assert digests(generate(tmp_path, 14, workers=2)) == digests(made)


def test_a_subject_depends_on_its_number_alone(made: Path, tmp_path: Path) -> None:
    later = generate(tmp_path, 3, first_subject=4)
    files = {path: digest for path, digest in digests(later / "tree").items() if path.startswith("files/")}
    assert files and files.items() <= digests(made / "tree").items()
    subjects = {str(subject_id_of(RECIPE, number)) for number in (4, 5, 6)}
    assert {path.split("/")[2][1:] for path in files} == subjects


def test_who_is_left_out_leaves_no_trace_and_nobody_elses_bytes_change(made: Path, tmp_path: Path) -> None:
    studies = pd.read_csv(made / "tree/cxr-study-list.csv.gz")
    counts = studies.groupby("subject_id")["study_id"].agg(list)
    subject, split = next((s, ids[1]) for s, ids in counts.items() if len(ids) > 1)
    gone = next(s for s in counts.index if s != subject)
    folder = tmp_path / "left"
    left_out = LeftOut(frozenset({gone}), frozenset({split}))
    write_collection(
        folder / "tree",
        14,
        recipe=RECIPE,
        listing=folder / "listing.parquet",
        truth=folder / "truth",
        left_out=left_out,
    )
    before, after = digests(made / "tree"), digests(folder / "tree")
    words = (f"/p{gone}/", f"/s{split}.", f"/s{split}/")
    assert {p: d for p, d in after.items() if p.startswith("files/")} == {
        p: d for p, d in before.items() if p.startswith("files/") and not any(word in f"{p}/" for word in words)
    }
    assert any(p.startswith(f"files/p{str(subject)[:2]}/p{subject}/") for p in after)
    dicoms = [Path(p).stem for p in before if p.endswith((".jpg", ".dcm")) and any(w in p for w in words)]
    ids = [str(gone), str(split), *map(str, counts[gone]), *dicoms]
    assert len(dicoms) >= 2
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".jpg":
            content = path.read_bytes()
            text = gzip.decompress(content) if path.suffix == ".gz" else content
            text = pd.read_parquet(path).to_csv().encode() if path.suffix == ".parquet" else text
            assert not [one for one in ids if one.encode() in text], path


def test_another_seed_gives_other_pictures(made: Path, tmp_path: Path) -> None:
    other = Recipe(seed=6, image_px=128, dicom_share=0.3)
    write_collection(tmp_path / "t", 2, recipe=other, listing=tmp_path / "l.parquet", truth=tmp_path / "truth")
    images = {d for path, d in digests(tmp_path / "t").items() if path.endswith((".jpg", ".dcm"))}
    assert images and not images & set(digests(made / "tree").values())


def test_layout_is_mimics(made: Path) -> None:
    tree = made / "tree"
    names = (tree / "IMAGE_FILENAMES").read_text().split()
    for name in names:
        assert re.fullmatch(r"files/p1[0-9]/p1[0-9]{7}/s5[0-9]{7}/[0-9a-f]{8}(-[0-9a-f]{8}){4}\.(jpg|dcm)", name)
        assert name.split("/")[2].startswith(name.split("/")[1])
        assert (tree / name).is_file() and (tree / name).parent.with_suffix(".txt").is_file()
    on_disk = {p.relative_to(tree).as_posix() for p in tree.rglob("*.jpg")} | {
        p.relative_to(tree).as_posix() for p in tree.rglob("*.dcm")
    }
    assert on_disk == set(names)
    assert json.loads((tree / "hilum-collection.json").read_text()) == {"collection": "phantom"}
    for path in tree.rglob("*.txt"):
        assert path.read_text(encoding="utf-8").strip()


def test_tables_have_mimics_columns_and_agree(made: Path) -> None:
    tree = made / "tree"
    metadata = pd.read_csv(tree / "mimic-cxr-2.0.0-metadata.csv.gz")
    split = pd.read_csv(tree / "mimic-cxr-2.0.0-split.csv.gz")
    records = pd.read_csv(tree / "cxr-record-list.csv.gz")
    studies = pd.read_csv(tree / "cxr-study-list.csv.gz")
    assert tuple(metadata.columns) == METADATA_COLUMNS
    assert list(split.columns) == ["dicom_id", "study_id", "subject_id", "split"]
    assert list(metadata["dicom_id"]) == list(split["dicom_id"]) == list(records["dicom_id"])
    assert metadata["dicom_id"].is_unique and metadata["dicom_id"].str.fullmatch(DICOM_PATTERN[1:-1]).all()
    assert set(studies["study_id"]) == set(metadata["study_id"]) and studies["study_id"].is_unique
    assert all((tree / path).is_file() for path in studies["path"])
    assert split.groupby("subject_id")["split"].nunique().max() == 1
    assert set(metadata["ViewPosition"]) <= {"PA", "AP", "LATERAL", "LL"}
    for labeller in ("chexpert", "negbio"):
        labels = pd.read_csv(tree / f"mimic-cxr-2.0.0-{labeller}.csv.gz")
        assert tuple(labels.columns) == LABELLER_COLUMNS
        assert labels.iloc[:, 2:].isin([1.0, 0.0, -1.0, np.nan]).all().all()


def test_gzip_files_carry_no_time(made: Path) -> None:
    for path in (made / "tree").glob("*.gz"):
        assert path.read_bytes()[4:8] == b"\0\0\0\0"
        assert gzip.decompress(path.read_bytes()).startswith((b"dicom_id,", b"subject_id,"))


def test_checksums_and_listing_cover_every_file(made: Path) -> None:
    tree = made / "tree"
    listing = read_table(made / "listing.parquet", LISTING)
    found = digests(tree)
    assert dict(zip(listing["path"], listing["sha256"], strict=True)) == found
    assert set(listing["change"]) == {"added"}
    kinds = listing.set_index("path")["kind"]
    assert kinds["hilum-collection.json"] == kinds["SHA256SUMS.txt"] == "table"
    assert (kinds[[p for p in kinds.index if p.endswith((".jpg", ".dcm"))]] == "image").all()
    assert (kinds[[p for p in kinds.index if p.startswith("files/") and p.endswith(".txt")]] == "report").all()
    sums = dict(line.split("  ")[::-1] for line in (tree / "SHA256SUMS.txt").read_text().splitlines())
    assert sums == {path: digest for path, digest in found.items() if path != "SHA256SUMS.txt"}


def test_images_have_the_size_that_the_metadata_says(made: Path) -> None:
    tree = made / "tree"
    metadata = pd.read_csv(tree / "mimic-cxr-2.0.0-metadata.csv.gz").set_index("dicom_id")
    n_dicoms = 0
    for name in (tree / "IMAGE_FILENAMES").read_text().split():
        row = metadata.loc[Path(name).stem]
        if name.endswith(".jpg"):
            with Image.open(tree / name) as picture:
                assert picture.mode == "L" and picture.size == (row["Columns"], row["Rows"])
        else:
            n_dicoms += 1
            data = pydicom.dcmread(tree / name)
            assert (data.Rows, data.Columns) == (row["Rows"], row["Columns"])
            assert data.BitsStored == 12 and int(data.pixel_array.max()) <= 4095
            bright = data.pixel_array[2:40, data.Columns // 2 - 3 : data.Columns // 2 + 3].mean() > 2048
            assert bright == (data.PhotometricInterpretation == "MONOCHROME2")
    assert n_dicoms >= 2


def test_truth_covers_every_frontal_image_and_no_other(made: Path) -> None:
    metadata = pd.read_csv(made / "tree" / "mimic-cxr-2.0.0-metadata.csv.gz")
    frontal = metadata[metadata["ViewPosition"].isin(["PA", "AP"])].set_index("dicom_id")
    boxes = read_table(made / "truth" / "region_boxes.parquet", TRUTH_REGION_BOXES)
    findings = read_table(made / "truth" / "findings.parquet", TRUTH_FINDINGS)
    statements = read_table(made / "truth" / "statements.parquet", TRUTH_STATEMENTS)
    assert set(boxes["dicom_id"]) == set(frontal.index) >= set(findings["dicom_id"])
    assert boxes.groupby("dicom_id")["region"].apply(set).map(lambda names: names == set(REGIONS)).all()
    for table in (boxes, findings):
        size = frontal.loc[table["dicom_id"]]
        assert (table[["x", "y"]] >= 0).all().all() and (table[["width", "height"]] > 0).all().all()
        assert (table["x"] + table["width"]).le(size["Columns"].to_numpy() + 1e-6).all()
        assert (table["y"] + table["height"]).le(size["Rows"].to_numpy() + 1e-6).all()
    assert set(findings["region"]) <= set(REGIONS)
    assert set(statements["study_id"]) <= set(metadata["study_id"])
    assert not (made / "tree").joinpath("truth").exists()


def test_ids_and_splits_follow_from_the_number() -> None:
    subjects = [subject_id_of(RECIPE, number) for number in range(2000)]
    studies = [study_id for number in range(2000) for study_id in study_ids_of(RECIPE, number)]
    assert len(set(subjects)) == 2000 and len(set(studies)) == 8000
    assert min(subjects) >= 10_000_000 and max(subjects) <= 19_999_999
    assert min(studies) >= 50_000_000 and max(studies) <= 59_999_999
    shards = pd.Series(subjects).floordiv(1_000_000).value_counts()
    assert len(shards) == 10 and shards.between(150, 250).all()
    splits = pd.Series([split_of(RECIPE, number) for number in range(2000)]).value_counts()
    assert splits.to_dict() == {"train": 1400, "test": 400, "validate": 200}


def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path, 1)
    before = digests(tmp_path)

    def break_off(recipe: Recipe, tree: Path, number: int, left_out: LeftOut) -> Rows:
        (tree / "half").write_text("half")
        raise RuntimeError("broken off")

    monkeypatch.setattr(collection, "write_subject", break_off)
    with pytest.raises(RuntimeError, match="broken off"):
        generate(tmp_path, 2)
    assert digests(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["listing.parquet", "tree", "truth"]


def test_contact_sheet_shows_as_many_pictures_as_asked_for(made: Path, tmp_path: Path) -> None:
    ids = contact_sheet(made / "tree", tmp_path / "sheet.png", 5, columns=3, cell_px=90, truth=made / "truth")
    assert len(ids) == len(set(ids)) == 5
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (270, 180)
        assert np.asarray(sheet.convert("L")).std() > 20
    assert contact_sheet(made / "tree", tmp_path / "none.png", truth=made / "truth", finding="no such finding") == []


def test_a_worker_that_dies_while_another_is_being_started_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen once: the pool forgot the second worker, and the stage never ended."""
    begun: list[SpawnProcess] = []
    start = SpawnProcess.start

    def kill_the_first(process: SpawnProcess) -> None:
        start(process)
        if begun:
            begun[0].kill()
            begun[0].join()
            time.sleep(0.5)  # until the pool has noticed, and ended all workers that it knows of
        begun.append(process)

    monkeypatch.setattr(SpawnProcess, "start", kill_the_first)
    with pytest.raises(BrokenProcessPool):
        generate(tmp_path, 9, workers=2)
    assert len(begun) == 2
    begun[1].join(10)
    assert begun[1].exitcode == -signal.SIGKILL
