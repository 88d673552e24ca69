"""How much, how large, and which way it goes: severity, size and change of one mention."""

from __future__ import annotations

from tests.spec.rows import Fact, ReadMentions, each_fact, facts

FACTS: dict[str, list[Fact]] = {
    "severity": [
        ("Minimal left basilar atelectasis.", "atelectasis", "severity", "minimal"),
        ("Mild pulmonary edema.", "pulmonary_edema", "severity", "mild"),
        ("Moderate cardiomegaly.", "enlarged_cardiac_silhouette", "severity", "moderate"),
        ("Severe emphysema.", "copd_emphysema", "severity", "severe"),
        ("The heart is mildly enlarged.", "enlarged_cardiac_silhouette", "severity", "mild"),
        ("The heart is moderately enlarged.", "enlarged_cardiac_silhouette", "severity", "moderate"),
        ("The cardiac silhouette is severely enlarged.", "enlarged_cardiac_silhouette", "severity", "severe"),
        ("Small left pleural effusion.", "pleural_effusion", "severity", "mild"),
        ("Moderate-sized right pleural effusion.", "pleural_effusion", "severity", "moderate"),
        ("Large right pleural effusion.", "pleural_effusion", "severity", "severe"),
        ("Trace left effusion.", "pleural_effusion", "severity", "minimal"),
        ("Tiny right apical pneumothorax.", "pneumothorax", "severity", "minimal"),
        ("There is a left effusion, moderate in size.", "pleural_effusion", "severity", "moderate"),
        ("Marked cardiomegaly.", "enlarged_cardiac_silhouette", "severity", "severe"),
        ("Left effusion.", "pleural_effusion", "severity", None),
        ("Mild cardiomegaly with a large left effusion.", "enlarged_cardiac_silhouette", "severity", "mild"),
        ("Mild cardiomegaly with a large left effusion.", "pleural_effusion", "severity", "severe"),
        ("Small left effusion and moderate pulmonary edema.", "pulmonary_edema", "severity", "moderate"),
    ],
    "change": [
        ("New left lower lobe consolidation.", "consolidation", "temporal", "new"),
        ("Interval development of a right effusion.", "pleural_effusion", "temporal", "new"),
        ("Unchanged left effusion.", "pleural_effusion", "temporal", "unchanged"),
        ("The left effusion is stable.", "pleural_effusion", "temporal", "unchanged"),
        ("No significant change in the left effusion.", "pleural_effusion", "temporal", "unchanged"),
        ("The right effusion has increased.", "pleural_effusion", "temporal", "worsened"),
        ("Worsening pulmonary edema.", "pulmonary_edema", "temporal", "worsened"),
        ("Decreased left effusion.", "pleural_effusion", "temporal", "improved"),
        ("Improving right lower lobe pneumonia.", "pneumonia", "temporal", "improved"),
        ("The pulmonary edema has improved.", "pulmonary_edema", "temporal", "improved"),
        ("The left effusion has resolved.", "pleural_effusion", "temporal", "resolved"),
        ("Interval resolution of right pneumothorax.", "pneumothorax", "temporal", "resolved"),
        ("Left effusion.", "pleural_effusion", "temporal", None),
        ("New right effusion and unchanged cardiomegaly.", "pleural_effusion", "temporal", "new"),
        ("New right effusion and unchanged cardiomegaly.", "enlarged_cardiac_silhouette", "temporal", "unchanged"),
        ("The right pneumothorax is smaller than on the prior study.", "pneumothorax", "temporal", "improved"),
        ("The left effusion is larger.", "pleural_effusion", "temporal", "worsened"),
    ],
    "size": [
        ("Nodule in the right upper lobe.", "mass_nodule", "size_mm", None),
        ("A 6 mm nodule and a large left effusion.", "pleural_effusion", "size_mm", None),
        ("ET tube 4 cm above the carina. Left upper lobe nodule.", "mass_nodule", "size_mm", None),
        ("Endotracheal tube ends 4 cm above the carina.", "endotracheal_tube", "size_mm", None),
    ],
}


@each_fact(FACTS)
def test_a_mention_tells(
    read_mentions: ReadMentions, sentence: str, finding: str, column: str, value: str | float | None
) -> None:
    assert facts(read_mentions(sentence), finding, column) == {value}
