"""Words that take up what was named before: "none on the left", "adjacent atelectasis", "more so on the left".

In: the sections standins, emphasis, sparing and nearby of places.yaml. Out: plain words, read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from hilum.vocabulary.rows import check_keys, check_value, read_rows, words

FILE = "language/places.yaml"
CLAIMS = ("absent", "same")


@cache
def load_standins() -> Mapping[str, str]:
    """Word that stands for the finding before it -> what it claims: absent, or the same as that."""
    claims: dict[str, str] = {}
    for row in read_rows(FILE, "standins"):
        check_keys(FILE, row, ("claim", "words"), ())
        check_value(FILE, "standins", "claim", row["claim"], CLAIMS)
        claims |= dict.fromkeys(words(FILE, row["claim"], row["words"]), row["claim"])
    return MappingProxyType(claims)


@cache
def load_nearby() -> frozenset[str]:
    """Words that put a finding beside the one of the sentence before."""
    return _words("nearby")


@cache
def load_emphasis() -> frozenset[str]:
    """Words that tell where more is of what lies on both sides."""
    return _words("emphasis")


@cache
def load_sparing() -> frozenset[str]:
    """Words in front of the place where a finding is not."""
    return _words("sparing")


def _words(key: str) -> frozenset[str]:
    return frozenset(words(FILE, key, [word for row in read_rows(FILE, key) for word in row["words"]]))
