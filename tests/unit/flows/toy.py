"""A small line in a git repository, with a served part in a second dvc.yaml, as the real one has it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.flows.conftest import Checkout

GITIGNORE = (Path(__file__).resolve().parents[3] / ".gitignore").read_text()
LANDINGS = """
collection: toy
generated: []
partitions:
  L0001-a: {landing: L0001}
  L0001-b: {landing: L0001}
"""
DVC_YAML = """
vars:
  - data/landings.yaml
stages:
  images:
    foreach: ${partitions}
    do:
      cmd: >-
        mkdir -p data/images &&
        cat data/raw/${item.landing}/listing.txt parts/${key}.txt src/hilum/vocabulary/*/*.yaml
        > data/images/${key}.parquet
      deps: ["parts/${key}.txt", "data/raw/${item.landing}/listing.txt", src/hilum/vocabulary]
      outs: ["data/images/${key}.parquet"]
  validate:
    cmd: "mkdir -p data/validation && echo '{\\"verdict\\": \\"green\\"}' > data/validation/validation.json"
    deps: [data/images]
    outs: [data/validation/validation.json]
  tokenize:
    cmd: mkdir -p data/tokenizer && cat data/images/* > data/tokenizer/tokenizer.json
    deps: [data/images, data/validation/validation.json]
    outs: [data/tokenizer]
  locate:
    cmd: mkdir -p data/locate && cat weights.txt data/tokenizer/tokenizer.json > data/locate/model.safetensors
    deps: [weights.txt, data/tokenizer]
    outs: [data/locate]
  embed:
    foreach: ${partitions}
    do:
      cmd: python src/embed.py data/locate data/images/${key}.parquet data/embeddings/${key}.parquet
      deps: [data/locate, "data/images/${key}.parquet", src/embed.py]
      outs: ["data/embeddings/${key}.parquet"]
  index:
    cmd: python src/index.py data/embeddings data/locate data/index
    deps: [data/embeddings, data/locate, src/index.py]
    outs: [data/index]
  evaluate:
    cmd: mkdir -p reports && cat weights.json > reports/metrics.json
    deps: [data/index, weights.json]
    metrics:
      - reports/metrics.json:
          cache: false
artifacts:
  search:
    path: data/served
    type: model
"""
SERVED_YAML = """
vars:
  - ../landings.yaml
stages:
  embed:
    foreach: ${partitions}
    do:
      wdir: ../..
      cmd: >-
        python src/embed.py data/served/champion/model data/images/${key}.parquet data/served/embeddings/${key}.parquet
      deps: [data/served/champion, "data/images/${key}.parquet", src/embed.py]
      outs: ["data/served/embeddings/${key}.parquet"]
  index:
    wdir: ../..
    cmd: python src/index.py data/served/embeddings data/served/champion/model data/served/index
    deps: [data/validation/validation.json, data/served/embeddings, src/index.py]
    outs: [data/served/index]
"""
EMBED = """
import pathlib, sys
model, images, out = map(pathlib.Path, sys.argv[1:])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_bytes((model / "model.safetensors").read_bytes() + images.read_bytes())
"""
INDEX = """
import hashlib, json, pathlib, sys
embeddings, model, out = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
(out / "global.faiss").write_bytes(b"".join(p.read_bytes() for p in sorted(embeddings.iterdir())))
digest = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
(out / "index.json").write_text(json.dumps({"model_id": digest[:16]}))
"""
SERVED = "data/served/dvc.yaml"


class ServedCheckout(Checkout):
    """A git repository whose first commit holds a line that has run, and nothing served yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@hilum.invalid")
        self.dvc("init", "-q")
        self.dvc("config", "core.autostage", "false")
        self.write(".gitignore", GITIGNORE)
        self.write("data/landings.yaml", LANDINGS)
        self.write("dvc.yaml", DVC_YAML)
        self.write(SERVED, SERVED_YAML)
        self.write("src/embed.py", EMBED)
        self.write("src/index.py", INDEX)
        self.write("src/hilum/vocabulary/concepts/findings.yaml", "- effusion\n")
        for key in ("L0001-a", "L0001-b", "L0002-a"):
            self.write(f"parts/{key}.txt", f"{key}\n")
        self.listing("L0001")
        self.train("first", 0.5)
        self.commit("start")

    def listing(self, landing: str) -> None:
        self.write(f"data/raw/{landing}/listing.txt", f"files of {landing}\n")
        self.dvc("add", "-q", f"data/raw/{landing}/listing.txt")

    def train(self, weights: str, alpha: float) -> None:
        """Make the line come out with other weights, and run it."""
        self.write("weights.txt", weights)
        metrics = {"retrieval": {"alpha": alpha}, "objective": "rra_vl", "collection": "toy"}
        self.write("weights.json", json.dumps(metrics))
        self.repro()

    def serve(self) -> None:
        """Serve the model that the line has made, and commit that."""
        shutil.copytree(self.folder / "data/locate", self.folder / "data/served/champion/model")
        self.dvc("add", "-q", "data/served/champion")
        self.repro_served()
        self.commit("served")

    def repro_served(self) -> dict[str, str]:
        """Stage -> run or restore, for the stages that `dvc repro data/served/dvc.yaml` brought up to date."""
        out = self.dvc("repro", SERVED)
        did = dict.fromkeys(re.findall(r"^Running stage '(.+?)'", out, re.MULTILINE), "run")
        return did | dict.fromkeys(re.findall(r"^Stage '(.+?)' is cached", out, re.MULTILINE), "restore")

    def dvc_fails(self, *words: str) -> str:
        """What a command of DVC says that fails."""
        with pytest.raises(AssertionError) as failure:
            self.dvc(*words)
        return str(failure.value)

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.folder, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    @classmethod
    def copy(cls, template: ServedCheckout, folder: Path) -> ServedCheckout:
        """A checkout of its own, as the template stands."""
        checkout = cls.__new__(cls)
        checkout.folder = folder
        shutil.copytree(template.folder, folder, symlinks=True, dirs_exist_ok=True)
        return checkout

    @classmethod
    def clone(cls, url: Path, folder: Path) -> ServedCheckout:
        """What git holds, in another place, and nothing that DVC holds."""
        subprocess.run(["git", "clone", "-q", str(url), str(folder)], check=True)
        checkout = cls.__new__(cls)
        checkout.folder = folder
        return checkout
