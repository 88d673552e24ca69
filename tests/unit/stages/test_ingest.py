from __future__ import annotations

import json
import logging
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from hilum.config import IngestParams
from hilum.errors import BadDataError
from hilum.schema import CHEXPERT, LISTING, MANIFEST, PUBLISHED_LABELS, QUARANTINE, REPORTS
from hilum.sources.scan import HashedFile, find_files, hash_files
from hilum.stages import ingest
from hilum.tables import read_table, write_table

PARAMS = IngestParams.model_validate(
    {"max_pixels": 64_000_000, "split_seed": 0, "split_shares": {"train": 0.7, "validate": 0.1, "test": 0.2}}
)
SUBJECT, STUDY = 10_000_000, 50_000_000  # the first study of every tree


class Bench:
    """One tree, its listing, one partition of all shards, and what ingest made of it."""

    def __init__(self, tree: Any, folder: Path) -> None:
        self.tree, self.folder = tree, folder
        self.files = hash_files(find_files(tree.folder), 1)
        self.partition = {"partition": "L0001-p10-p19", "landing": "L0001", "shards": [f"p{n}" for n in range(10, 20)]}

    def run(self, workers: int = 2, params: IngestParams = PARAMS) -> Bench:
        self.folder.mkdir(exist_ok=True)
        rows = [(f.path, f.kind, f.bytes, f.sha256, "added") for f in self.files]
        write_table(self.folder / "listing.parquet", pd.DataFrame(rows, columns=LISTING.column_names), LISTING)
        (self.folder / "partition.json").write_text(json.dumps(self.partition))
        outs = [self.folder / f"{name}.parquet" for name in ("manifest", "quarantine", "texts", "published")]
        ingest.run(
            self.folder / "partition.json", self.tree.folder, self.folder / "listing.parquet", *outs, params, workers
        )
        self.outs = outs
        self.manifest, self.quarantine, self.texts, self.published = (
            read_table(path, table) for path, table in zip(outs, (MANIFEST, QUARANTINE, REPORTS, PUBLISHED_LABELS))
        )
        self.reasons = dict(zip(self.quarantine["path"], self.quarantine["reason"]))
        return self

    def path(self, file: Path) -> str:
        return str(file.relative_to(self.tree.folder))


@pytest.fixture
def bench(make_tree: Callable[..., Any], tmp_path: Path) -> Callable[..., Bench]:
    def make(tree: Any = None, folder: str = "bench") -> Bench:
        return Bench(tree or make_tree(), tmp_path / folder)

    return make


def test_a_good_tree_is_usable_whole(bench: Callable[..., Bench]) -> None:
    done = bench().run()
    assert done.reasons == {} and (done.manifest["status"] == "ok").all() and len(done.manifest) == 8
    image = done.manifest[done.manifest["kind"] == "image"].iloc[0]
    assert (image["subject_id"], image["study_id"], image["view_position"]) == (SUBJECT, STUDY, "PA")
    assert (image["rows_px"], image["columns_px"], image["split"]) == (24, 26, "train")
    assert image["study_datetime"] == "21800101093012"
    assert list(done.texts["study_id"]) == [50_000_000, 50_000_001, 50_000_002, 50_000_003]
    assert done.texts["text"].iloc[0] == " FINDINGS: Study 50000000 is clear.\n"


