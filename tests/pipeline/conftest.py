"""A checkout of its own for the tests that run the whole line, with a collection of a few dozen studies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

TINY = {
    "phantom": {"n_subjects": 60, "image_px": 192, "dicom_share": 0.05},
    "pack": {"size_px": 96},
    "validate": {"min_labelled_studies": 2},
    "tokenize": {"vocabulary_size": 400},
    "align": {"epochs": 1, "batch_size": 16},
    "locate": {"epochs": 1, "batch_size": 16},
    "evaluate": {"min_positives": 3, "n_bootstrap": 20},
    "explain": {"n_bootstrap": 20},
    "report": {"n_queries": 2},
    "challenge": {"min_positives": 3, "n_bootstrap": 20},
}


class Checkout:
    """A copy of the working tree, as a git repository of its own, that runs its own code."""

    def __init__(self, folder: Path, root: Path, changes: dict | None = None) -> None:
        """changes: of params.yaml, beside those that make it tiny."""
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        self.set_params(TINY)
        self.set_params(changes or {})
        self.run("git", "init", "-q")
        self.commit("start")

    def set_params(self, changes: dict) -> None:
        yaml, path = YAML(), self.folder / "params.yaml"
        params = yaml.load(path)
        for section, keys in changes.items():
            for key, value in keys.items():
                assert key in params[section], f"params.yaml has no {section}.{key}"
                params[section][key] = value
        yaml.dump(params, path)

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)

    def environment(self, **env: str) -> dict[str, str]:
        """Of a command that runs this checkout's own code."""
        mine = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.folder / 'src'}{os.pathsep}{self.folder}",
            "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@hilum.invalid",
            "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@hilum.invalid",
        }  # fmt: skip
        return {**os.environ, **mine, **env}

    def run(self, *words: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self.environment(**env),
        )  # fmt: skip
        if check:
            assert done.returncode == 0, f"{' '.join(words)} exited {done.returncode}:\n{done.stdout[-6000:]}"
        return done

    def repro(self, *words: str, **env: str) -> set[str]:
        """Run `dvc repro`; returns the stages that ran, foreach keys included."""
        return ran(self.run("dvc", "repro", *words, **env).stdout)

    @property
    def lock(self) -> str:
        return (self.folder / "dvc.lock").read_text()


def copy_of(checkout: Checkout, folder: Path) -> Checkout:
    """A checkout with all that another one has, its cache too; what one does then is nothing to the other."""
    shutil.copytree(checkout.folder, folder, symlinks=True)
    copy = Checkout.__new__(Checkout)
    copy.folder = folder
    return copy


def ran(output: str) -> set[str]:
    """Names of the stages a `dvc repro` says it ran."""
    return set(re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE))


@pytest.fixture
def make_checkout(tmp_path: Path, root: Path) -> Callable[[dict], Checkout]:
    """A checkout of the test's own, with its own params."""
    return lambda changes: Checkout(tmp_path / "checkout", root, changes)


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Checkout:
    """A checkout in which the whole line has run once."""
    checkout = Checkout(tmp_path_factory.mktemp("line"), root)
    checkout.repro()
    return checkout


@pytest.fixture(scope="session")
def landed(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the finished line, committed as `base`, in which new subjects have landed, with truth, and it has run.

    It is committed as `landed`. Nobody changes it: take a copy.
    """
    folder = tmp_path_factory.mktemp("landed")
    copy = copy_of(line, folder / "checkout")
    copy.commit("base")
    copy.run("git", "tag", "base")
    words = ["--listing", str(folder / "listing.parquet"), "--truth", "data/truth/L0002", "--subjects", "16"]
    first = str(TINY["phantom"]["n_subjects"])
    copy.run("hilum", "phantom", "--tree", str(folder / "arrived"), "--first-subject", first, *words)
    copy.run("hilum", "land", str(folder / "arrived"))
    copy.run("hilum", "run", "--engine", "threads", "--jobs", "2")
    copy.commit("landed")
    copy.run("git", "tag", "landed")
    return copy
