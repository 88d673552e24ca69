"""The order of the stages in a dvc.lock, made what `dvc repro` would have made it.

In: dvc.lock after a parallel run. Out: the same entries, untouched, in another order. DVC appends the entry of a new
stage when the stage ends, so that stages side by side leave it to chance; one after the other they stand in the order
of the line. Entries that git already holds keep their places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from flows.repository import file_at

_ENTRY = re.compile(r"^  (?! )(.+):\n", re.MULTILINE)


def order_lock(root: Path, lock: str, line: Sequence[str]) -> None:
    """Put new entries of a lock into the order of the line; the file is replaced whole, or not touched.

    lock: its path below root; nothing is done where there is none yet.
    """
    path = root / lock
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    head, entries = _entries(text)
    held = [name for name in _entries(file_at(root, "HEAD", lock) or "")[1] if name in entries]
    ranks = {name: number for number, name in enumerate([*held, *(name for name in line if name not in held)])}
    ordered = sorted(entries, key=lambda name: ranks.get(name, len(ranks)))
    new = head + "".join(entries[name] for name in ordered)
    if new != text:
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(new, encoding="utf-8")
        temporary.replace(path)


def _entries(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the first entry, and the entries by name."""
    starts = [match.start() for match in _ENTRY.finditer(text)]
    ends = [*starts[1:], len(text)][: len(starts)]
    blocks = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return text[: starts[0]] if starts else text, {_ENTRY.match(block)[1]: block for block in blocks}  # type: ignore[index]
