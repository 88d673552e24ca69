"""A report file's text: title, sections and their headers, addendum and wet read; and the traps real files hold.

In: a body, its shape. Out: the text. The sections written here (examination, indication, technique, comparison,
recommendations, notification) name diseases freely and state nothing. The traps are those on which MIT-LCP's section
parser stumbles: an empty FINDINGS with IMPRESSION on the very next line, digits in a header, a header on the first
line, FINDINGS:text without a space, two headers on one line, misspelt, lower-case and unindented headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hilum.phantom.case import StudyCase
from hilum.phantom.grammar_body import Body
from hilum.phantom.grammar_lines import RULE, centre, damage, wrap
from hilum.phantom.grammar_rows import Dice, Grammar
from hilum.phantom.grammar_sentences import Said

SHAPE_SHARES = (("full", 0.62), ("impression_only", 0.19), ("combined", 0.02), ("findings_only", 0.122),
                ("last_paragraph", 0.036), ("no_header", 0.012))  # fmt: skip
TRAPS = ("digits", "first_line", "glued", "one_line", "typo", "lower_case", "no_indent", "swallowed")
TRAP_SHARE = 0.022  # of each, where the shape allows it; swallowed only among impressions alone, so five times that


@dataclass(frozen=True)
class Section:
    """header: without its colon, None for text that has none. inline: the text begins on the header's line."""

    kind: str
    header: str | None
    paragraphs: tuple[str, ...]
    inline: bool = True


def choose_shape(dice: Dice) -> str:
    """Which sections the report has, in MIMIC's shares."""
    roll = dice.roll()
    for shape, share in SHAPE_SHARES:
        roll -= share
        if roll < 0:
            return shape
    return "full"


