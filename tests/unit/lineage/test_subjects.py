"""Who knows a patient: by their rows, places and words, and by what was made of them, in every commit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from hilum.errors import UsageError
from hilum.lineage.descent import MADE, TRAINED
from hilum.lineage.history import HERE, RUNS
from hilum.lineage.purge import plan_purge
from hilum.lineage.store import Store
from hilum.lineage.subjects import UNRECORDED, Everything, find_everything
from hilum.lineage.traces import Searcher, Who
from tests.unit.lineage.people import DICOMS, FELLOW, PEOPLE, TEST, TRAIN, People


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("people"))


@pytest.fixture
def copy(people: People, tmp_path: Path) -> People:
    new = People.__new__(People)
    new.folder, new.first = tmp_path / "copy", people.first
    shutil.copytree(people.folder, new.folder, symlinks=True)
    return new


def content(found: Everything, commit: str = HERE) -> dict[str, tuple[str, int, tuple[int, ...]]]:
    return {row.path: (row.how, row.n, row.positions) for row in found.at(commit) if row.is_content}


def descent(found: Everything, commit: str = HERE) -> dict[str, str]:
    return {row.path: row.how for row in found.at(commit) if not row.is_content}


def test_a_person_is_found_in_every_row_place_and_word(people: People) -> None:
    found = find_everything(people.folder, "subject", str(TRAIN))
    assert found.who.studies == {50_000_011, 50_000_012}
    assert found.who.dicoms == {DICOMS[50_000_011], DICOMS[50_000_012]}
    assert content(found) == content(found, people.first) == {
        "data/raw/L0001/listing.parquet": ("rows", 4, ()),
        "data/texts/a.parquet": ("rows", 2, ()),
        "data/images/a.parquet": ("rows", 2, (0, 1)),
        "data/pixels/a.npy": ("place", 2, (0, 1)),
        "data/index/rows.parquet": ("rows", 2, (0, 1)),
        "data/index/global.faiss": ("place", 2, (0, 1)),
        "data/evaluation/gallery.json": ("named", 4, ()),
        "data/evaluation/maps.npz": ("place", 2, (0, 2)),
        "data/evaluation/queries.parquet": ("rows", 4, ()),
    }  # fmt: skip
    assert not found.unseen and not found.untold and not found.unreadable


def test_what_was_made_of_them_is_named_with_the_reason(people: People) -> None:
    found = find_everything(people.folder, "subject", str(TRAIN))
    made = descent(found)
    assert made["data/locate/model.safetensors"] == made["data/locate/config.json"] == TRAINED
    assert made["data/index/global.faiss"] == made["reports/metrics.json"] == MADE
    through = {row.path: row.through for row in found.at(HERE) if not row.is_content}
    assert through["data/locate/model.safetensors"] == "data/images/a.parquet"
    assert through["data/index/rows.parquet"] == "data/locate/model.safetensors"


def test_nothing_was_trained_on_somebody_of_the_test_split(people: People) -> None:
    made = descent(find_everything(people.folder, "subject", str(TEST)))
    assert made and TRAINED not in made.values()
    assert set(made) == {"reports/metrics.json", *(p for p in made if p.startswith("data/evaluation/"))}


def test_a_study_and_a_raw_file_are_asked_for_alike(people: People) -> None:
    study = content(find_everything(people.folder, "study", "50000012"))
    assert study["data/images/a.parquet"] == ("rows", 1, (1,)) and study["data/raw/L0001/listing.parquet"][1] == 2
    stem = f"files/p10/p{TRAIN}/s50000012"
    image = content(find_everything(people.folder, "file", f"data/raw/L0001/tree/{stem}/{DICOMS[50_000_012]}.jpg"))
    assert image["data/pixels/a.npy"] == ("place", 1, (1,)) and "data/texts/a.parquet" not in image
    report = content(find_everything(people.folder, "file", f"{stem}.txt"))
    assert report["data/texts/a.parquet"] == ("rows", 1, ()) and "data/images/a.parquet" not in report
    assert image["data/raw/L0001/listing.parquet"][1] == report["data/raw/L0001/listing.parquet"][1] == 1


def test_vectors_of_a_region_hold_who_speaks_of_it_and_are_kept_if_somebody_else_has_the_same(copy: People) -> None:
    for part, study in (("a", 50_000_011), ("b", 50_000_031)):
        folder = copy.folder / f"data/index/parts/{part}/report"
        folder.mkdir(parents=True)
        row = {"row": 0, "study_id": study, "subject_id": PEOPLE[study], "regions": ["carina", "left lung"]}
        pd.DataFrame([row]).to_parquet(folder / "rows.parquet", index=False)
        for name, held in (("carina", "normal"), ("left_lung", part), ("trachea", "nobody")):
            (folder / f"region_{name}.faiss").write_text(held)
        (folder / "region_trachea.codes.faiss").write_text(f"a row each, {part}")
    found = find_everything(copy.folder, "subject", str(TRAIN))
    inside = {path.rpartition("/")[2] for path in content(found) if "/parts/a/" in path}
    assert inside == {"rows.parquet", "region_carina.faiss", "region_left_lung.faiss", "region_trachea.codes.faiss"}
    assert not any("/parts/b/" in path for path in content(found))
    removed = set(plan_purge(found, Store(copy.folder, here=False)).objects)
    kept = [row.path for row in found.at(HERE) if row.is_content and row.digest not in removed]
    assert kept == ["data/index/parts/a/report/region_carina.faiss"]


def test_nobody_is_found_where_nobody_is(people: People) -> None:
    found = find_everything(people.folder, "subject", "19999999")
    assert found.known == () and found.n_objects > 5


@pytest.mark.parametrize(("kind", "name"), [("subject", "1"), ("study", "x"), ("file", "data/images/a.parquet")])
def test_what_is_no_id_is_refused(people: People, kind: str, name: str) -> None:
    with pytest.raises(UsageError, match="give its"):
        find_everything(people.folder, kind, name)


def test_an_object_of_many_commits_is_looked_into_once(copy: People) -> None:
    looked: list[None] = []
    find_everything(copy.folder, "subject", str(TRAIN), lambda: looked.append(None))
    copy.write("notes.md", "another commit")
    second = copy.commit("second")
    again: list[None] = []
    found = find_everything(copy.folder, "subject", str(TRAIN), lambda: again.append(None))
    assert len(again) == len(looked)
    assert all({copy.first, second, HERE} <= set(row.commits) for row in found.known if row.how == "rows")
    assert found.n_commits == 2


def test_a_branch_that_nothing_stands_on_is_looked_into(copy: People) -> None:
    copy.run("git", "switch", "-q", "-c", "aside")
    copy.write("epochs.txt", "2")
    aside = copy.go_on("aside")
    copy.run("git", "switch", "-q", "main")
    copy.dvc("checkout", "-q")
    found = find_everything(copy.folder, "subject", str(FELLOW))
    models = [row for row in found.known if row.path.endswith(".safetensors")]
    assert sorted(row.commits for row in models) == sorted([(aside,), (copy.first, HERE)])


def test_a_run_that_was_never_committed_is_found_in_the_run_cache(copy: People) -> None:
    copy.write("epochs.txt", "3")
    copy.dvc("repro", "-q")
    left = (copy.folder / "data/index/global.faiss").read_bytes()
    copy.run("git", "checkout", "-q", "--", ".")
    copy.dvc("checkout", "-q")
    assert left in copy.objects().values()
    found = find_everything(copy.folder, "subject", str(FELLOW))
    rows = [row for row in found.known if row.path == "data/index/global.faiss" and row.how == "place"]
    assert sorted(set(row.commits) - {RUNS} for row in rows) == sorted([set(), {copy.first, HERE}], key=len)


def test_an_object_that_no_record_names_is_searched_all_the_same(copy: People) -> None:
    frame = pd.DataFrame({"who": [f"seen p{TEST}"], "other": ["x"]})
    frame.to_parquet(copy.folder / "stray.parquet")
    copy.dvc("add", "-q", "stray.parquet")
    for path in copy.folder.glob("stray.*"):
        path.unlink()
    rows = [row for row in find_everything(copy.folder, "subject", str(TEST)).known if row.path == UNRECORDED]
    assert [(row.how, row.n, row.where) for row in rows] == [("rows", 1, "cache")]


def test_a_model_that_answers_stays_tainted_until_it_is_retrained(copy: People) -> None:
    shutil.copytree(copy.folder / "data/locate", copy.folder / "data/served/champion/model")
    copy.dvc("add", "-q", "data/served/champion")
    copy.commit("promoted")
    copy.land({t: s for t, s in PEOPLE.items() if s != TRAIN})
    copy.go_on("without them")
    found = find_everything(copy.folder, "subject", str(TRAIN))
    assert content(found) == {}
    assert descent(found) == dict.fromkeys(
        ["data/served/champion/model/config.json", "data/served/champion/model/model.safetensors"], TRAINED
    )
    assert content(found, copy.first)


def test_a_lock_that_cannot_be_read_is_told_and_the_rest_is_not_lost(copy: People) -> None:
    lock = (copy.folder / "dvc.lock").read_text()
    copy.write("dvc.lock", "schema: '1.0'\n")
    bad = copy.commit("torn")
    copy.write("dvc.lock", lock)
    copy.commit("mended")
    found = find_everything(copy.folder, "subject", str(TRAIN))
    assert list(found.unreadable) == [bad] and content(found)


def test_bytes_that_are_not_here_are_said_to_be_unseen(copy: People) -> None:
    copy.write("epochs.txt", "2")
    copy.go_on("second")
    for path in (copy.folder / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"weights of") and len(path.read_bytes()) > 60:
            held = path.read_bytes()
            if held != (copy.folder / "data/index/global.faiss").read_bytes():
                path.unlink()
    found = find_everything(copy.folder, "subject", str(TRAIN))
    assert any(row.where == "nowhere" and row.path == "data/index/global.faiss" for row in found.known)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("p10000001/s50000011.txt", 1),
        ("10000001, 10000001", 2),
        ("110000001 100000010 a10000001 10000001f", 0),
        ("0.10000001", 0),
        ("10000001.0", 1),
        ("", 0),
    ],
)
def test_ids_are_whole_words(text: str, n: int) -> None:
    assert Searcher(Who("subject", "10000001", frozenset({10_000_001}))).names(text) == n
