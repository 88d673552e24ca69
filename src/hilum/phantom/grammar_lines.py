"""Lines of a report file: wrapping, and what happens to text on its way: gaps, typing errors, lost spaces.

In: paragraphs. Out: lines of at most 79 characters that begin with a space, and damaged paragraphs. A gap (`___`, as
de-identification leaves it) swallows only words without which the sentence still says the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hilum.phantom.grammar_rows import Dice, Grammar

WIDTH = 79
RULE = " " + "_" * (WIDTH - 1)
WITH_GAPS = 0.35  # of reports; a real collection has them in nearly half, dates and ages included
WITH_TYPO = 0.03
WITH_LOST_SPACE = 0.04
WITH_STRAY_STOP = 0.03


def wrap(text: str, indent: str = " ") -> list[str]:
    """The paragraph in lines of at most 79 characters, each begun with the indent. Double spaces are kept."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else indent + word
        if len(longer.rstrip()) > WIDTH and line.strip():
            lines.append(line.rstrip())
            longer = indent + word if word else ""
        line = longer
    return [*lines, line.rstrip()] if line.strip() else lines


def centre(text: str) -> str:
    """The title, where MIMIC's reports have it."""
    return " " * 33 + text


def damage(grammar: Grammar, paragraphs: Sequence[str], dice: Dice) -> list[str]:
    """The paragraphs as a report file has them."""
    texts = list(paragraphs)
    if not texts:
        return texts
    if dice.chance(WITH_GAPS):
        for _ in range(dice.number(1, 3)):
            _edit(texts, dice, lambda text: _gap(grammar, text, dice))
    if dice.chance(WITH_TYPO):
        _edit(texts, dice, lambda text: _typo(grammar, text, dice))
    if dice.chance(WITH_LOST_SPACE):
        _edit(texts, dice, lambda text: re.sub(r"([a-z])\. +(?=[A-Z])", r"\1.", text, count=1))
    if dice.chance(WITH_STRAY_STOP):
        texts[-1] += dice.pick((".", " ."))
    return texts


def _edit(texts: list[str], dice: Dice, change: Callable[[str], str]) -> None:
    at = dice.number(0, len(texts) - 1)
    texts[at] = change(texts[at])


def _gap(grammar: Grammar, text: str, dice: Dice) -> str:
    """One unneeded word becomes ___."""
    words = text.split(" ")
    unneeded = grammar.layout["gap_words"]
    at = [i for i, word in enumerate(words) if word.lower() in unneeded]
    if at:
        words[dice.any(at)] = "___"
    return " ".join(words)


def _typo(grammar: Grammar, text: str, dice: Dice) -> str:
    """Two letters of one long word change places, or one is lost."""
    words = text.split(" ")
    unsafe = grammar.layout["unsafe_for_typos"]
    at = [i for i, word in enumerate(words) if len(word) > 6 and word.isalpha() and word.lower() not in unsafe]
    if at:
        i = dice.any(at)
        k = dice.number(2, len(words[i]) - 3)
        word = words[i]
        lost = dice.chance(0.5)
        words[i] = word[:k] + word[k + 1 :] if lost else word[:k] + word[k + 1] + word[k] + word[k + 2 :]
    return " ".join(words)
