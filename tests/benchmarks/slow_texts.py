"""The slowest texts that can be made on purpose: 20,000 characters each, of what the reader has to look at most.

usage: python tests/benchmarks/slow_texts.py [KIND ...] [--seed S]

Each kind of text strains one part of the reader: words of the vocabulary without end, with and without clauses;
sentences of three words; parts of patterns with gaps; lists; sizes; headers, known and unknown; runs of stops, spaces,
underscores and line ends; words that no one has seen before. Every text is read with an empty memory of sentences.
Prints the best of three in processor time, and the first, when words and headers are new to the caches. Mark: 50 ms.
"""

from __future__ import annotations

import argparse
import random
import string
import time
from collections.abc import Callable, Iterable

from material import figure
from mutations import CONTROLS, MAX_CHARS, PIECES, headers, vocabulary

from hilum.text.reader import ReportReader
from hilum.vocabulary.language import load_cues, load_places
from hilum.vocabulary.language.phrases import expand, split_parts
from hilum.vocabulary.language.terms import load_terms

MARK_MS = 50.0
Unit = Callable[[random.Random], str]


def shortest(patterns: Iterable[str], n_phrases: int) -> list[str]:
    """The shortest phrases that patterns without a gap stand for: the most hits a character."""
    phrases = {phrase for pattern in patterns if " .. " not in pattern for phrase in expand(pattern)}
    return sorted(phrases, key=lambda phrase: (len(phrase), phrase))[:n_phrases]


CUES = load_cues()
TERMS = shortest((p for row in load_terms() for p in row.terms), 40)
PLACES = shortest((p for row in load_places() for p in row.phrases), 30)
ASSERTIONS = shortest((p for row in CUES.assertions for p in row.phrases), 40)
BOUNDARIES = shortest((p for row in CUES.boundaries for p in row.phrases), 20)
GAPS = [split_parts(p) for row in load_terms() for p in (*row.terms, *row.normal) if " .. " in p]
LETTERS = string.ascii_lowercase


def letters(rng: random.Random, n_letters: int, alphabet: str = LETTERS) -> str:
    """A word that means nothing."""
    return "".join(rng.choice(alphabet) for _ in range(n_letters))


KINDS: dict[str, Unit] = {
    "vocabulary": lambda r: f"{r.choice(vocabulary())} ",
    "vocabulary and pieces": lambda r: f"{r.choice(vocabulary())}{r.choice(PIECES)}",
    "findings": lambda r: f"{r.choice(TERMS)} ",
    "findings and": lambda r: f"{r.choice(TERMS)} and ",
    "findings, or with": lambda r: r.choice(TERMS) + r.choice((", ", " or ", " and ", " with ", "; ", "/")),
    "cues and findings": lambda r: f"{r.choice(ASSERTIONS)} {r.choice(TERMS)} ",
    "clauses": lambda r: f"{r.choice(BOUNDARIES)} {r.choice(TERMS)} {r.choice(PLACES)} ",
    "commas and severities": lambda r: f"{r.choice(TERMS)},{r.choice(('small ', 'mild ', 'new ', 'stable '))}",
    "places": lambda r: f"{r.choice(PLACES)} ",
    "places and": lambda r: r.choice(PLACES[:12]) + r.choice((" and ", ", ", " or ")),
    "mixed": lambda r: f"{r.choice(r.choice((TERMS, PLACES, ASSERTIONS, BOUNDARIES)))} ",
    "patterns with gaps": lambda r: " ".join(r.choice(part) for part in r.choice(GAPS)) + " ",
    "heart normal": lambda r: r.choice(("heart ", "cardiac ", "normal ", "mediastinum ", "is ", "lungs ")),
    "sizes": lambda r: f"{r.randint(1, 99)} x {r.randint(1, 9)} cm {r.choice(('mass', 'nodule'))} ",
    "removed words": lambda r: r.choice(("___ ", "XXXX ", "mass ", "left ", ", ")),
    "sentences of a finding": lambda r: f"no {r.choice(('mass', 'cyst', 'scar', 'copd'))} {letters(r, 2)}. ",
    "sentences with a place": lambda r: f"{r.choice(TERMS)} {r.choice(PLACES)}. ",
    "sentences of a word": lambda r: f"{letters(r, 3)}. ",
    "lists": lambda r: f"{r.randint(1, 9)}. {letters(r, 1)} ",
    "unknown words": lambda r: f"{letters(r, r.randint(2, 9))} ",
    "unknown words with signs": lambda r: f"{letters(r, r.randint(2, 9), LETTERS + '.:;,-/()')} ",
    "one word": lambda r: letters(r, 1),
    "letters and semicolons": lambda r: r.choice(("a;", "b:", "c,")),
    "other scripts": lambda r: letters(r, r.randint(1, 8), "".join(map(chr, range(0xC0, 0x250)))) + " ",
    "control characters": lambda r: r.choice(CONTROLS + "ab "),
    "punctuation": lambda r: r.choice(string.punctuation + "aB1"),
    "stops": lambda r: r.choice(".?!"),
    "dots": lambda r: ".",
    "spaces": lambda r: " ",
    "lines": lambda r: r.choice(("a\n", "\n ", "B\n", "\n")),
    "underscores": lambda r: "_",
    "rules and banners": lambda r: f"{'_' * 10}\n{r.choice(('WET READ', 'ADDENDUM', 'FINAL REPORT', 'a'))}\n",
    "headers": lambda r: f"{r.choice(headers())} a\n",
    "headers in small letters": lambda r: f"{r.choice(headers()).lower()}\n",
    "unknown headers": lambda r: f"{letters(r, r.randint(7, 12), string.ascii_uppercase)}:\n",
    "unknown long headers": lambda r: " ".join(letters(r, 4, string.ascii_uppercase) for _ in range(10)) + ":\n",
    "capitals": lambda r: r.choice(("CHEST ", "VIEW ", "A ")),
}


def text_of(kind: str, seed: int) -> str:
    """A text of one kind, of MAX_CHARS characters, with a letter at its end."""
    rng = random.Random(f"{seed}-{kind}")
    units, size = ["FINDINGS: mass "], 15
    while size < MAX_CHARS:
        units.append(KINDS[kind](rng))
        size += len(units[-1])
    return "".join(units)[: MAX_CHARS - 1] + "x"


def main() -> None:
    """Read every kind and print, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    reader = ReportReader(batch_size=1, memo_size=0)
    rows = []
    for kind in args.kinds or KINDS:
        text, times = text_of(kind, args.seed), []
        for _ in range(3):
            start = time.process_time()
            (report,) = reader.read([(50_000_000, text)])
            times.append((time.process_time() - start) * 1000)
        rows.append((min(times), times[0], len(report.mentions), kind))
    for best, first, n_mentions, kind in sorted(rows, reverse=True):
        seen = f"{best:.1f} ms, the first time {first:.1f} ms, {n_mentions} mentions"
        figure(kind, seen, best <= MARK_MS, f"{MARK_MS:.0f} ms")


if __name__ == "__main__":
    main()
