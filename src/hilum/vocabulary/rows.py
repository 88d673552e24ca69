"""Read the vocabulary's YAML rows and say plainly which one is wrong.

In: the name of a file below this folder. Out: checked rows. Light on purpose (no pydantic): every verb imports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml

from hilum.errors import BadDataError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_rows(name: str, key: str) -> list[dict[str, Any]]:
    """The rows under `key` of one vocabulary file. Raises BadDataError naming the file."""
    text = files("hilum.vocabulary").joinpath(name).read_text(encoding="utf-8")
    try:
        rows = yaml.load(text, Loader=_Loader)[key]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise BadDataError(f"vocabulary/{name} cannot be read: {error}. It needs a list under '{key}'.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadDataError(f"vocabulary/{name}: '{key}' is not a list of rows.")
    return rows


def check_keys(name: str, row: Mapping[str, Any], needed: Sequence[str], allowed: Sequence[str]) -> None:
    """Raise BadDataError if a row lacks a key or has one that is not known."""
    missing = [k for k in needed if k not in row]
    unknown = [k for k in row if k not in needed and k not in allowed]
    if missing or unknown:
        raise BadDataError(
            f"vocabulary/{name}: row {next(iter(row.values()), '(empty)')!r} lacks {missing or 'nothing'} and has "
            f"unknown keys {unknown or 'none'}; allowed are {[*needed, *allowed]}."
        )


def check_value(name: str, row: str, what: str, value: object, allowed: Sequence[str]) -> None:
    """Raise BadDataError if `value` is not one of `allowed`."""
    if value not in allowed:
        raise BadDataError(
            f"vocabulary/{name}: row {row!r} has {what} {value!r}; allowed are {list(allowed)}. Correct the row."
        )


def words(name: str, row: str, value: object) -> tuple[str, ...]:
    """A list of lower-case, non-empty phrases. Raises BadDataError: an empty phrase would match everywhere."""
    phrases = value if isinstance(value, list) else [value]
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.strip() or phrase != phrase.lower():
            raise BadDataError(
                f"vocabulary/{name}: row {row!r} has the phrase {phrase!r}; phrases are lower-case text, never empty "
                f"(quote words that YAML reads as true, false or a number)."
            )
    return tuple(phrases)
