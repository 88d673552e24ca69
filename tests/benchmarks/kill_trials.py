"""Runs killed with SIGKILL at random moments: is anything left behind, and does the next run end with the same bytes?

usage: python tests/benchmarks/kill_trials.py [--trials N] [--prefect N] [--kinds KIND ...] [--seed S] [--keep FOLDER]

Runs the line once on a small phantom: the reference. Every trial starts from a copy of it in which a random part of the
stages has been forgotten (outputs, cache, run-cache and lock; in every tenth trial all of them), runs `hilum run --jobs
2`, kills one process at a random moment and runs the same command again. Kinds, N trials each (default 20):

driver   `hilum run` itself, without Prefect: nothing may live on after 2 s
prefect  the same with Prefect's engine and its server for one run (default 5 trials)
stage    a DVC process, its shell, or the command of a stage: the run ends by itself, says so, leaves nothing
worker   a process that a stage has started: likewise, unless the stage can do without it

Then dvc.lock is byte for byte what `dvc repro` would leave there, `hilum plan` has nothing to do, and the files of the
checkout are the reference's: no temporary is among them. One line a trial; a trial that comes out otherwise keeps its
folder.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from material import figure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from flows.checkout import read_seconds  # noqa: E402
from flows.reaper import end_children_with_me  # noqa: E402
from tests.pipeline.conftest import Checkout  # noqa: E402

SMALL = {"phantom": {"n_subjects": 30, "image_px": 128}}
COMMAND = ("hilum", "run", "--jobs", "2", "--engine")
KINDS = ("driver", "prefect", "stage", "worker")
POOLED = ("phantom@", "pack@")  # the stages that start processes
MARK = "HILUM_TRIAL"
ORPHAN_S = 2.0
START_S, PREFECT_S = 2.0, 12.0  # before the first stage starts, about
SHARE = 0.25  # of the stages, forgotten
PARALLEL = 1.3  # how much shorter two at a time are than one after the other, about
LIMIT_S = 900
_KNOWN_SCRATCH = re.compile(r"__pycache__|\.dvc/tmp/|\.hilum/logs/|^\.git/|\.egg-info")


@dataclass
class Trial:
    """What one trial came to. faults: what should not have been."""

    kind: str
    number: int
    victim: str = ""
    faults: list[str] = field(default_factory=list)
    ran_s: float = 0.0
    resumed_s: float = 0.0
    said: str = ""

    def line(self) -> str:
        """The trial in one line."""
        said = f"{self.said}; " if self.said else ""
        end = "; ".join(self.faults) or "as the reference"
        killed = f"{self.kind} {self.number:2}: {self.victim} killed after {self.ran_s:.1f} s"
        return f"{killed}; {said}resumed in {self.resumed_s:.1f} s; {end}"


@dataclass(frozen=True)
class Process:
    """A living process of a trial, as /proc shows it."""

    pid: int
    parent: int
    words: str


class Ground:
    """The finished checkout that trials start from, and what they must come to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start = folder / "reference"
        if not (self.start / "dvc.lock").exists():
            self._make()
        self.lock = (self.start / "dvc.lock").read_text()
        self.stages = yaml.safe_load(self.lock)["stages"]
        self.seconds = read_seconds(self.start)
        self.files = listing(self.start)

    def _make(self) -> None:
        self.start.mkdir(parents=True)
        Checkout(self.start, ROOT).set_params(SMALL)
        began = time.monotonic()
        code, said = finish(launch(self.start, "threads"), self.start)
        if code:
            sys.exit(f"the reference run failed:\n{said}")
        print(f"reference: made in {time.monotonic() - began:.0f} s", flush=True)

    def copy(self, name: str, forget: Sequence[str]) -> Path:
        """A copy in which these stages have never run."""
        folder = self.folder / name
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.start), str(folder)], check=True)
        for stage in forget:
            for out in self.stages[stage]["outs"]:
                remove(folder / out["path"])
        kept = {name: body for name, body in self.stages.items() if name not in forget}
        needed = set(objects(kept))
        for digest in set(objects({name: self.stages[name] for name in forget})) - needed:
            remove(folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:])
        commands = {self.stages[name]["cmd"] for name in forget}
        for path in list((folder / ".dvc/cache/runs").glob("*/*/*")):
            if yaml.safe_load(path.read_text())["cmd"] in commands:
                remove(path.parent)
        (folder / "dvc.lock").write_text(self._lock(forget)[0]) if kept else remove(folder / "dvc.lock")
        return folder

    def expected(self, forget: Sequence[str]) -> str:
        """The lock that `dvc repro` would leave in such a copy: what it makes anew stands behind what was there."""
        return "".join(self._lock(forget))

    def _lock(self, forget: Sequence[str]) -> tuple[str, str]:
        """The reference's lock without the entries of some stages, and those."""
        head, *blocks = re.split(r"^(?=  (?! ).+:\n)", self.lock, flags=re.MULTILINE)
        gone = [block.partition(":\n")[0].strip() in forget for block in blocks]
        kept = "".join(block for block, is_gone in zip(blocks, gone, strict=True) if not is_gone)
        return head + kept, "".join(block for block, is_gone in zip(blocks, gone, strict=True) if is_gone)


