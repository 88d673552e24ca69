"""The small files in git that say what a checkout holds: landings, partitions and landings.yaml.

data/landings/<L>.json is the truth: which collection, how cut, who is withdrawn. data/partitions/<P>.json and
data/landings.yaml follow from it and from the listings (settle.py). No descriptor holds a machine path.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hilum.errors import UsageError
from hilum.tables import write_text

LANDINGS_FOLDER = Path("data/landings")
PARTITIONS_FOLDER = Path("data/partitions")
LANDINGS_FILE = Path("data/landings.yaml")
PHANTOM = "phantom"

_LANDING = r"^L[0-9]{4}$"
_PARTITION = r"^L[0-9]{4}-p1[0-9]-p1[0-9]$"


class Descriptor(BaseModel):
    """Base of the descriptors: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Landing(Descriptor):
    """What arrived at one time. source: the folder's name only. A withdrawal is a landing without partitions.

    generated: hilum makes the files itself (the phantom stage), so its counts are not known here. withdrawn_*: of a
    withdrawal, the ids that are to be forgotten; of a landing with files, those of them that it held: its listing, its
    tables and, where it is generated, its tree leave them out.
    """

    landing: str = Field(pattern=_LANDING)
    collection: str
    source: str
    generated: bool = False
    partitions: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    listing_sha256: str | None = None
    withdrawn_subjects: tuple[int, ...] = ()
    withdrawn_studies: tuple[int, ...] = ()


class Partition(Descriptor):
    """The part of a landing that one stage run handles.

    superseded_paths: files of studies that a later landing brought again. withdrawn_*: ids to be left out without
    a trace. All sorted.
    """

    partition: str = Field(pattern=_PARTITION)
    landing: str = Field(pattern=_LANDING)
    shards: tuple[str, ...]
    superseded_paths: tuple[str, ...] = ()
    withdrawn_studies: tuple[int, ...] = ()
    withdrawn_subjects: tuple[int, ...] = ()


Model = TypeVar("Model", bound=Descriptor)


def read_landings(root: Path) -> list[Landing]:
    """All landings of a checkout, oldest first."""
    return [_read(path, Landing) for path in sorted((root / LANDINGS_FOLDER).glob("L*.json"))]


def read_landing(path: Path) -> Landing:
    """One landing. Raises UsageError if the file is missing or not of its form."""
    return _read(path, Landing)


def read_partition(path: Path) -> Partition:
    """One partition. Raises UsageError if the file is missing or not of its form."""
    return _read(path, Partition)


def write_descriptor(path: Path, descriptor: Descriptor) -> bool:
    """Write a descriptor as JSON; a file that already says the same is left alone. Returns whether it was written."""
    text = json.dumps(descriptor.model_dump(mode="json"), indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def next_landing_name(landings: Sequence[Landing]) -> str:
    """The name of the landing after the last: L0001, L0002 ..."""
    return f"L{max((int(row.landing[1:]) for row in landings), default=0) + 1:04d}"


def read_collection(root: Path) -> str:
    """The collection that a checkout holds. Raises UsageError outside a checkout."""
    return str(_load_yaml(root)[1]["collection"])


def write_landings_file(root: Path, collection: str, landings: Sequence[Landing]) -> bool:
    """Bring data/landings.yaml up to date; its comments stay. Returns whether it was written."""
    from ruamel.yaml.comments import CommentedMap

    yaml, data = _load_yaml(root)
    generated = [row.landing for row in landings if row.generated]
    rows = {name: {"landing": row.landing} for row in landings for name in row.partitions}
    if (data["collection"], list(data["generated"]), _plain(data["partitions"])) == (collection, generated, rows):
        return False
    data["collection"] = collection
    data["generated"][:] = generated
    partitions = data["partitions"]
    partitions.clear()
    for name in sorted(rows):
        row = CommentedMap(rows[name])
        row.fa.set_flow_style()
        partitions[name] = row
    buffer = io.StringIO()
    yaml.dump(data, buffer)
    write_text(root / LANDINGS_FILE, buffer.getvalue())
    return True


def _plain(partitions: Any) -> dict[str, dict[str, str]]:
    return {str(name): dict(row) for name, row in partitions.items()}


def _load_yaml(root: Path) -> tuple[Any, Any]:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        data = yaml.load((root / LANDINGS_FILE).read_text(encoding="utf-8"))
        data["collection"], data["generated"], data["partitions"].items()
    except FileNotFoundError:
        raise UsageError(f"{LANDINGS_FILE} is not here; run hilum in the root of a hilum checkout.") from None
    except (KeyError, TypeError, AttributeError):
        raise UsageError(
            f"{LANDINGS_FILE} lacks collection, generated or partitions; `git checkout {LANDINGS_FILE}` restores it."
        ) from None
    return yaml, data


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"{path} is not here; `git checkout` restores what `hilum land` wrote.") from None
    except ValidationError as error:
        rows = [f"{'.'.join(str(p) for p in e['loc']) or 'the file'}: {e['msg']}" for e in error.errors()]
        raise UsageError(f"{path}: {'; '.join(rows)}. Restore it with `git checkout`.") from None
