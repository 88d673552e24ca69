"""The peer that weak labels are timed against: medspaCy's rules, ConText and sentence splitter on comparable targets.

usage: python tests/benchmarks/peer_medspacy.py REPORTS.csv OUT.jsonl     (in an environment with medspacy)

Reads a csv with columns study_id and text; writes one row a target, place and assertion. Prints, last, the processor
seconds that reading took without start-up. A place is any zone named in the target's sentence, on any side named
there: what a user of medspaCy writes in an afternoon. Imports nothing of hilum, which is not in its environment.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import time

import medspacy
from loguru import logger
from medspacy.ner import TargetRule

TARGETS = {
    "lung_opacity": "opacity; opacities; opacification; hazy opacity; patchy opacity; density; ground glass;"
    " infiltrate; infiltrates",
    "airspace_opacity": "airspace opacity; airspace opacities; airspace disease; air space disease; alveolar opacity",
    "consolidation": "consolidation; consolidations; focal consolidation; airspace consolidation; consolidative",
    "pneumonia": "pneumonia; pneumonias; bronchopneumonia; infectious process; infection",
    "atelectasis": "atelectasis; atelectatic changes; subsegmental atelectasis; bibasilar atelectasis; plate like"
    " atelectasis; volume loss",
    "pleural_effusion": "pleural effusion; pleural effusions; effusion; effusions; pleural fluid; hydrothorax",
    "pneumothorax": "pneumothorax; pneumothoraces; hydropneumothorax",
    "pulmonary_edema": "pulmonary edema; interstitial edema; alveolar edema; edema",
    "vascular_congestion": "vascular congestion; pulmonary vascular congestion; venous congestion; engorgement",
    "enlarged_cardiac_silhouette": "cardiomegaly; enlarged heart; heart is enlarged; heart size is enlarged; enlarged"
    " cardiac silhouette; cardiac enlargement; heart is mildly enlarged",
    "mediastinal_widening": "widened mediastinum; mediastinal widening; widening of the mediastinum",
    "mass_nodule": "nodule; nodules; nodular opacity; nodular density; mass; masses; lesion",
    "calcified_nodule": "granuloma; granulomas; calcified granuloma; calcified nodule; granulomatous disease",
    "scarring": "scarring; scar; scars; fibrosis; fibrotic change; fibrotic changes",
    "pleural_thickening": "pleural thickening; apical thickening; pleural plaque; pleural plaques",
    "copd_emphysema": "emphysema; emphysematous changes; copd; chronic obstructive pulmonary disease",
    "hyperaeration": "hyperinflation; hyperinflated; hyperexpanded; hyperexpansion; flattened diaphragms",
    "low_lung_volumes": "low lung volumes; lung volumes are low; hypoinflation; hypoinflated; shallow inspiration",
    "hernia": "hiatal hernia; hiatus hernia; diaphragmatic hernia",
    "fracture": "rib fracture; rib fractures; fracture; fractures; compression fracture; compression deformity",
    "scoliosis": "scoliosis; dextroscoliosis; levoscoliosis; curvature of the spine",
    "degenerative_changes": "degenerative changes; degenerative change; degenerative disease; osteophytes; spondylosis",
    "tortuous_aorta": "tortuous aorta; aortic tortuosity; aorta is tortuous; unfolded aorta; ectatic aorta",
    "vascular_calcification": "aortic calcification; calcified aorta; atherosclerotic calcification; atherosclerosis",
    "enlarged_hilum": "hilar enlargement; enlarged hilum; hilar adenopathy; prominent hilum; hilar fullness",
    "elevated_hemidiaphragm": "elevated hemidiaphragm; elevated right hemidiaphragm; elevated left hemidiaphragm;"
    " elevation of the right hemidiaphragm; elevation of the left hemidiaphragm",
    "costophrenic_angle_blunting": "blunting of the costophrenic angle; blunted costophrenic angle; blunting",
    "endotracheal_tube": "endotracheal tube; et tube; ett; tracheostomy tube",
    "enteric_tube": "enteric tube; nasogastric tube; feeding tube; dobbhoff tube; orogastric tube",
    "central_line": "picc; picc line; central venous catheter; central line; port a cath; internal jugular catheter",
    "pacer": "pacemaker; pacer; defibrillator; pacer wires; icd",
    "sternotomy_wires": "sternotomy wires; median sternotomy; sternal wires",
    "chest_tube": "chest tube; pigtail catheter; thoracostomy tube",
}
ZONES = {
    "upper lung zone": r"upper (?:lobe|lung|zone)",
    "mid lung zone": r"middle lobe|mid ?lung|lingula",
    "lower lung zone": r"lower (?:lobe|lung|zone)|\bbas(?:e|es|al|ilar)\b|bibasilar|retrocardiac",
    "apical zone": r"apex|apical|apices",
    "hilar structures": r"\bhil(?:ar|um|a)\b",
    "costophrenic angle": r"costophrenic",
    "hemidiaphragm": r"diaphragm",
}
FLAGS = {
    "is_historical": "historical",
    "is_family": "historical",
    "is_hypothetical": "hypothetical",
    "is_negated": "absent",
    "is_uncertain": "uncertain",
}
_ZONES = {zone: re.compile(pattern) for zone, pattern in ZONES.items()}
_BOTH = re.compile(r"\b(?:bilateral|both|bibasilar|biapical|bases|apices)\b")


def build():
    """medspaCy's default pipeline with our targets."""
    logger.remove()
    nlp = medspacy.load(enable=["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context"])
    rules = [TargetRule(phrase.strip(), name) for name, text in TARGETS.items() for phrase in text.split(";")]
    nlp.get_pipe("medspacy_target_matcher").add(rules)
    return nlp


def places(sentence: str) -> list[str | None]:
    """Every zone of the sentence on every side of it."""
    low = sentence.lower()
    sides = ["left", "right"] if _BOTH.search(low) else [side for side in ("left", "right") if side in low]
    zones = [zone for zone, pattern in _ZONES.items() if pattern.search(low)] or ["lung"]
    return [f"{side} {zone}" for side in sides for zone in zones] or [None]


def assertion(entity) -> str:
    """ConText's word for a target."""
    return next((label for flag, label in FLAGS.items() if getattr(entity._, flag)), "present")


def main(source: str, out: str) -> None:
    """Read every report; write the rows and print the seconds."""
    nlp = build()
    with open(source, newline="", encoding="utf-8") as lines:
        reports = [(int(row["study_id"]), row["text"]) for row in csv.DictReader(lines)]
    start = time.process_time()
    with open(out, "w", encoding="utf-8") as target:
        for (study, _), doc in zip(reports, nlp.pipe(text for _, text in reports)):
            for entity in doc.ents:
                row = {"study_id": study, "finding": entity.label_.lower(), "assertion": assertion(entity)}
                row |= {"char_start": entity.start_char, "char_end": entity.end_char}
                for region in places(entity.sent.text):
                    target.write(json.dumps(row | {"region": region}) + "\n")
    print(time.process_time() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