def objects(stages: dict) -> Iterator[str]:
    """Digests of the cache's objects that stages wrote."""
    for body in stages.values():
        yield from (out["md5"] for out in body["outs"])


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def launch(folder: Path, engine: str) -> subprocess.Popen[bytes]:
    """Start `hilum run` in a checkout; it marks all that it starts."""
    env = {
        **os.environ, MARK: str(folder), "PREFECT_HOME": str(folder.parent / "prefect"), "HILUM_WORKERS": "2",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}", "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1",
    }  # fmt: skip
    with (folder / ".hilum-said").open("wb") as said:
        return subprocess.Popen(
            [*COMMAND, engine], cwd=folder, env=env, stdout=said, stderr=said, start_new_session=True
        )


def finish(process: subprocess.Popen[bytes], folder: Path) -> tuple[int, str]:
    """Exit code and output of a run."""
    code = process.wait(LIMIT_S)
    return code, (folder / ".hilum-said").read_text(errors="replace")


def alive(folder: Path) -> list[Process]:
    """The processes of a trial: those that carry its mark or stand in its folder."""
    mark, found = f"{MARK}={folder}".encode(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        place = Path("/proc", name)
        try:
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            inside = Path(os.readlink(place / "cwd")).is_relative_to(folder)
            words = words and f"[{(place / 'comm').read_text().strip()}] {words}"
            if words and (inside or mark in (place / "environ").read_bytes().split(b"\0")):
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                found.append(Process(int(name), parent, words))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def victims(kind: str, processes: Sequence[Process]) -> list[Process]:
    """Those of a kind: of the stages, DVC and what it runs; of the workers, what the command of a stage has started."""
    dvc = {p.pid for p in processes if p.words.startswith("[hilum-dvc]")}
    commands = [p for p in processes if p.parent in dvc]
    inner = [p for p in processes if p.parent in {c.pid for c in commands}]
    shells = {p.parent for p in inner if "bin/hilum " in p.words}
    stages = [p for p in [*commands, *inner] if "bin/hilum " in p.words and p.pid not in shells]
    if kind == "worker":
        return [p for p in processes if p.parent in {s.pid for s in stages}]
    return [*(p for p in processes if p.pid in dvc), *commands, *(p for p in inner if p in stages)]


def listing(folder: Path) -> set[str]:
    """The files of a checkout, the logs and scratch files that every run may write left out."""
    paths = (str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
    return {path for path in paths if not _KNOWN_SCRATCH.search(path) and path != ".hilum-said"}


def try_once(ground: Ground, kind: str, number: int, chance: random.Random) -> Trial:
    """One trial. It is begun anew where the run had ended before the moment of the kill."""
    while True:
        trial = Trial(kind, number)
        everything = number % 10 == 9
        forget = [s for s in ground.stages if everything or chance.random() < SHARE]
        if kind == "worker":
            pooled = chance.choice(POOLED)
            forget = [s for s in ground.stages if s.startswith(pooled) or (s in forget and not s.startswith(POOLED))]
        folder = ground.copy(f"{kind}-{number:02}", forget)
        expected = START_S + sum(ground.seconds.get(stage, 1.0) for stage in forget) / PARALLEL
        engine = "prefect" if kind == "prefect" else "threads"
        moment = chance.uniform(0, expected + (PREFECT_S if kind == "prefect" else 0))
        if forget and kill_one(trial, folder, engine, moment, chance):
            resume(trial, folder, ground, ground.expected(forget), engine)
            if not trial.faults:
                shutil.rmtree(folder)
            return trial
        shutil.rmtree(folder)


def kill_one(trial: Trial, folder: Path, engine: str, moment: float, chance: random.Random) -> bool:
    """Run, kill, and look at what is left; False where the run had ended before."""
    began = time.monotonic()
    run = launch(folder, engine)
    if trial.kind == "worker":
        moment = chance.uniform(0, 0.6)  # after the first worker is seen; a pool may not live longer
        while not victims("worker", alive(folder)) and run.poll() is None:
            time.sleep(0.02)
    try:
        run.wait(moment)
        return False
    except subprocess.TimeoutExpired:
        trial.ran_s = time.monotonic() - began
    if trial.kind in ("driver", "prefect"):
        trial.victim = "hilum run"
        run.kill()
        run.wait()
    else:
        while not (found := victims(trial.kind, alive(folder))):
            if run.poll() is not None:
                return False
            time.sleep(0.02)
        chosen = chance.choice(found)
        trial.victim = " ".join(Path(word).name for word in chosen.words.split()[:4])
        try:
            os.kill(chosen.pid, signal.SIGKILL)
        except ProcessLookupError:
            run.wait(LIMIT_S)
            return False
        code, said = finish(run, folder)
        lines = said.strip().splitlines()
        trial.said = f"exit {code}: {lines[-1] if lines else ''}"
        if "Traceback" in said:
            trial.faults.append("a traceback")
        if code and not re.search(r"^hilum: .* was killed", said, re.MULTILINE):
            trial.faults.append("does not say that something was killed")
    time.sleep(ORPHAN_S)
    trial.faults += [f"lives on: {process.words[:80]}" for process in alive(folder)]
    return True


def resume(trial: Trial, folder: Path, ground: Ground, lock: str, engine: str) -> None:
    """Run again and compare with the reference. lock: what dvc.lock must be in the end."""
    began = time.monotonic()
    code, said = finish(launch(folder, engine), folder)
    trial.resumed_s = time.monotonic() - began
    if code:
        trial.faults.append(f"resume failed, exit {code}: {said[-400:]}")
        return
    if (folder / "dvc.lock").read_text() != lock:
        trial.faults.append("another dvc.lock")
    planned = subprocess.run(
        ["hilum", "plan"], cwd=folder, env=plan_environment(folder), capture_output=True, text=True
    )
    if planned.returncode:
        trial.faults.append(f"hilum plan: {planned.stdout.strip()[-200:]}")
    strange = sorted(listing(folder) ^ ground.files)
    if strange:
        trial.faults.append(f"other files: {strange[:5]}")


def plan_environment(folder: Path) -> dict[str, str]:
    """Of a command in a trial's checkout."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"}


def main() -> None:
    """Try and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20, help="of each kind but prefect [20]")
    parser.add_argument("--prefect", type=int, default=5, help="trials with Prefect's engine [5]")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the checkouts; kept, and its reference used again")
    words = parser.parse_args()
    folder = (words.keep or Path(tempfile.mkdtemp(prefix="kills-"))).resolve()
    end_children_with_me()
    began = time.monotonic()
    ground = Ground(folder)
    good = True
    for kind in words.kinds:
        trials = []
        for number in range(words.prefect if kind == "prefect" else words.trials):
            trial = try_once(ground, kind, number, random.Random(f"{words.seed} {kind} {number}"))
            trials.append(trial)
            print(trial.line(), flush=True)
        clean = sum(not trial.faults for trial in trials)
        seen = f"{clean} of {len(trials)} kills left nothing behind and ended as the reference"
        good &= figure(kind, seen, clean == len(trials), "all")
    print(f"{time.monotonic() - began:.0f} s in all")
    if good and not words.keep:
        shutil.rmtree(folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
