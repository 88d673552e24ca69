"""`hilum encode` on the tree of the finished line: the vectors of `embed`, without a landing and without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from hilum.schema import EMBEDDINGS
from tests.pipeline.conftest import Checkout

KEY = list(EMBEDDINGS.key)


def test_the_tree_of_the_line_gives_the_vectors_of_the_line(line: Checkout, tmp_path: Path) -> None:
    out, before = tmp_path / "vectors.parquet", line.run("git", "status", "--short").stdout
    said = line.run("hilum", "encode", "data/raw/L0001/tree", "--out", str(out)).stdout
    parts = [pd.read_parquet(path) for path in sorted((line.folder / "data/embeddings").glob("*.parquet"))]
    expected = pd.concat(parts).sort_values(KEY, na_position="first", ignore_index=True)
    found = pd.read_parquet(out)  # so small a tree is one partition: other batches, and so other last bits
    pd.testing.assert_frame_equal(found.drop(columns="embedding"), expected.drop(columns="embedding"))
    assert np.allclose(np.stack(found["embedding"]), np.stack(expected["embedding"]), atol=1e-5)
    assert f"{len(expected)} vectors" in said
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.parquet"]
    assert line.run("git", "status", "--short").stdout == before


def test_what_is_broken_is_left_out_and_counted(line: Checkout, tmp_path: Path) -> None:
    tree, out = tmp_path / "tree", tmp_path / "vectors.parquet"
    studies = sorted({path.parent for path in (line.folder / "data/raw/L0001/tree").glob("files/p10/p*/s*/*.jpg")})[:3]
    for study in studies:
        target = tree / study.relative_to(line.folder / "data/raw/L0001/tree")
        shutil.copytree(study, target)
        shutil.copy(study.with_suffix(".txt"), target.with_suffix(".txt"))
    target.with_suffix(".txt").write_text("")
    said = line.run("hilum", "encode", str(tree), "--out", str(out), "--model", "data/locate").stdout
    found = pd.read_parquet(out)
    assert set(found["study_id"]) == {int(study.name[1:]) for study in studies[:2]}
    assert "'empty_report': 1" in said


def test_what_cannot_be_encoded_is_told_and_leaves_nothing(line: Checkout, tmp_path: Path) -> None:
    folder, tree = tmp_path / "folder", tmp_path / "tree"
    folder.mkdir()
    (tree / "files/p10/p10000001").mkdir(parents=True)
    (tree / "files/p10/p10000001/s50000001.txt").write_text("")
    out = tmp_path / "out.parquet"
    out.write_text("of another day")
    for source, code, told in ((folder, 2, "has no folder 'files'"), (tree, 3, "no usable image or report")):
        done = line.run("hilum", "encode", str(source), "--out", str(out), check=False)
        assert (done.returncode, told in done.stdout) == (code, True), done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "out.parquet", "tree"]
    assert out.read_text() == "of another day"