def test_bytes_do_not_depend_on_the_number_of_workers(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree("many", 30)
    one, four = bench(tree, "one").run(workers=1), bench(tree, "four").run(workers=4)
    assert [p.read_bytes() for p in one.outs] == [p.read_bytes() for p in four.outs]


def test_a_truncated_jpeg_costs_its_study_and_no_other(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    image = tree.image(SUBJECT, STUDY)
    image.write_bytes(image.read_bytes()[:-300])
    done = bench(tree).run()
    report = tree.report(SUBJECT, STUDY)
    assert done.reasons == {done.path(image): "truncated_image", done.path(report): "report_without_image"}
    assert done.quarantine["detail"].iloc[0] == "the study's image is set aside: truncated_image"
    assert len(done.texts) == 3


def test_a_truncated_jpeg_beside_a_good_one_costs_itself_alone(
    bench: Callable[..., Bench], make_tree: Callable
) -> None:
    tree = make_tree().add(12_345_678, 51_111_111, n_images=2).write_tables()
    image = tree.image(12_345_678, 51_111_111, 1)
    image.write_bytes(image.read_bytes()[:-300])
    assert bench(tree).run().reasons == {str(image.relative_to(tree.folder)): "truncated_image"}


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_report(bench: Callable[..., Bench], make_tree: Callable, data: bytes) -> None:
    tree = make_tree()
    tree.report(SUBJECT, STUDY).write_bytes(data)
    done = bench(tree).run()
    assert done.reasons[done.path(tree.report(SUBJECT, STUDY))] == "empty_report"
    assert done.reasons[done.path(tree.image(SUBJECT, STUDY))] == "image_without_report"


def test_a_report_that_is_not_utf8_is_not_quoted(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.report(SUBJECT, STUDY).write_bytes(b"Caf\xe9 patient")
    done = bench(tree).run()
    assert done.reasons[done.path(tree.report(SUBJECT, STUDY))] == "undecodable_report"
    assert not done.quarantine["detail"].str.contains("patient|Caf").any()


def test_a_report_longer_than_any_report(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.report(SUBJECT, STUDY).write_bytes(b"word " * 250_000)
    done = bench(tree).run()
    assert done.reasons[done.path(tree.report(SUBJECT, STUDY))] == "undecodable_report"


def test_a_report_without_image_and_an_image_without_report(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree().add(12_345_678, 51_111_111, n_images=0).add(12_345_679, 51_111_112, report=False).write_tables()
    done = bench(tree).run()
    assert done.reasons == {
        done.path(tree.report(12_345_678, 51_111_111)): "report_without_image",
        done.path(tree.image(12_345_679, 51_111_112)): "image_without_report",
    }
    assert set(done.quarantine["detail"]) == {"the study has no image", "the study has no report"}


def test_an_unknown_column_is_tolerated_and_logged(
    bench: Callable[..., Bench], make_tree: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    tree = make_tree()
    tree.write_table(tree.METADATA, [f"{line},x" for line in tree.read_table(tree.METADATA)])
    with caplog.at_level(logging.INFO):
        assert bench(tree).run().reasons == {}
    assert "unknown columns ['x'] are ignored" in caplog.text


def test_an_unknown_table_is_tolerated(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.write_table("cxr-provider-list.csv.gz", ["\x00 this is no table"])
    assert bench(tree).run().reasons == {}


def test_a_missing_split_row_follows_the_subject_else_is_set_aside(
    bench: Callable[..., Bench], make_tree: Callable
) -> None:
    tree = make_tree().add(12_345_678, 51_111_111, n_images=2).write_tables()
    gone = [tree.dicom_id_of(51_111_111, 1), tree.dicom_id_of(STUDY)]
    tree.write_table(tree.SPLIT, [line for line in tree.read_table(tree.SPLIT) if line.split(",")[0] not in gone])
    done = bench(tree).run()
    assert done.reasons == {
        done.path(tree.image(SUBJECT, STUDY)): "missing_split_row",
        done.path(tree.report(SUBJECT, STUDY)): "report_without_image",
    }
    followed = done.manifest[done.manifest["study_id"] == 51_111_111]
    assert len(followed) == 3 and (followed["split"] == "train").all()


def test_a_subject_in_two_splits_is_in_none(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree().add(SUBJECT, 51_111_111).write_tables()
    lines = [line.replace("train", "test") if "51111111" in line else line for line in tree.read_table(tree.SPLIT)]
    tree.write_table(tree.SPLIT, lines)
    done = bench(tree).run()
    assert sorted(done.reasons.values()) == ["missing_split_row"] * 2 + ["report_without_image"] * 2
    assert f"subject {SUBJECT} in several splits" in " ".join(done.quarantine["detail"])


def test_without_a_split_table_a_hash_decides_by_subject_alone(
    bench: Callable[..., Bench], make_tree: Callable
) -> None:
    tree = make_tree("many", 60).add(SUBJECT, 51_111_111)
    (tree.folder / tree.SPLIT).unlink()
    tree.write_table(
        tree.METADATA,
        [
            *tree.read_table(tree.METADATA),
            tree.read_table(tree.METADATA)[1]
            .replace(tree.dicom_id_of(STUDY), tree.dicom_id_of(51_111_111))
            .replace(str(STUDY), "51111111"),
        ],
    )
    done = bench(tree, "a").run()
    assert done.reasons == {}
    assert (done.manifest.groupby("subject_id")["split"].nunique() == 1).all()
    assert set(done.manifest["split"]) == {"train", "validate", "test"}
    again = bench(tree, "b").run(params=PARAMS.model_copy(update={"split_seed": 1}))
    assert list(again.manifest["split"]) != list(done.manifest["split"])


def test_without_a_metadata_table_the_view_is_unknown_and_the_size_is_the_images(
    bench: Callable[..., Bench], make_tree: Callable
) -> None:
    tree = make_tree()
    (tree.folder / tree.METADATA).unlink()
    done = bench(tree).run()
    assert done.reasons == {} and done.manifest["view_position"].isna().all()
    assert set(done.manifest["rows_px"].dropna()) == {24}


def test_a_missing_metadata_row(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.write_table(tree.METADATA, tree.read_table(tree.METADATA)[:1] + tree.read_table(tree.METADATA)[2:])
    done = bench(tree).run()
    assert done.reasons[done.path(tree.image(SUBJECT, STUDY))] == "missing_metadata_row"
    assert len(done.texts) == 3


def test_a_study_id_that_climbs_out_of_the_tree(
    bench: Callable[..., Bench], make_tree: Callable, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("not a report of this tree")
    done = bench(make_tree())
    climbing = f"files/p10/p{SUBJECT}/../../../../../secret.txt"
    done.files.append(HashedFile(climbing, "report", 25, "0" * 64))
    done.files.append(HashedFile("/etc/hostname", "report", 25, "0" * 64))
    done.run()
    assert done.reasons == {climbing: "path_outside_tree", "/etc/hostname": "path_outside_tree"}
    assert not done.texts["text"].str.contains("not a report").any()


@pytest.mark.parametrize("study", ["../../../s1", "s50000000", "5000000", ""])
def test_a_climbing_study_id_in_the_metadata_costs_its_row(
    bench: Callable[..., Bench], make_tree: Callable, study: str
) -> None:
    tree = make_tree()
    tree.write_table(tree.METADATA, [line.replace(str(STUDY), study) for line in tree.read_table(tree.METADATA)])
    done = bench(tree).run()
    assert done.reasons[done.path(tree.image(SUBJECT, STUDY))] == "missing_metadata_row" and len(done.texts) == 3


def test_ids_of_the_metadata_that_contradict_the_path(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.write_table(tree.METADATA, [line.replace(str(STUDY), "59999999") for line in tree.read_table(tree.METADATA)])
    done = bench(tree).run()
    assert done.reasons[done.path(tree.image(SUBJECT, STUDY))] == "bad_id"


def test_links_that_leave_the_tree_are_not_read(
    bench: Callable[..., Bench], make_tree: Callable, tmp_path: Path
) -> None:
    tree = make_tree()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "s50000000.txt").write_text("outside")
    tree.report(SUBJECT, STUDY).unlink()
    tree.report(SUBJECT, STUDY).symlink_to(outside / "s50000000.txt")
    (tree.folder / "files/p10/p10000099").symlink_to(outside, target_is_directory=True)
    done = bench(tree).run()
    assert done.reasons == {
        done.path(tree.report(SUBJECT, STUDY)): "path_outside_tree",
        done.path(tree.image(SUBJECT, STUDY)): "image_without_report",
        "files/p10/p10000099": "bad_id",
    }


def test_a_link_made_after_landing_is_not_followed(
    bench: Callable[..., Bench], make_tree: Callable, tmp_path: Path
) -> None:
    done = bench(make_tree())
    report = done.tree.report(SUBJECT, STUDY)
    (tmp_path / "same.txt").write_bytes(report.read_bytes())
    report.unlink()
    report.symlink_to(tmp_path / "same.txt")
    assert done.run().reasons[done.path(report)] == "path_outside_tree"


def png_header(columns: int, rows: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


def test_a_hundred_megapixels(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.image(SUBJECT, STUDY).write_bytes(png_header(10_000, 10_000))
    Image.new("L", (10_000, 10_000), 7).save(tree.image(11_000_001, 50_000_001))
    done = bench(tree).run()
    assert done.reasons[done.path(tree.image(SUBJECT, STUDY))] == "image_too_large"
    assert done.reasons[done.path(tree.image(11_000_001, 50_000_001))] == "image_too_large"


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("METADATA", 2, "many", "column 'study_id' is of the wrong type: 4 of 4 values are not 8 digits"),
        ("METADATA", 5, "tall", "column 'Rows' is of the wrong type: 4 of 4 values are not a number of pixels"),
        ("METADATA", 7, "last May", "column 'StudyDate' is of the wrong type: 4 of 4 values are not YYYYMMDD"),
        ("SPLIT", 3, "fold1", "column 'split' is of the wrong type: 4 of 4 values are not train or validate or test"),
    ],
)
def test_a_column_of_the_wrong_type_is_refused(
    bench: Callable[..., Bench], make_tree: Callable, table: str, column: int, value: str, words: str
) -> None:
    tree = make_tree()
    name = getattr(tree, table)
    head, *lines = [line.split(",") for line in tree.read_table(name)]
    tree.write_table(name, [",".join(head), *(",".join([*r[:column], value, *r[column + 1 :]]) for r in lines)])
    with pytest.raises(BadDataError) as caught:
        bench(tree).run()
    assert str(caught.value).startswith(f"{name}: {words}") and "run `hilum land` again" in str(caught.value)


def test_one_bad_row_of_a_table_costs_that_row(
    bench: Callable[..., Bench], make_tree: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    tree = make_tree()
    lines = tree.read_table(tree.METADATA)
    tree.write_table(tree.METADATA, [lines[0], lines[1].replace("PA,24", "PA,tall"), lines[2] + ",,,,", *lines[3:]])
    done = bench(tree).run()
    assert done.reasons[done.path(tree.image(11_000_001, 50_000_001))] == "missing_metadata_row"
    assert len(done.texts) == 3 and "1 rows have too few or too many fields" in caplog.text


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b\x08 not gzip", b"a,a\n1,2\n", b"dicom_id,other\n1,2\n", b"\xff\xfe\x00"]
)
def test_a_table_that_is_no_table_is_refused(bench: Callable[..., Bench], make_tree: Callable, data: bytes) -> None:
    tree = make_tree()
    (tree.folder / tree.METADATA).unlink()
    (tree.folder / "mimic-cxr-2.0.0-metadata.csv").write_bytes(data)
    with pytest.raises(BadDataError, match=r"mimic-cxr-2\.0\.0-metadata\.csv: "):
        bench(tree).run()


def test_a_table_changed_after_landing_is_refused(bench: Callable[..., Bench]) -> None:
    done = bench()
    done.tree.write_table(done.tree.SPLIT, done.tree.read_table(done.tree.SPLIT)[:-1])
    with pytest.raises(BadDataError, match="not the one that landed"):
        done.run()


def test_bytes_changed_after_landing_and_a_file_that_went(bench: Callable[..., Bench], make_tree: Callable) -> None:
    done = bench(make_tree().add(SUBJECT, 51_111_111).write_tables())
    done.tree.report(SUBJECT, STUDY).write_text(" FINDINGS: Study 50000000 is clean.\n")
    done.tree.report(11_000_001, 50_000_001).write_text("longer than it was, by far, and so never read at all\n")
    done.tree.image(SUBJECT, 51_111_111).unlink()
    done.run()
    assert done.reasons[done.path(done.tree.report(SUBJECT, STUDY))] == "changed_bytes"
    assert done.reasons[done.path(done.tree.report(11_000_001, 50_000_001))] == "changed_bytes"
    assert done.reasons[done.path(done.tree.image(SUBJECT, 51_111_111))] == "missing_file"


def test_a_file_that_sha256sums_contradicts(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    sums = [f"{f.sha256}  ./{f.path}" for f in hash_files(find_files(tree.folder), 1)]
    (tree.folder / "SHA256SUMS.txt").write_text("\n".join([*sums, "nonsense"]) + "\n")
    assert bench(tree, "a").run().reasons == {}
    tree.report(SUBJECT, STUDY).write_text("another report")
    done = bench(tree, "b").run()
    assert done.reasons[done.path(tree.report(SUBJECT, STUDY))] == "checksum_mismatch"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("p10/p10000000/s50000000.txt", "p11/p10000000/s50000000.txt", "lies in folder 'p11'"),
        ("p10/p10000000/s50000000.txt", "p10/p1000000/s50000000.txt", "8 digits, the first a 1"),
        ("p10/p10000000/s50000000.txt", "p10/p10000000/s500.txt", "8 digits, the first a 5"),
        ("p10/p10000000/s50000000.txt", "notes.txt", "not of the form"),
    ],
)
def test_an_id_out_of_form(bench: Callable[..., Bench], make_tree: Callable, old: str, new: str, words: str) -> None:
    tree = make_tree()
    target = tree.folder / "files" / new
    target.parent.mkdir(parents=True, exist_ok=True)
    (tree.folder / "files" / old).rename(target)
    done = bench(tree).run()
    row = done.quarantine.set_index("path").loc[f"files/{new}"]
    assert row["reason"] == "bad_id" and words in row["detail"] and len(done.texts) == 3


def test_ids_that_lie_in_two_places_are_not_guessed(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    tree.report(10_000_055, STUDY).parent.mkdir(parents=True)
    tree.report(10_000_055, STUDY).write_text("whose is this")
    copy = tree.study_folder(11_000_001, 50_000_001) / tree.image(12_000_002, 50_000_002).name
    copy.write_bytes(tree.jpeg(5))
    done = bench(tree).run()
    assert done.reasons[done.path(tree.report(SUBJECT, STUDY))] == "bad_id"
    assert done.reasons[done.path(tree.report(10_000_055, STUDY))] == "bad_id"
    assert done.reasons[done.path(copy)] == done.reasons[done.path(tree.image(12_000_002, 50_000_002))] == "bad_id"
    assert set(done.texts["study_id"]) == {50_000_001, 50_000_003}


def test_withdrawn_and_superseded_leave_no_trace(bench: Callable[..., Bench], make_tree: Callable) -> None:
    tree = make_tree()
    stray = tree.folder / "files/p10" / f"p{SUBJECT}" / "stray.jpg"
    stray.write_bytes(tree.jpeg())
    done = bench(tree)
    done.partition |= {
        "withdrawn_subjects": [SUBJECT],
        "withdrawn_studies": [50_000_001],
        "superseded_paths": [
            done.path(tree.report(12_000_002, 50_000_002)),
            done.path(tree.image(12_000_002, 50_000_002)),
        ],
    }
    done.run()
    assert set(done.manifest["study_id"]) == {50_000_003} and done.reasons == {}
    assert list(done.texts["study_id"]) == [50_000_003]


def test_a_partition_holds_its_shards_only_and_strays_go_with_p10(
    bench: Callable[..., Bench], make_tree: Callable
) -> None:
    tree = make_tree()
    (tree.folder / "files/readme.txt").write_text("stray")
    first, rest = bench(tree, "a"), bench(tree, "b")
    first.partition |= {"shards": ["p10"]}
    rest.partition |= {"shards": ["p11", "p12", "p13"]}
    paths = [*first.run().manifest["path"], *rest.run().manifest["path"]]
    assert len(paths) == len(set(paths)) == 9 and first.reasons == {"files/readme.txt": "bad_id"}


def test_an_empty_partition_gives_empty_tables(bench: Callable[..., Bench]) -> None:
    done = bench()
    done.partition |= {"shards": ["p19"]}
    done.run()
    assert len(done.manifest) == len(done.quarantine) == len(done.texts) == 0


def test_a_tree_that_is_not_there_is_no_fault_of_its_files(bench: Callable[..., Bench], make_tree: Callable) -> None:
    done = bench()
    os.rename(done.tree.folder / "files", done.tree.folder / "elsewhere")
    done.run()
    assert set(done.reasons.values()) == {"missing_file"}
    for table in (done.tree.METADATA, done.tree.SPLIT):
        (done.tree.folder / table).unlink()
    done.files = [f for f in done.files if f.kind != "table"]
    (done.tree.folder / "elsewhere").rename(done.tree.folder.parent / "elsewhere")
    done.tree.folder.rmdir()
    with pytest.raises(BadDataError, match="run `hilum land SOURCE` with that source"):
        done.run()


def test_the_listing_may_name_a_file_in_another_case_of_suffix(
    bench: Callable[..., Bench], make_tree: Callable
) -> None:
    tree = make_tree()
    image = tree.image(SUBJECT, STUDY)
    image.rename(image.with_suffix(".JPG"))
    assert bench(tree).run().reasons == {}


def test_a_listing_of_both_kinds_of_one_image_is_not_guessed(bench: Callable[..., Bench]) -> None:
    done = bench()
    image = next(f for f in done.files if f.kind == "image")
    done.files.append(replace(image, path=image.path.replace(".jpg", ".dcm")))
    assert list(done.run().reasons.values()).count("bad_id") == 2


CHEXPERT_CSV = "mimic-cxr-2.0.0-chexpert.csv"
HEADER = ",".join(["subject_id", "study_id", *CHEXPERT])


def label_line(study: int, subject: int | None = SUBJECT, **said: str) -> str:
    """A line of the published file; `_` in a name stands for a space."""
    values = {name.replace("_", " "): value for name, value in said.items()}
    return ",".join([*([] if subject is None else [str(subject)]), str(study), *(values.get(n, "") for n in CHEXPERT)])


def said_by(done: Bench, labeller: str = "chexpert") -> dict[int, dict[str, float]]:
    """Study -> the labels that are not blank."""
    rows = done.published[done.published["labeller"] == labeller].set_index("study_id")[list(CHEXPERT)]
    return {study: row.dropna().to_dict() for study, row in rows.iterrows()}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_labels_of_the_source_are_taken_by_column_name(bench: Any, make_tree: Any, suffix: str) -> None:
    tree = make_tree(n=2)
    lines = [label_line(STUDY, Edema="1.0", Pneumonia="-1.0", Lung_Opacity="0.0"), label_line(STUDY + 1),
             label_line(59_999_999, No_Finding="1.0")]  # fmt: skip
    tree.write_table(CHEXPERT_CSV + suffix, [HEADER, *lines])
    turned = [",".join(reversed(line.split(","))) for line in [HEADER, label_line(STUDY + 1, Fracture="1")]]
    tree.write_table("mimic-cxr-2.0.0-negbio.csv.gz", turned)
    done = bench(tree).run()
    assert said_by(done) == {STUDY: {"Edema": 1.0, "Pneumonia": -1.0, "Lung Opacity": 0.0}, STUDY + 1: {}}
    assert said_by(done, "negbio") == {STUDY + 1: {"Fracture": 1.0}}


def test_the_radiologists_test_set_has_no_subject_and_says_airspace_opacity(bench: Any, make_tree: Any) -> None:
    tree = make_tree(n=1)
    header = HEADER.removeprefix("subject_id,").replace("Lung Opacity", "Airspace Opacity")
    row = label_line(STUDY, None, Lung_Opacity="1.0")
    tree.write_table("mimic-cxr-2.1.0-test-set-labeled.csv", [header, row])
    assert said_by(bench(tree).run(), "test_set") == {STUDY: {"Lung Opacity": 1.0}}


def test_a_source_without_labels_has_an_empty_table(bench: Any) -> None:
    assert bench().run().published.empty


def test_labels_of_studies_that_are_set_aside_or_withdrawn_are_not_kept(bench: Any, make_tree: Any) -> None:
    tree = make_tree(n=3)
    tree.write_table(CHEXPERT_CSV, [HEADER, *(label_line(STUDY + k, Edema="1.0") for k in range(3))])
    tree.report(SUBJECT, STUDY).write_text(" ")
    done = bench(tree)
    done.partition["withdrawn_studies"] = [STUDY + 1]
    assert set(said_by(done.run())) == {STUDY + 2}


def test_a_bad_row_of_labels_costs_a_row_and_a_bad_value_a_value(
    bench: Any, make_tree: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tree = make_tree(n=3)
    lines = [label_line(STUDY, Edema="1.0"), label_line(STUDY, Edema="0.0"), label_line(7, Edema="1.0"),
             label_line(STUDY + 1, Edema="2.0", Fracture="1.0"), "10000000,1", label_line(STUDY + 2)]  # fmt: skip
    tree.write_table(CHEXPERT_CSV, [HEADER, *lines])
    assert said_by(bench(tree).run()) == {STUDY: {"Edema": 1.0}, STUDY + 1: {"Fracture": 1.0}, STUDY + 2: {}}
    assert "1 rows repeat a study" in caplog.text and "column 'Edema' is not 1.0, 0.0, -1.0 or nothing in 1 rows" in (
        caplog.text
    )


def test_a_table_of_labels_without_a_label_is_refused(bench: Any, make_tree: Any) -> None:
    tree = make_tree(n=1)
    tree.write_table(CHEXPERT_CSV, [HEADER.replace(",Edema", ""), "10000000,50000000" + "," * 13])
    with pytest.raises(BadDataError, match=r"mimic-cxr-2\.0\.0-chexpert\.csv: columns \['Edema'\] are missing"):
        bench(tree).run()
