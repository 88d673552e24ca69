"""What the retrieved cases agree on, in sentences: the answer without any language model.

In: a region and its cases. Out: text in the form that a language model is asked for, so that it is read, checked and
scored in the same way. Known to be imperfect: it speaks of what is present alone, and knows no severity.
"""

from __future__ import annotations

from collections.abc import Sequence

from hilum.explanation.cases import Case, said_present
from hilum.vocabulary import finding_name

TOLERANCE = 1e-9  # 3 of 10 cases are a share of 0.3, whatever floats say


def agree(region: str, cases: Sequence[Case], agreement: float) -> str:
    """The findings that at least this share of the cases has in the region; empty text if there is none."""
    having = {name: who for name, who in said_present(cases).items() if len(who) >= agreement * len(cases) - TOLERANCE}
    if not having:
        return ""
    lines = [
        f"- {_capital(finding_name(name))} in the {region}, as in {len(who)} of {len(cases)} cases {_cite(who)}."
        for name, who in having.items()
    ]
    names = " and ".join(finding_name(name) for name in having)
    all_of_them = sorted({number for who in having.values() for number in who})
    return "\n".join(["EXPLANATION:", *lines, "IMPRESSION:", f"- {_capital(names)} {_cite(all_of_them)}."])


def _cite(numbers: Sequence[int]) -> str:
    return "".join(f"[{number}]" for number in numbers)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
