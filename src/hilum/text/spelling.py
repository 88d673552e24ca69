"""Misspelt words of findings and places: a letter missing, added, or exchanged with its neighbour; a wrong vowel.

In: words known, and which of them are worth mending. Out: for a word that is not known, the one that it is meant to be,
or the word itself. Only long words are mended, and the first and the last letter must be right: so a plural is never
taken for a misspelt singular, and "infusion" never for "effusion". A wrong consonant makes another word too often
("contusion", "confusion") to be mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SHORTEST = 7
VOWELS = frozenset("aeiouy")
MEMO_SIZE = 100_000


class Speller:
    """Mends misspelt words, and remembers those it has looked at."""

    def __init__(self, known: Iterable[str], mended: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._mended = frozenset(word for word in mended if len(word) >= SHORTEST and word.isalpha())
        self._ends = frozenset((word[0], word[-1]) for word in self._mended)
        self._longest = max(map(len, self._mended), default=0)
        self._memo: dict[str, str] = {}
        self._shortened: dict[str, str | None] = {}
        for word in sorted(self._mended):
            for short in _shortened(word):
                self._shortened[short] = None if self._shortened.get(short, word) != word else word

    def mend(self, words: list[str]) -> list[str]:
        """The words as they were meant."""
        return [word if len(word) < SHORTEST - 1 or word in self._known else self._look_up(word) for word in words]

    def _look_up(self, word: str) -> str:
        meant = self._memo.get(word)
        if meant is None:
            if len(self._memo) > MEMO_SIZE:
                self._memo.clear()
            meant = self._memo[word] = self._find(word)
        return meant

    def _find(self, word: str) -> str:
        if (word[0], word[-1]) not in self._ends or len(word) > self._longest + 1 or not word.isalpha():
            return word
        missing = self._shortened.get(word)
        found = {missing} if missing else set[str]()
        for short in _shortened(word):
            if short in self._mended:
                found.add(short)
            elif (other := self._shortened.get(short)) is not None and _is_slip(word, other):
                found.add(other)
        found = {other for other in found if (other[0], other[-1]) == (word[0], word[-1])}
        return found.pop() if len(found) == 1 else word


def _is_slip(word: str, meant: str) -> bool:
    """Whether two words of one length differ in one vowel, or in the order of two neighbours."""
    wrong = [at for at, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b]
    if len(wrong) == 1:
        return word[wrong[0]] in VOWELS and meant[wrong[0]] in VOWELS
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    return (word[wrong[0]], word[wrong[1]]) == (meant[wrong[1]], meant[wrong[0]])


def _shortened(word: str) -> Iterator[str]:
    """The word without one of its letters."""
    return (word[:i] + word[i + 1 :] for i in range(len(word)))