class Layout:
    """Lays one body out."""

    def __init__(self, grammar: Grammar, case: StudyCase, shape: str, dice: Dice) -> None:
        self.grammar, self.case, self.shape, self.dice = grammar, case, shape, dice
        self.rows = grammar.layout
        self.view = "AP" if case.view == "AP" else "PA"
        self.gap = "  " if dice.chance(0.6) else " "
        self.trap = self._choose_trap()

    def _choose_trap(self) -> str:
        if self.shape == "impression_only" and self.dice.chance(5 * TRAP_SHARE):
            return "swallowed"
        if self.shape in ("last_paragraph", "no_header"):
            return ""
        at = int(self.dice.roll() / TRAP_SHARE)
        return TRAPS[at] if at < len(TRAPS) - 1 else ""

    def write(self, body: Body) -> str:
        """The file's text."""
        lines = self._top(body)
        if self.shape == "no_header":
            lines += self._blocks([Section("text", None, self._paragraphs(body.findings))])
            return "\n".join(lines) + "\n"
        sections = [*self._front(), *self._main(body), *self._back()]
        sections = self._spring(sections)
        if self.trap == "first_line":
            lines = lines[:-1]
        lines += self._blocks(sections)
        return "\n".join(lines) + "\n"

    def _top(self, body: Body) -> list[str]:
        """Addendum and wet read, then the title."""
        lines: list[str] = []
        note = self.dice.chance(0.025)
        if body.addendum or note:
            text = self.gap.join(said.text for said in body.addendum)
            frames = self.rows["addendum_finds" if text else "addendum_notes"]
            words = self._timed(self.dice.pick(frames)).replace("{said}", text)
            header = self.dice.pick(("ADDENDUM:", "ADDENDUM", "ADDENDUM:"))
            lines += [centre("FINAL ADDENDUM"), *wrap(f"{header}  {words}"), " ", RULE]
        if body.wet_read:
            lines += [centre(f"WET READ: ___ ___ ___ {self._time()}")]
            lines += [*wrap(self.gap.join(body.wet_read), "  "), RULE]
        return [*lines, centre("FINAL REPORT")]

    def _front(self) -> list[Section]:
        """What precedes the findings."""
        dice, rows, view = self.dice, self.rows, self.view
        sections = []
        if dice.chance(0.7):
            sections.append(self._section("examination", [dice.pick(rows["examinations"][view])]))
        if dice.chance(0.92) or not sections:
            sections.append(self._section("indication", [self._indication()]))
        if dice.chance(0.4):
            sections.append(self._section("technique", [dice.pick(rows["techniques"][view])]))
        if dice.chance(0.85):
            prior = "comparisons_prior" if self.case.prior is not None else "comparisons_first"
            sections.append(self._section("comparison", [dice.pick(rows[prior])]))
        return sections

    def _main(self, body: Body) -> list[Section]:
        """The sections that count."""
        dice, rows = self.dice, self.rows
        paragraphs = self._paragraphs(body.findings)
        prefix = "findings" if self.shape != "impression_only" else "impression"
        if dice.chance(0.1):
            paragraphs = (dice.pick(rows["prefixes"][self.view][prefix]), *paragraphs)
        if self.shape == "last_paragraph":
            return [Section("text", None, paragraphs)]
        if self.shape == "impression_only":
            empty = [Section("empty", "FINDINGS", ())] if self.trap == "swallowed" else []
            return [*empty, replace(self._section("impression", paragraphs), inline=len(paragraphs) == 1)]
        if self.shape == "combined":
            return [self._section("both", paragraphs)]
        kind = "view" if self.shape == "findings_only" and dice.chance(0.25) else "findings"
        findings = self._section("view_digits" if self.trap == "digits" else kind, paragraphs)
        sections = [replace(findings, inline=dice.chance(0.5) or self.trap in ("glued", "one_line"))]
        if self.shape == "full":
            sections.append(self._impression(body.impression))
        return sections

    def _impression(self, items: Sequence[Said]) -> Section:
        dice = self.dice
        texts = damage(self.grammar, [said.text for said in items], dice)
        numbered = dice.chance(0.6) if len(texts) > 1 else dice.chance(0.08)
        if numbered:
            texts = [f"{i}. {text}" for i, text in enumerate(texts, 1)]
        apart = dice.chance(0.6) and self.trap != "one_line"
        return replace(
            self._section("impression", texts if apart else [self.gap.join(texts)]),
            inline=dice.chance(0.5) or self.trap == "one_line",
        )

    def _back(self) -> list[Section]:
        sections: list[Section] = []
        if self.shape == "last_paragraph":
            return sections
        if self.dice.chance(0.04):
            header = self.dice.pick(self.rows["recommendations"])
            sections.append(Section("recommendations", header, (self.dice.pick(self.rows["recommendation_texts"]),)))
        if self.dice.chance(0.06):
            text = self._timed(self.dice.pick(self.rows["notifications"]))
            sections.append(Section("notification", "NOTIFICATION", (text,)))
        return sections

    def _section(self, kind: str, paragraphs: Sequence[str]) -> Section:
        return Section(kind, self.dice.pick(self.rows["headers"][kind]), tuple(paragraphs))

    def _paragraphs(self, paragraphs: Sequence[Sequence[Said]]) -> tuple[str, ...]:
        texts = [self.gap.join(said.text for said in paragraph) for paragraph in paragraphs]
        return tuple(damage(self.grammar, texts, self.dice))

    def _indication(self) -> str:
        dice, rows = self.dice, self.rows
        complaint, question = dice.any(rows["complaints"]), dice.any(rows["questions"])
        form = str(dice.pick(rows["indication_forms"]))
        if question.startswith("?"):
            form = form.replace("uestion}?", "uestion}")
        return str(
            form.format(
                age=dice.pick(rows["ages"]),
                person=dice.pick(rows["people"]["F" if self.case.sex == "F" else "M"]),
                complaint=complaint,
                Complaint=complaint[:1].upper() + complaint[1:],
                question=question,
                Question=question[:1].upper() + question[1:],
            )
        )

    def _time(self) -> str:
        return f"{self.dice.number(1, 12)}:{self.dice.number(0, 59):02d} {self.dice.pick(('PM', 'AM'))}"

    def _timed(self, text: str) -> str:
        return text.replace("{time}", self._time()).replace("{minutes}", str(self.dice.number(2, 30)))

    def _spring(self, sections: list[Section]) -> list[Section]:
        """Set the trap in the headers, where it is one of headers."""
        main = [i for i, s in enumerate(sections) if s.kind in ("findings", "impression", "both", "view")]
        if self.trap == "typo":
            at = [i for i, s in enumerate(sections) if s.kind in self.rows["typos"]]
            i = self.dice.any(at)
            return _with_header(sections, i, self.dice.pick(self.rows["typos"][sections[i].kind]))
        if self.trap == "lower_case":
            form = str.lower if self.dice.chance(0.3) else str.capitalize
            for i in main:
                sections = _with_header(sections, i, form(sections[i].header or ""))
        if self.trap == "first_line" and self.dice.chance(0.5):
            return sections[main[0] :]
        return sections

    def _blocks(self, sections: Sequence[Section]) -> list[str]:
        """Lines of the sections, with a blank line (newline, space, newline) between paragraphs."""
        lines: list[str] = []
        glue = ""
        for section in sections:
            head = f"{section.header}:" if section.header is not None else ""
            if section.kind == "empty":
                lines.append(f" {head}")
                continue
            paragraphs = list(section.paragraphs)
            if head and section.inline and paragraphs:
                space = "" if self.trap == "glued" and section.kind == "findings" else "  "
                paragraphs[0] = f"{head}{space}{paragraphs[0]}"
            elif head:
                paragraphs.insert(0, head + self.dice.pick((" ", "")))
            if self._joins_next(section):
                glue = glue + self.gap.join(paragraphs) + "  "
                continue
            if paragraphs:
                paragraphs[0] = glue + paragraphs[0]
            glue = ""
            for paragraph in paragraphs:
                wrapped = wrap(paragraph)
                if (
                    self.trap == "no_indent"
                    and paragraph is paragraphs[0]
                    and section.kind in ("findings", "impression")
                ):
                    wrapped[0] = wrapped[0][1:]
                lines += [*wrapped, " "]
        while lines and lines[-1] == " ":
            lines.pop()
        return lines

    def _joins_next(self, section: Section) -> bool:
        """Whether the next header stands on this section's last line."""
        last = "findings" if self.shape == "full" else "indication"
        return self.trap == "one_line" and section.kind == last


def _with_header(sections: list[Section], at: int, header: str) -> list[Section]:
    return [replace(s, header=header) if i == at else s for i, s in enumerate(sections)]
