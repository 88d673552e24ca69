"""The phantom's radiologist: one study's facts in, the text of its report file and what that text states out.

Conventions, which whoever reads these reports shares (and nothing else: no phrase list is common to both):

Which text states. FINDINGS, IMPRESSION (CONCLUSION), both in one, view-like headers (CHEST 2 VIEWS), a last paragraph,
a report without headers, and an ADDENDUM do. EXAMINATION, INDICATION or HISTORY, TECHNIQUE, COMPARISON, a WET READ (the
final report supersedes it), RECOMMENDATION(S) and NOTIFICATION do not; nor do recommendations, histories and conditions
inside the stating sections. At one finding and region the impression decides; within one section present comes before
uncertain, uncertain before absent. Said again without a place, a finding has a statement of its own with region None.

Where. The rule is the same for present, uncertain and absent (grammar_places.stated_regions):
  fixed     the finding alone implies the region (enlarged_cardiac_silhouette: cardiac silhouette, always)
  sided     the side implies it (pleural_effusion: "<side> costophrenic angle"), and without a side it is None
  diffuse   no place: right lung and left lung; a side: that lung (pulmonary_edema); whole: both lungs always
  tip       the place of the tip, else the svc (picc)
  pneumothorax  a base: "<side> lower lung zone"; any other side: "<side> apical zone"; None without a side
  zoned     the zones named; "<side> lung" from a side alone; None from nothing
Lower lobe, base, retrocardiac: lower lung zone. Middle lobe, lingula: mid lung zone. Upper lobe: upper lung zone. Apex:
apical zone. So "no pleural effusion" is (pleural_effusion, None, absent), "no left pleural effusion" is absent at the
left costophrenic angle, "no pulmonary edema" absent at both lungs. "Effusion with adjacent atelectasis": the
atelectasis takes the side alone. A differential states each of its diagnoses as uncertain and the opacity as present.

How surely. May, possible, likely, cannot be excluded, versus, borderline: uncertain. "No change in", "not resolved",
"partially cleared": present. Resolved, cleared, removed, no longer seen: absent. Heart normal, top normal or not
enlarged: enlarged_cardiac_silhouette absent. Mediastinum normal: mediastinal_widening absent; trachea midline:
mediastinal_displacement absent; vessels normal: vascular_congestion absent; costophrenic angles sharp: blunting absent.
Hila, lungs or bones normal, and "stable" alone: nothing.

Known to be imperfect: the arm of a line is not that of the picture; English is the only language.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hilum.phantom.case import Statement, StudyCase, WrittenReport
from hilum.phantom.grammar_body import Body, BodyWriter
from hilum.phantom.grammar_claims import plan_claims
from hilum.phantom.grammar_layout import Layout, choose_shape
from hilum.phantom.grammar_rows import Dice, grammar
from hilum.phantom.grammar_sentences import Said

STRENGTH = ("absent", "uncertain", "present")


def write_report(case: StudyCase, rng: np.random.Generator) -> WrittenReport:
    """Write the report of a study: its text, and what a right reading finds, sorted, one row a finding and region.

    The same case and generator state give the same report. Findings without a row of grammar are named by their key.
    """
    rules, dice = grammar(), Dice(rng)
    shape = choose_shape(dice)
    body = BodyWriter(rules, case, plan_claims(rules, case, dice), dice).write(shape)
    text = Layout(rules, case, shape, dice).write(body)
    return WrittenReport(text, settle(body))


def settle(body: Body) -> tuple[Statement, ...]:
    """What the sections say together: the impression decides, then present over uncertain over absent."""
    elsewhere = [said for paragraph in body.findings for said in paragraph] + body.addendum
    labels = {**_strongest(elsewhere), **_strongest(body.impression)}
    ordered = sorted(labels, key=lambda place: (place[0], place[1] or ""))
    return tuple(Statement(finding, region, labels[finding, region]) for finding, region in ordered)


def _strongest(sentences: Iterable[Said]) -> dict[tuple[str, str | None], str]:
    labels: dict[tuple[str, str | None], str] = {}
    for said in sentences:
        for statement in said.statements:
            key = (statement.finding, statement.region)
            labels[key] = max(labels.get(key, "absent"), statement.label, key=STRENGTH.index)
    return labels
