"""Patterns of words: "(mild|small|) effusion(|s)" with choices, "heart .. enlarged" with a gap.

In: one pattern. Out: every phrase it stands for. Pure strings.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product

from hilum.errors import BadDataError

GAP = " .. "
_CHOICE = re.compile(r"\(([^()]*)\)")


@cache
def expand(pattern: str) -> tuple[str, ...]:
    """Every phrase that a pattern without a gap stands for, in the order written, white space tidied.

    Raises BadDataError where a bracket is not closed or nested, or a phrase comes out empty.
    """
    pieces = _CHOICE.split(pattern)
    if any("(" in piece or ")" in piece or ".." in piece for piece in pieces):
        raise BadDataError(
            f"vocabulary: the pattern {pattern!r} has a bracket that is nested or not closed, or a gap without spaces."
        )
    choices = [[piece] if i % 2 == 0 else piece.split("|") for i, piece in enumerate(pieces)]
    phrases = tuple(dict.fromkeys(" ".join("".join(words).split()) for words in product(*choices)))
    if "" in phrases:
        raise BadDataError(f"vocabulary: the pattern {pattern!r} allows an empty phrase, which would match everywhere.")
    return phrases


@cache
def split_parts(pattern: str) -> tuple[tuple[str, ...], ...]:
    """The phrases of each part of a pattern; one part if it has no gap."""
    return tuple(expand(part) for part in pattern.split(GAP))
