"""DVC leaves out folders that git ignores, by rules of its own: it must find its files in data/."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from dvc.repo import Repo

IGNORED = ("data/manifest/", "data/raw/L0001/tree/", "data/served/index/", "data/truth/L0001/", ".hilum/",
           "data/regions/scene_graph.zip")  # fmt: skip
SEEN = ("data/", "data/raw/", "data/raw/L0002/", "data/served/", "data/landings/", "data/partitions/", "data/truth/",
        "data/regions/", "data/regions/scene_graph.zip.dvc")  # fmt: skip


def test_dvc_finds_what_is_served(root: Path, tmp_path: Path) -> None:
    for name in (".gitignore", "dvc.yaml", "params.yaml", "data/landings.yaml", "data/served/dvc.yaml", ".dvc/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, tmp_path / name)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with closing(Repo(str(tmp_path))) as repo:
        found = {(stage.path_in_repo, stage.name) for stage in repo.index.stages}
        assert ("data/served/dvc.yaml", "index") in found and ("dvc.yaml", "index") in found
        assert {path: repo.scm.is_ignored(path) for path in IGNORED} == dict.fromkeys(IGNORED, True)
        assert {path: repo.scm.is_ignored(path) for path in SEEN} == dict.fromkeys(SEEN, False)
