"""Many prompts asked of one model, so that no answer is lost: not to a failure of another, nor to a killed run.

In: a model, named prompts, a file. Out: an answer or the reason of its failure for each, in the order asked. Each
answer is added to the file as it comes; a run that is begun again asks only what is not in it. The file holds what
models made of report text: it lies beside the stage's output under a hidden name, and goes when that is written, so
that of a patient who is withdrawn nothing is left once the line has run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hilum.errors import BadDataError
from hilum.explanation.models import Model, ModelError

log = logging.getLogger(__name__)

IN_A_ROW = 10  # failures after which a server is taken to be down, and the run ends with what it has


@dataclass(frozen=True)
class Answer:
    """text: None if there is none; failure: then why, in a few words."""

    text: str | None
    failure: str | None = None


class Journal:
    """The answers that were given, in a file of JSON lines; without a file, in memory alone."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._lock = path, threading.Lock()
        self._answers: dict[str, str] = {}
        if path is not None and path.is_file():
            for line in path.read_bytes().splitlines():
                try:
                    row = json.loads(line)
                    self._answers[row["key"]] = row["text"]
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a run that was killed as it wrote

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str) -> str | None:
        """The answer under a key."""
        return self._answers.get(key)

    def add(self, key: str, text: str) -> None:
        """Keep an answer, on the disk before this returns."""
        with self._lock:
            self._answers[key] = text
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("ab") as handle:
                    handle.write(b"\n" + json.dumps({"key": key, "text": text}).encode())

    def forget(self) -> None:
        """Remove the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def ask_all(model: Model, names: Sequence[str], prompts: Sequence[str], journal: Journal) -> list[Answer]:
    """Ask every prompt that the journal does not answer, equal ones once. names: for the log, no report text.

    Raises BadDataError if IN_A_ROW prompts fail one after the other, or all of them: the model cannot be reached.
    """
    state = _State(journal)

    def ask(item: tuple[str, str]) -> Answer:
        name, prompt = item
        key = hashlib.sha256(f"{model.identity}\0{prompt}".encode()).hexdigest()
        known = journal.find(key)
        if known is not None:
            return Answer(known)
        state.stop_if_down()
        try:
            text = model.complete(prompt)
        except ModelError as error:
            log.warning("%s: %s", name, error)
            state.failed(str(error))
            return Answer(None, str(error))
        journal.add(key, text)
        state.answered()
        return Answer(text)

    pool = ThreadPoolExecutor(model.parallel)
    try:
        once = {prompt: name for name, prompt in reversed(list(zip(names, prompts, strict=True)))}
        unique = [(once[prompt], prompt) for prompt in dict.fromkeys(prompts)]
        asked = tqdm(pool.map(ask, unique), total=len(unique), unit=" answers", disable=None, leave=False)
        found = {prompt: answer for (_, prompt), answer in zip(unique, asked, strict=True)}
    finally:
        pool.shutdown(cancel_futures=True)
    if found and not any(answer.text is not None for answer in found.values()):
        raise state.down()
    return [found[prompt] for prompt in prompts]


class _State:
    """How many failed one after the other, in all threads together."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._lock = journal, threading.Lock()
        self._n, self._reason = 0, ""

    def answered(self) -> None:
        with self._lock:
            self._n = 0

    def failed(self, reason: str) -> None:
        with self._lock:
            self._n, self._reason = self._n + 1, reason

    def stop_if_down(self) -> None:
        if self._n >= IN_A_ROW:
            raise self.down()

    def down(self) -> BadDataError:
        kept = f"{len(self._journal)} answers are kept" if len(self._journal) else "No answer has come so far"
        return BadDataError(
            f"The language model gave no answer to {self._n} prompts in a row, the last time: {self._reason}. {kept}: "
            f"mend or start what params.yaml names under `explain`, and run this again; or set its client to consensus."
        )
