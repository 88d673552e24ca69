"""Every behaviour and trap of MIMIC's report files, decided on purpose."""

# ruff: noqa: E501 (a table of reports reads better in long lines)
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.text.headers import section_named
from hilum.text.sections import split_sections
from hilum.text.sentences import split_sentences

HEAD = "                                 FINAL REPORT\n"
RULE = "_" * 78


def named(text: str) -> list[tuple[str, str]]:
    return [(span.section, " ".join(text[span.start : span.end].split())) for span in split_sections(text)]


CASES = {
    "plain report": (
        HEAD + " INDICATION:  Cough.\n \n FINDINGS:  Lungs clear.\n \n IMPRESSION:  Normal.\n",
        [("indication", "Cough."), ("findings", "Lungs clear."), ("impression", "Normal.")],
    ),
    "header on the first line": ("FINDINGS: Lungs clear.", [("findings", "Lungs clear.")]),
    "no leading space": ("INDICATION: Cough.\nIMPRESSION: Normal.", [("indication", "Cough."), ("impression", "Normal.")]),
    "empty findings right above impression": (HEAD + " FINDINGS:\n IMPRESSION:  Normal.\n", [("impression", "Normal.")]),
    "text glued to the colon": (HEAD + " FINDINGS:Clear.\n IMPRESSION:Normal.\n",
                                [("findings", "Clear."), ("impression", "Normal.")]),
    "digits in a header": (HEAD + " CHEST 2 VIEWS:  Clear.\n", [("findings", "Clear.")]),
    "a header that begins with a digit": (HEAD + " 2 VIEWS OF THE CHEST:  Clear.\n", [("findings", "Clear.")]),
    "view-like header": (HEAD + " PORTABLE AP CHEST:  Clear.\n", [("findings", "Clear.")]),
    "two headers on one line": (HEAD + " FINDINGS: Clear. IMPRESSION: Normal.\n",
                                [("findings", "Clear."), ("impression", "Normal.")]),
    "small letters": ("Findings: Clear.\n\nImpression: Normal.", [("findings", "Clear."), ("impression", "Normal.")]),
    "findings and impression": (HEAD + " FINDINGS AND IMPRESSION:  Clear.\n", [("impression", "Clear.")]),
    "conclusion": (HEAD + " CONCLUSION:  Clear.\n", [("impression", "Clear.")]),
    "misspelt findings": (HEAD + " FINIDNGS:  Clear.\n", [("findings", "Clear.")]),
    "the misspelling of indication that MIT-LCP takes for an impression": (
        HEAD + " NDICATION:  Pneumonia.\n \n FINDINGS:  Clear.\n", [("indication", "Pneumonia."), ("findings", "Clear.")]),
    "a heading inside the findings": (
        HEAD + " FINDINGS:\n LUNGS: Clear.\n HEART: Normal.\n", [("findings", "LUNGS: Clear. HEART: Normal.")]),
    "an unknown heading before the findings": (
        HEAD + " ORDERING SERVICE:  Ward.\n FINDINGS:  Clear.\n", [("other", "Ward."), ("findings", "Clear.")]),
    "no header at all": (HEAD + " The lungs are clear.\n", [("full_report", "The lungs are clear.")]),
    "last paragraph": (
        HEAD + " COMPARISON:  None.\n \n The lungs are clear.\n", [("comparison", "None."),
                                                                  ("last_paragraph", "The lungs are clear.")]),
    "findings without impression keep no last paragraph": (
        HEAD + " FINDINGS:  Clear.\n \n No effusion.\n", [("findings", "Clear. No effusion.")]),
    "addendum on top": (
        f"                                 FINAL ADDENDUM\n ADDENDUM:  A nodule.\n{RULE}\n{HEAD} IMPRESSION:  Normal.\n",
        [("addendum", "A nodule."), ("impression", "Normal.")]),
    "wet read on top": (
        f" WET READ: ___ ___ 9:45 PM\n  Effusion.\n IMPRESSION:  Edema.\n{RULE}\n{HEAD} IMPRESSION:  Normal.\n",
        [("wet_read", "Effusion. IMPRESSION: Edema."), ("impression", "Normal.")]),
    "recommendation": (HEAD + " IMPRESSION:  Nodule.\n \n RECOMMENDATION(S):  CT.\n",
                       [("impression", "Nodule."), ("recommendation", "CT.")]),
    "a header behind the title": ("FINAL REPORT FINDINGS: Clear.\n", [("findings", "Clear.")]),
    "a whole report on one line": (
        "FINAL REPORT EXAMINATION: CHEST (PA AND LAT) INDICATION: Cough REASON FOR EXAM: Fever TECHNIQUE: Two views"
        " FINDINGS: Clear. IMPRESSION: Normal.",
        [("examination", "CHEST (PA AND LAT)"), ("indication", "Cough"), ("indication", "Fever"),
         ("technique", "Two views"), ("findings", "Clear."), ("impression", "Normal.")]),
    "space before the colon": (HEAD + " FINDINGS :  Clear.\n IMPRESSION : Normal.\n",
                               [("findings", "Clear."), ("impression", "Normal.")]),
    "no colon": (HEAD + " FINDINGS\n \n Clear.\n \n IMPRESSION\n Normal.\n",
                 [("findings", "Clear."), ("impression", "Normal.")]),
    "no colon before the text": (HEAD + " COMPARISON.\n None.\n IMPRESSION Normal chest.\n",
                                 [("comparison", "None."), ("impression", "Normal chest.")]),
    "a dash for a colon": ("FINDINGS \u2013 Clear.\nIMPRESSION - Normal.\n",
                           [("findings", "Clear."), ("impression", "Normal.")]),
    "signs before a header": (HEAD + " ]HISTORY: COPD.\n ___COMPARISON: None.\n 1. FINDINGS: Clear.\n",
                              [("history", "COPD."), ("comparison", "None."), ("findings", "Clear.")]),
    "view-like header in small letters": ("Chest, two views: Clear.\n", [("findings", "Clear.")]),
    "small letters without stops": ("Indication: Cough\nFindings: Clear\nImpression: Normal\n",
                                    [("indication", "Cough"), ("findings", "Clear"), ("impression", "Normal")]),
    "small letters on one line": ("Findings: Clear. Impression: Normal.",
                                  [("findings", "Clear."), ("impression", "Normal.")]),
    "headings in small letters inside the findings": (
        HEAD + " FINDINGS:\n Lungs: Clear.\n Other: None.\n", [("findings", "Lungs: Clear. Other: None.")]),
    "one letter wrong": (
        HEAD + " INIDCATION: a.\n COMAPRISON: b.\n FIDINGS: c.\n COCLUSION: d.\n NOTFICATION: e.\n IMPRESSIO___: f.\n",
        [("indication", "a."), ("comparison", "b."), ("findings", "c."), ("impression", "d."), ("notification", "e."),
         ("impression", "f.")]),
    "a header of 74 letters": (
        HEAD + " FRONTAL CHEST RADIOGRAPH WITH THE PATIENT IN SUPINE AND UPRIGHT POSITIONS: Clear.\n",
        [("findings", "Clear.")]),
    "a view inside the impression": (
        HEAD + " IMPRESSION: AP CHEST: Effusion.\n \n AP CHEST: No edema.\n",
        [("impression", "AP CHEST: Effusion. AP CHEST: No edema.")]),
    "a comparison on the impression's line": (
        HEAD + " IMPRESSION:  AP chest compared to ___:\n \n Small effusion.\n",
        [("impression", "AP chest compared to ___: Small effusion.")]),
    "a view inside the examination's line": (
        HEAD + " EXAMINATION:  2 VIEW CHEST: ___ at ___ hours.\n FINDINGS: Clear.\n",
        [("examination", "2 VIEW CHEST: ___ at ___ hours."), ("findings", "Clear.")]),
    "view is not review": (HEAD + " REVIEW OF SYSTEMS: Cough.\n FINDINGS: Clear.\n",
                           [("other", "Cough."), ("findings", "Clear.")]),
    "a time at a line's beginning": (HEAD + " The tube was moved at\n 10:32 AM. Effusion.\n",
                                     [("full_report", "The tube was moved at 10:32 AM. Effusion.")]),
    "a time in capitals": (HEAD + " FINDINGS: As seen\n AT 10:32 there is edema.\n",
                           [("findings", "As seen AT 10:32 there is edema.")]),
    "provisional reading": (
        " PROVISIONAL FINDINGS IMPRESSION (PFI):  Effusion.\n" + HEAD + " IMPRESSION: Normal.\n",
        [("wet_read", "Effusion."), ("impression", "Normal.")]),
    "clinical question before the title": (
        " CLINICAL INFORMATION & QUESTIONS TO BE ANSWERED:\n Pneumonia.\n" + HEAD + " FINDINGS: Clear.\n",
        [("indication", "Pneumonia."), ("findings", "Clear.")]),
    "text before the title": (" ___ Hospital\n" + HEAD + " FINDINGS: Clear.\n",
                              [("preamble", "___ Hospital"), ("findings", "Clear.")]),
    "preliminary and final impression": (HEAD + " PRELIMINARY IMPRESSION: Edema.\n \n FINAL IMPRESSION: Normal.\n",
                                         [("wet_read", "Edema."), ("impression", "Normal.")]),
    "two impressions are both read": (HEAD + " IMPRESSION: Edema.\n \n IMPRESSION: Nodule.\n",
                                      [("impression", "Edema."), ("impression", "Nodule.")]),
    "versions of a wet read": (
        f" WET READ: ___ ___ ___ 10:32 AM\n  Effusion.\n WET READ VERSION #1 ___ ___ 9:34 PM\n  Edema.\n{RULE}\n{HEAD}"
        " IMPRESSION: Normal.\n",
        [("wet_read", "Effusion. WET READ VERSION #1 ___ ___ 9:34 PM Edema."), ("impression", "Normal.")]),
    "wet read with its name removed": (f" WET ___ VERSION #___ ___ ___ 9:34 PM\n Edema.\n{RULE}\n{HEAD} FINDINGS: Clear.\n",
                                       [("wet_read", "Edema."), ("findings", "Clear.")]),
    "wet read without a line below it": (" WET READ: SUN ___ 10:32 AM\n Edema.\n \n INDICATION: Cough.\n FINDINGS: Clear.\n",
                                         [("wet_read", "Edema."), ("indication", "Cough."), ("findings", "Clear.")]),
    "wet read on its stamp's line": (f"WET READ: Small effusion.\n{RULE}\n{HEAD} FINDINGS: Clear.\n",
                                     [("wet_read", "Small effusion."), ("findings", "Clear.")]),
    "addendum with headers inside": (
        f"FINAL ADDENDUM\n INDICATION: Fever.\n \n FINDINGS: A nodule.\n \n NOTIFICATION: By phone.\n{RULE}\n{HEAD}"
        " IMPRESSION: Normal.\n",
        [("indication", "Fever."), ("addendum", "A nodule."), ("notification", "By phone."), ("impression", "Normal.")]),
    "addendum between stars": (
        f" FINAL ADDENDUM\n **********ADDENDUM**********\n A nodule.\n{RULE}\n{HEAD} IMPRESSION: Normal.\n",
        [("addendum", "A nodule."), ("impression", "Normal.")]),
    "two addenda": (
        f" FINAL ADDENDUM\n ADDENDUM: One.\n{RULE}\n FINAL ADDENDUM\n Two.\n{RULE}\n{HEAD} FINDINGS: Clear.\n",
        [("addendum", "One."), ("addendum", "Two."), ("findings", "Clear.")]),
    "addendum without a line below it": (
        " ADDENDUM: A nodule.\n \n INDICATION: Cough.\n \n FINDINGS: Clear.\n",
        [("addendum", "A nodule."), ("indication", "Cough."), ("findings", "Clear.")]),
    "addendum at the bottom": (HEAD + " IMPRESSION: Normal.\n \n ADDENDUM:\n IMPRESSION: Nodule.\n",
                               [("impression", "Normal."), ("addendum", "Nodule.")]),
    "impression typed inside the technique": (HEAD + " TECHNIQUE: Two views. IMPRESSION: Normal.\n",
                                              [("technique", "Two views."), ("impression", "Normal.")]),
    "a title without text is no findings": (
        HEAD + " CHEST, PA AND LATERAL:\n \n INDICATION: Cough.\n \n Clear.\n \n No effusion.\n",
        [("indication", "Cough."), ("last_paragraph", "Clear. No effusion.")]),
    "nor is one with nothing but a gap": (
        HEAD + " CHEST, PA AND LATERAL: ___\n \n INDICATION: Cough.\n \n Clear.\n",
        [("findings", "___"), ("indication", "Cough."), ("last_paragraph", "Clear.")]),
    "last paragraph below a header without text": (HEAD + " COMPARISON: \n \n The lungs are clear.\n",
                                                   [("last_paragraph", "The lungs are clear.")]),
    "last paragraph before a note": (
        HEAD + " COMPARISON: None.\n \n Clear.\n \n NOTIFICATION: Dr. ___ was paged.\n",
        [("comparison", "None."), ("last_paragraph", "Clear."), ("notification", "Dr. ___ was paged.")]),
    "findings typed as a recommendation": (HEAD + " INDICATION: Cough.\n \n RECOMMENDATION(S): The effusion is smaller.\n",
                                           [("indication", "Cough."), ("last_paragraph", "The effusion is smaller.")]),
    "findings typed as a comparison": (HEAD + " COMPARISON: Radiograph of ___. Heart size is stable. No edema.\n",
                                       [("comparison", "Radiograph of ___."),
                                        ("last_paragraph", "Heart size is stable. No edema.")]),
    "an indication alone is no findings": (HEAD + " INDICATION: Pneumonia is suspected.\n",
                                           [("indication", "Pneumonia is suspected.")]),
    "findings without header before the impression": (
        HEAD + " TECHNIQUE: One view.\n \n The heart is large.\n \n IMPRESSION: Cardiomegaly.\n",
        [("technique", "One view."), ("findings", "The heart is large."), ("impression", "Cardiomegaly.")]),
    "findings above all headers": (
        HEAD + " PA AND LATERAL CHEST, ___.\n \n The heart is large.\n \n IMPRESSION: Cardiomegaly.\n",
        [("preamble", "PA AND LATERAL CHEST, ___."), ("findings", "The heart is large."), ("impression", "Cardiomegaly.")]),
    "CRLF and tabs": ("FINAL REPORT\r\n\tFINDINGS:\tClear.\r\n \r\n IMPRESSION:  Normal.\r\n",
                      [("findings", "Clear."), ("impression", "Normal.")]),
    "CR": ("FINAL REPORT\r COMPARISON: None.\r \r Clear.\r", [("comparison", "None."), ("last_paragraph", "Clear.")]),
    "byte-order mark, no-break space, full-width colon": (
        "\ufeffFINDINGS\u00a0: Clear.\n\u00a0IMPRESSION\uff1a Normal\u00a0chest.\n",
        [("findings", "Clear."), ("impression", "Normal chest.")]),
    "form feed": ("FINDINGS: Clear.\fIMPRESSION: Normal.\f", [("findings", "Clear."), ("impression", "Normal.")]),
    "no-break hyphen": (HEAD + " SEMI\u2011ERECT PORTABLE CHEST: Clear.\n", [("findings", "Clear.")]),
    "empty text": ("", []),
    "white space only": (" \n \n", []),
    "only a header": ("IMPRESSION:", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sections(text: str, expected: list[tuple[str, str]]) -> None:
    assert named(text) == expected


def test_a_colon_inside_a_wrapped_sentence_is_no_header() -> None:
    text = HEAD + " FINDINGS:  The following changes are seen in the\n chest: an effusion.\n"
    assert named(text) == [("findings", "The following changes are seen in the chest: an effusion.")]


def test_addendum_alone_leaves_the_last_paragraph_to_be_found() -> None:
    text = f" FINAL ADDENDUM\n A nodule.\n{RULE}\n{HEAD} COMPARISON:  None.\n \n Clear.\n"
    assert [name for name, _ in named(text)] == ["addendum", "comparison", "last_paragraph"]


@pytest.mark.parametrize(
    ("title", "section"),
    [
        ("FINDINGS", "findings"), ("REFERENCE FINDINGS", "findings"), ("FINDINGS/ IMPRESSION", "impression"),
        ("FINDINGS & IMPRESSION", "impression"), ("MPRESSION", "impression"), ("IMORESSION", "impression"),
        ("Imression", "impression"), ("CLINCAL HISTORY", "history"), ("RECOMMEDATIONS(S)", "recommendation"),
        ("PFI", "wet_read"), ("WETREAD", "wet_read"), ("PRELIMINARY FINDINGS", "wet_read"),
        ("SINGLE AP PORTABLE VIEW OF THE CHEST", "findings"), ("CHEST, AP UPRIGHT", "findings"), ("RIBS", "findings"),
        ("ORDERING SERVICE", "other"), ("LUNGS", None), ("Lungs", None), ("The following is seen in the chest", None),
    ],
)  # fmt: skip
def test_titles_name_sections(title: str, section: str | None) -> None:
    assert section_named(title) == section


REPORT_LIKE = st.lists(
    st.sampled_from(
        ["FINDINGS", "IMPRESSION", "Impression", "COMPARISON", "RECOMMENDATION(S)", "WET READ", "FINAL REPORT", "ADDENDUM",
         "FINAL ADDENDUM", "CHEST, 2 VIEWS", "INIDCATION", "LUNGS", "NOTE", RULE, ":", ": ", ".", " ", "  ", "\n", "\n ",
         "\n \n", "\r\n", "\r", "\t", "\f", "\u00a0", "\ufeff", "\uff1a", "\u2014", "___", "XXXX", "1. ", "(2)", "3.5 cm",
         "10:32 AM", "Dr. ", "The heart is large", "no effusion", "chest", "\u00e9", "\U0001f600", "?"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(st.one_of(REPORT_LIKE, st.text(max_size=200)))
def test_sections_are_spans_of_the_raw_text_in_order(text: str) -> None:
    last = 0
    for span in split_sections(text):
        assert last <= span.start < span.end <= len(text)
        assert text[span.start : span.end].strip() == text[span.start : span.end]
        last = span.end


@given(REPORT_LIKE)
def test_every_letter_of_a_section_lies_in_one_sentence(text: str) -> None:
    for span in split_sections(text):
        inside = [at for a, b in split_sentences(text, span.start, span.end) for at in range(a, b)]
        assert len(inside) == len(set(inside))
        letters = {at for at in range(span.start, span.end) if text[at].isalpha()}
        assert letters <= set(inside) <= set(range(span.start, span.end))


@given(REPORT_LIKE)
def test_line_ends_of_another_system_change_no_section(text: str) -> None:
    text = text.replace("\r", "")
    assert named(text) == named(text.replace("\n", "\r\n"))


HOSTILE = [
    "A", "A ", "ABCDE ", "CHEST ", "CHEST: ", "CHEST:\n", " ", "_", "___ ", "A: ", "A:\n", "AB:\n", "\n", "\n ",
    "\n" + " " * 500, "1", "1. ", "1.2.3 ", ".", ". ", "(", "(1) ", "\n(", ":", ": ", "FINDINGS: a. ", "Findings:\n",
    "FINDINGS" + " " * 50, "\n IMPRESSION" + " -" * 40, "WET READ: ___ 10:32 AM\n", "WET ___ ", "ADDENDUM\n", "*ADDENDUM* ",
    "FINAL REPORT\n", "_" * 12 + "\n", "Aa bb. ", "aa\nBb ", "a The b ", "Dr. ", "\n- a", "- ", "? ", '."', "a",
    "\u00a0a\n", "a\r", "\tA", "\n***", "\n  ___ ][", "is.\n\nIMPRESSION: ", "RECOMMENDATION:\n x\n\n", "XXXX ", "a.m. ",
]  # fmt: skip
NAMES = ["".join(chr(65 + (i * 7919 // 26**k) % 26) for k in range(8)) for i in range(3000)]


@pytest.mark.parametrize(
    "text",
    [*(part * (20_000 // len(part)) for part in HOSTILE), *(f"{end}".join(NAMES)[:20_000] for end in (":\n", ": "))],
)
def test_any_text_of_20000_characters_is_cut_fast(text: str) -> None:
    """About 10 ms at worst where this was written; the limit leaves room for a busy machine, and none for a square."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        for span in split_sections(text):
            split_sentences(text, span.start, span.end)
        times.append(time.process_time() - begun)
    assert min(times) < 0.05
