"""A checkout of its own for the tests that run the whole line, with a collection of a few dozen studies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

TINY = {
    "phantom": {"n_subjects": 60, "image_px": 192, "dicom_share": 0.05},
    "validate": {"min_labelled_studies": 2},
    "tokenize": {"vocabulary_size": 400},
    "align": {"epochs": 1, "batch_size": 16},
    "locate": {"epochs": 1, "batch_size": 16},
    "evaluate": {"min_positives": 3, "n_bootstrap": 20},
    "report": {"n_queries": 2},
}


class Checkout:
    """A copy of the working tree, as a git repository of its own, that runs its own code."""

    def __init__(self, folder: Path, root: Path) -> None:
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
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
            self.run("git", *words)

    def set_params(self, changes: dict) -> None:
        yaml, path = YAML(), self.folder / "params.yaml"
        params = yaml.load(path)
        for section, keys in changes.items():
            for key, value in keys.items():
                assert key in params[section], f"params.yaml has no {section}.{key}"
                params[section][key] = value
        yaml.dump(params, path)

    def run(self, *words: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        mine = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.folder / 'src'}{os.pathsep}{self.folder}",
            "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@hilum.invalid",
            "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@hilum.invalid",
        }  # fmt: skip
        done = subprocess.run(
            words, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **mine, **env},
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


def ran(output: str) -> set[str]:
    """Names of the stages a `dvc repro` says it ran."""
    return set(re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE))


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Checkout:
    """A checkout in which the whole line has run once."""
    checkout = Checkout(tmp_path_factory.mktemp("line"), root)
    checkout.repro()
    return checkout
