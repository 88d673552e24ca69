"""The order of the stages in a dvc.lock, made what `dvc repro` would have made it.

In: dvc.lock before and after a parallel run. Out: the entries after it, untouched, in another order. DVC appends the
entry of a new stage when the stage ends, so that stages side by side leave it to chance; one after the other they stand
in the order of the line, behind those that were there. Which were there is noted when a run starts, and the note is
kept until a run ends well: a killed one has left new entries in some order. Whoever changed the file by other means in
between made the note worthless, and it is written anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

NOTE = ".hilum/lock_order.json"
_ENTRY = re.compile(r"^  (?! )(.+):\n", re.MULTILINE)


def note_order(root: Path, locks: Sequence[str]) -> None:
    """Note which entries each lock holds, and in which order, before a run adds to it. locks: paths below root."""
    noted = _noted(root)
    for lock in locks:
        held = list(_read(root / lock)[1])
        if lock not in noted or held[: len(noted[lock])] != noted[lock]:
            noted[lock] = held
    _write(root / NOTE, json.dumps(noted, indent=1))


def order_locks(root: Path, lines: Mapping[str, Sequence[str]], *, done: bool) -> None:
    """Put the entries that are new since the note into the order of the line; a file is replaced whole or not touched.

    lines: path of a lock below root -> its stages in order. done: nothing is missing, and the note is not needed again.
    """
    noted = _noted(root)
    for lock, line in lines.items():
        head, entries = _read(root / lock)
        held = noted.get(lock, [])
        order = [*held, *(name for name in line if name not in held)]
        ranks = {name: number for number, name in enumerate(order)}
        ordered = sorted(entries, key=lambda name: ranks.get(name, len(ranks)))
        if ordered != list(entries):
            _write(root / lock, head + "".join(entries[name] for name in ordered))
    if done:
        _write(root / NOTE, json.dumps({lock: held for lock, held in noted.items() if lock not in lines}, indent=1))


def _noted(root: Path) -> dict[str, list[str]]:
    """Path of a lock -> the entries it held; empty where no run has left a note that can be read."""
    try:
        noted: dict[str, list[str]] = json.loads((root / NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return noted


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> tuple[str, dict[str, str]]:
    """What stands in a lock before its first entry, and the entries by name; nothing where there is no lock yet."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    starts = [match.start() for match in _ENTRY.finditer(text)]
    ends = [*starts[1:], len(text)][: len(starts)]
    blocks = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return text[: starts[0]] if starts else text, {_ENTRY.match(block)[1]: block for block in blocks}  # type: ignore[index]
