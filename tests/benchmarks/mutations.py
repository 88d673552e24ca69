"""Reports made strange: what typing, copying, de-identification and hostility do to a text.

In: reports and a generator. Out: another text of at most MAX_CHARS characters, not empty only by chance. The same seed
gives the same text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache

from hilum.vocabulary.language import load_cues, load_places, load_sections
from hilum.vocabulary.language.phrases import split_parts
from hilum.vocabulary.language.terms import load_terms

MAX_CHARS = 20_000
CONTROLS = "\x00\x07\x0b\x0c\r\x1b\x7f\x85\xa0\u00ad\u200b\u2028\u202e\ufeff\ufffd\u0301\U0001f600"
PIECES = (
    *(" ", "\n", "\n\n", "\t", ". ", ".", ", ", "; ", ": ", "?", "!", '"', "/", "-", "(", ")", "*", "\u2022 ", "'s "),
    *(" ___ ", "XXXX", "____", "1. ", " 2) ", "3.5 cm ", "4 x 5 mm ", " and ", " or ", " no ", "Dr. ", "T12."),
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")

Mutation = Callable[[str, random.Random, Sequence[str]], str]


@cache
def vocabulary() -> tuple[str, ...]:
    """Every phrase of the findings (each part of those with gaps), places and assertion cues."""
    terms = [pattern for finding in load_terms() for pattern in (*finding.terms, *finding.normal, *finding.not_terms)]
    patterns = [*terms, *(p for row in load_places() for p in row.phrases)]
    patterns += [p for row in load_cues().assertions for p in row.phrases]
    return tuple(dict.fromkeys(phrase for pattern in patterns for part in split_parts(pattern) for phrase in part))


@cache
def headers() -> tuple[str, ...]:
    """Every name of a section, as a header in capitals."""
    return tuple(f"{name.upper()}:" for row in load_sections().rows for name in row.names)


def mutate(texts: Sequence[str], rng: random.Random) -> str:
    """A report drawn from the texts and changed a few times, now and then very often."""
    text = rng.choice(texts)
    for _ in range(min(60, 1 + int(rng.expovariate(0.2)))):
        text = rng.choice(MUTATIONS)(text, rng, texts)[:MAX_CHARS]
    return text


def _cut(text: str, rng: random.Random, longest: int) -> tuple[int, int]:
    start = rng.randrange(len(text) + 1)
    return start, min(len(text), start + 1 + rng.randrange(longest))


def _insert(text: str, rng: random.Random, piece: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + piece + text[at:]


def _of(units: list[str], joint: str, rng: random.Random) -> str:
    """Delete, double or swap some of the units that a text is made of."""
    if len(units) < 2:
        return joint.join(units)
    for _ in range(rng.randint(1, 3)):
        first, second = rng.randrange(len(units)), rng.randrange(len(units))
        what = rng.randrange(3)
        if what == 0 and len(units) > 1:
            del units[first]
        elif what == 1:
            units.insert(second % len(units), units[first])
        else:
            second %= len(units)
            units[first], units[second] = units[second], units[first]
        if len(units) < 2:
            break
    return joint.join(units)


def characters(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Delete, double or move a run of characters."""
    start, end = _cut(text, rng, 20)
    gone = text[:start] + text[end:]
    return rng.choice((gone, text[:end] + text[start:], _insert(gone, rng, text[start:end])))


def words(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Delete, double or swap words."""
    return _of(text.split(" "), " ", rng)


def lines(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Delete, double or swap lines."""
    return _of(text.split("\n"), "\n", rng)


def paragraphs(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Delete, double or swap paragraphs, which is to say sections."""
    return _of(_PARAGRAPH.split(text), "\n\n", rng)


def splice(text: str, rng: random.Random, texts: Sequence[str]) -> str:
    """The beginning of one report and the end of another."""
    other = rng.choice(texts)
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


def phrases(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Words of the vocabulary put anywhere, sometimes a great many in a row."""
    n_phrases = rng.choice((1, 1, 2, 5, 20, 200))
    return _insert(text, rng, "".join(f" {rng.choice(vocabulary())}{rng.choice(PIECES)}" for _ in range(n_phrases)))


def pieces(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Punctuation, gaps of de-identification, numbers and small words put anywhere."""
    return _insert(text, rng, "".join(rng.choice(PIECES) for _ in range(rng.choice((1, 2, 8, 64)))))


def header(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """A header put anywhere: on a line of its own, in a line, in small letters, misspelt."""
    name = rng.choice(headers())
    if rng.random() < 0.3:
        at = rng.randrange(len(name))
        name = name[:at] + rng.choice("ABC XYZ1") + name[at + 1 :]
    return _insert(
        text, rng, rng.choice(("\n", "\n ", " ", "")) + rng.choice((name, name.lower())) + rng.choice((" ", "\n"))
    )


def controls(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """Control characters, joiners, odd spaces, letters of other scripts."""
    letters = "".join(rng.choice(CONTROLS + chr(rng.randrange(32, 0xD7FF))) for _ in range(rng.randint(1, 12)))
    return _insert(text, rng, letters)


def run(text: str, rng: random.Random, texts: Sequence[str]) -> str:
    """One character, word or sentence many times over."""
    unit = rng.choice(
        (rng.choice(PIECES), rng.choice(vocabulary()) + " ", rng.choice(".,_ \nA1x("), rng.choice(texts)[:80])
    )
    return _insert(text, rng, unit * rng.choice((3, 30, 300, 3000)))


def letters(text: str, rng: random.Random, _: Sequence[str]) -> str:
    """All in capitals, all small, one line, one word a line, or a letter for another."""
    at = rng.randrange(len(text) + 1)
    typo = text[:at] + chr(rng.randrange(97, 123)) + text[at + 1 :]
    return rng.choice(
        (text.upper(), text.lower(), " ".join(text.split()), text.replace(" ", "\n"), typo, typo, typo, typo)
    )


def longer(text: str, rng: random.Random, texts: Sequence[str]) -> str:
    """Followed by other reports, up to the longest text that is asked of."""
    size = rng.choice((0, 0, 0, MAX_CHARS // 4, MAX_CHARS))
    while len(text) < size:
        text += rng.choice(("\n", "\n\n", " ")) + rng.choice(texts)
    return text


MUTATIONS: tuple[Mutation, ...] = (
    characters, words, lines, paragraphs, splice, phrases, pieces, header, controls, run, letters, longer,
)  # fmt: skip
