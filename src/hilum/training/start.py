"""Where training starts: from scratch, or from the model that is promoted (a warm start).

In: data/start.json, which git holds, and beside it the folder `start` with the files that it names. Out: None, or the
folder. The digests in the note are what dvc.lock records, so that a checkpoint's lock says which weights it began from;
the folder itself belongs to DVC (start.dvc) and is there only where the note names files.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hilum.errors import BadDataError, UsageError

MODEL, TOKENIZER = "model", "tokenizer"


def find_start(note: Path) -> Path | None:
    """The folder that training starts from, its files checked; None for a start from scratch.

    Raises UsageError if the note is missing or not of its form, BadDataError if a file is missing or another one.
    """
    try:
        files = json.loads(note.read_text(encoding="utf-8"))["files"]
        digests = {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{note} is missing or broken ({type(error).__name__}); `git checkout {note}`.") from None
    if not digests:
        return None
    folder = note.with_suffix("")
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            raise BadDataError(f"{path} is not here, and training starts from it. Run `dvc checkout {folder}.dvc`.")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            raise BadDataError(
                f"{path} has sha256 {found[:12]}; {note} says {digest[:12]}. Run `dvc checkout --force`."
            )
    return folder
