"""A small line of real tables that the real DVC runs, over a handful of people; for tests of who knows whom."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

TRAIN, TEST, FELLOW = 10_000_001, 10_000_002, 11_000_003
DICOMS = {s: f"{s:08x}-{s:08x}-bbbbbbbb-aaaaaaaa-{s:08x}" for s in (50_000_011, 50_000_012, 50_000_021, 50_000_031)}
PEOPLE = {50_000_011: TRAIN, 50_000_012: TRAIN, 50_000_021: TEST, 50_000_031: FELLOW}

LINE = """
import hashlib, json, pathlib, sys
import numpy as np, pandas as pd
verb = sys.argv[1]
def put(path, frame):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)
def read(path):
    return pd.read_parquet(path)
def image(dicom):
    return np.frombuffer(hashlib.sha256(dicom.encode()).digest(), np.uint8).reshape(1, 4, 8)
if verb == "ingest":
    listing = read("data/raw/L0001/listing.parquet")
    parts = listing["path"].str.extract("p(1[0-9]{7})/s(5[0-9]{7})/?([0-9a-f-]{44})?").dropna(subset=[0])
    split = parts[0].map(lambda s: "test" if s == "10000002" else "train")
    rows = pd.DataFrame({"study_id": parts[1].astype("int64"), "subject_id": parts[0].astype("int64"), "split": split,
                         "dicom_id": parts[2]})
    put("data/texts/a.parquet", rows[rows["dicom_id"].isna()].drop(columns="dicom_id").assign(text="clear"))
    images = rows.dropna(subset=["dicom_id"]).sort_values("dicom_id").reset_index(drop=True)
    put("data/images/a.parquet", images.assign(row=range(len(images))))
    pathlib.Path("data/pixels").mkdir(exist_ok=True)
    np.save("data/pixels/a.npy", np.concatenate([image(d) for d in images["dicom_id"]]))
if verb == "locate":
    pathlib.Path("data/locate").mkdir(exist_ok=True)
    seen = read("data/texts/a.parquet").query("split == 'train'").to_csv() + pathlib.Path("epochs.txt").read_text()
    pathlib.Path("data/locate/model.safetensors").write_text("weights of " + hashlib.md5(seen.encode()).hexdigest())
    pathlib.Path("data/locate/config.json").write_text("{}")
if verb == "index":
    rows = read("data/images/a.parquet")[["row", "dicom_id", "study_id", "subject_id", "split"]]
    put("data/index/rows.parquet", rows)
    weights = pathlib.Path("data/locate/model.safetensors").read_bytes()
    pathlib.Path("data/index/global.faiss").write_bytes(weights + b"".join(image(d).tobytes() for d in rows["dicom_id"]))
if verb == "evaluate":
    rows = read("data/index/rows.parquet")
    pathlib.Path("data/evaluation").mkdir(exist_ok=True)
    pathlib.Path("reports").mkdir(exist_ok=True)
    cases = [{"dicom_id": d, "study_id": int(s), "map": 2 * i} for i, (d, s) in enumerate(zip(rows["dicom_id"], rows["study_id"]))]
    pathlib.Path("data/evaluation/gallery.json").write_text(json.dumps({"examples": cases}))
    put("data/evaluation/queries.parquet", pd.DataFrame({"query": rows["dicom_id"] + "|lung|edema", "answers": [list(rows["dicom_id"][1:])] * len(rows)}))
    np.savez("data/evaluation/maps.npz", np.zeros(2 * len(rows)))
    pathlib.Path("reports/metrics.json").write_text(json.dumps({"n": len(rows)}))
"""  # noqa: E501
TABLES = ["data/texts/a.parquet", "data/images/a.parquet", "data/pixels/a.npy"]
STAGES = {
    "ingest": (["data/raw/L0001/listing.parquet"], TABLES),
    "locate": (["epochs.txt", "data/texts", "data/images"], ["data/locate"]),
    "index": (["data/locate", "data/images"], ["data/index"]),
    "evaluate": (["data/index"], ["data/evaluation"]),
}  # fmt: skip
GITIGNORE = "/data/?*\n!/data/raw/\n/data/raw/*/?*\n!/data/raw/*/*.dvc\n!/data/served/\n/data/served/?*\n!/data/served/champion.dvc\n"  # noqa: E501


class People:
    """A git repository in which the small line has run, with everything committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.run("git", "init", "-q", "-b", "main")
        self.dvc("init", "-q")
        self.dvc("config", "core.autostage", "false")
        self.write(".gitignore", GITIGNORE)
        self.write("line.py", LINE)
        self.write("epochs.txt", "1")
        rows = []
        for name, (deps, outs) in STAGES.items():
            rows += [
                f"  {name}:",
                f"    cmd: python line.py {name}",
                f"    deps: {[*deps, 'line.py']}",
                f"    outs: {outs}",
            ]
        self.write(
            "dvc.yaml", "\n".join(["stages:", *rows, "    metrics: [{reports/metrics.json: {cache: false}}]", ""])
        )
        self.land(PEOPLE)
        self.first = self.go_on("first")

    def land(self, people: dict[int, int]) -> None:
        """Let the listing hold these studies and no others, as `hilum land` and `hilum withdraw` leave it."""
        paths = [f"files/p{str(s)[:2]}/p{s}/s{t}" for t, s in people.items()]
        paths = [*(f"{p}.txt" for p in paths), *(f"{p}/{DICOMS[int(p[-8:])]}.jpg" for p in paths)]
        place = self.folder / "data/raw/L0001/listing.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"path": sorted(paths), "kind": "image"}).to_parquet(place, index=False)
        self.dvc("add", "-q", "data/raw/L0001/listing.parquet")

    def go_on(self, message: str) -> str:
        """Run the line and commit; the commit."""
        self.dvc("repro", "-q")
        return self.commit(message)

    def commit(self, message: str) -> str:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)
        return self.run("git", "rev-parse", "HEAD").strip()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def dvc(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *words)

    def run(self, *words: str) -> str:
        who = {f"GIT_{one}_{key}": "ada" for one in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, **who, "DVC_NO_ANALYTICS": "1", "PATH": path}
        done = subprocess.run(words, cwd=self.folder, text=True, capture_output=True, check=False, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def objects(self) -> dict[str, bytes]:
        """Every object of the cache, by its path."""
        cache = self.folder / ".dvc/cache"
        return {p.relative_to(cache).as_posix(): p.read_bytes() for p in sorted(cache.rglob("*")) if p.is_file()}
