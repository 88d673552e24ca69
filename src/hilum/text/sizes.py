"""Lengths in a sentence: "3.5 cm", "1.2 x 0.8 cm", "2-3 cm".

In: a sentence in plain form. Out: where each length stands and its largest number in mm. What is no size of a finding
is left out: a distance ("4 cm above the carina", "withdrawn by 2 cm") and a length of an earlier study ("previously
8 mm"). A level (T12), an age or a date has no unit of length.
"""

from __future__ import annotations

import re

from hilum.vocabulary.language.qualities import load_qualities

_NUMBER = r"(?:\d{1,3}(?:\.\d{1,2})?|\.\d{1,2})"
_UNIT = r"(?:mm|cm|millimeters?|centimeters?|millimetres?|centimetres?)"
_LENGTH = re.compile(
    rf"(?<![\w.])(?:{_NUMBER}\s?(?:{_UNIT}\s)?(?:x|by|\u00d7)\s?){{0,2}}"  # "1.2 x 0.8 cm", "4.6 cm x 3.7 cm"
    rf"(?:(?P<low>{_NUMBER})\s(?:to\s)?)?(?P<last>{_NUMBER})\s?{_UNIT}(?!\w)"  # "2-3 cm", whose hyphen is a space here
)
_PART = re.compile(rf"({_NUMBER})\s?({_UNIT})?")
_NEAR_BEFORE = 2
_FILLERS = frozenset({"by", "approximately", "about", "an", "a", "roughly", "another", "additional", "at", "least"})
_SKIPPED = frozenset({"of", "or", "so", "leftward", "rightward", "too"})


def find_sizes(sentence: str) -> list[tuple[int, int, float]]:
    """(first character, one past the last, mm) of every length that can be a finding's size."""
    if "mm" not in sentence and "cm" not in sentence and "timet" not in sentence and "limet" not in sentence:
        return []
    words = load_qualities()
    sizes = []
    for match in _LENGTH.finditer(sentence):
        behind = _before(sentence[: match.start()])
        ahead = next((word for word in sentence[match.end() :].split(None, 4)[:4] if word not in _SKIPPED), "")
        size_mm = _largest(match)
        is_distance = ahead.strip(".,;:") in words.distances or not (words.distances | words.earlier).isdisjoint(behind)
        if size_mm > 0 and not is_distance:
            sizes.append((match.start(), match.end(), size_mm))
    return sizes


def _before(text: str) -> list[str]:
    """The last words of a text, no further back than a comma or stop."""
    near: list[str] = []
    for word in reversed(text.rsplit(None, 5)[-5:]):
        if word[-1] in ",.;:" or len(near) == _NEAR_BEFORE:
            break
        if word not in _FILLERS:
            near.append(word)
    return near


def _largest(match: re.Match[str]) -> float:
    """The largest number in mm; one without a unit has that of the next one that has."""
    largest, unit = 0.0, ""
    start = match.start()
    if match["low"] and float(match["low"]) >= float(match["last"]):  # no range: "ribs 4-6, 5 mm"
        start = match.start("last")
    for number, own in reversed(_PART.findall(match.string[start : match.end()])):
        unit = own or unit
        largest = max(largest, float(number) * (10.0 if unit.startswith("c") else 1.0))
    return round(largest, 2)
