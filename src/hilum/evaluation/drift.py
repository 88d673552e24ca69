"""Drift: how far what has landed since lies from what the champion was trained on, and whether chance explains it.

In: all that has landed, marked new or not. Out: the part `drift` of challenge.json. It warns and never decides: that
the data differ is no proof that a model is worse, and is the best reason to train one; what a model can do, the
benchmark measures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.evaluation.drift_parts import (
    Landed,
    NotMeasured,
    Part,
    compare_agreement,
    compare_images,
    compare_labels,
    compare_terms,
    compare_words,
)

if TYPE_CHECKING:
    from hilum.config import DriftParams

NOTHING_NEW = "every landing is one that the champion was trained on"


def measure_drift(landed: Landed, params: DriftParams) -> Part:
    """All parts, and the warnings; a part that cannot be measured is null, with its reason in `left_out`."""
    measures = {
        "label_rates": lambda: compare_labels(landed, params),
        "embedding": lambda: compare_images(landed, params),
        "agreement": lambda: compare_agreement(landed, params),
        "unknown_words": lambda: compare_words(landed, params),
        "unknown_terms": lambda: compare_terms(landed),
    }
    parts: Part = {}
    left_out: dict[str, str] = {}
    for name, measure in measures.items():
        try:
            if not landed.studies["is_new"].any():
                raise NotMeasured(NOTHING_NEW)
            parts[name] = measure()
        except NotMeasured as reason:
            parts[name], left_out[name] = None, str(reason)
    return {**parts, "left_out": left_out, "warnings": find_warnings(parts, params)}


def find_warnings(parts: Part, params: DriftParams) -> list[str]:
    """What is above its limit in params.yaml and more than chance explains, in words."""
    warnings = []
    for row in (parts["label_rates"] or {"largest": []})["largest"]:
        if row["p"] <= params.significance and abs(row["difference"]) > params.label_rate:
            warnings.append(
                f"{row['finding']} is present in {row['new']:.1%} of the new studies and in {row['trained']:.1%} of "
                f"those that the champion was trained on (p {row['p']:.3f}, limit {params.label_rate:.1%})"
            )
    images = parts["embedding"]
    if images and images["p"] <= params.significance and images["distance"] > params.embedding:
        warnings.append(
            f"the new images lie {images['distance']:.3f} from the champion's held-out ones (0 none, 1 complete; "
            f"{images['distance_by_chance']:.3f} by chance, p {images['p']:.3f}, limit {params.embedding:g})"
        )
    agreement = parts["agreement"]
    if (
        agreement
        and agreement["p"] <= params.significance
        and agreement["trained"] - agreement["new"] > params.agreement
    ):
        warnings.append(
            f"the champion finds what the new reports say of their images {agreement['new']:.3f} above chance, and "
            f"{agreement['trained']:.3f} in its held-out ones (precision at 10, p {agreement['p']:.3f}, limit "
            f"{params.agreement:g} less): do the reports belong to the images, and are the sides right?"
        )
    words = parts["unknown_words"]
    if words and words["p"] <= params.significance and words["new"] - words["trained"] > params.unknown_words:
        warnings.append(
            f"{words['new']:.2%} of the new reports' words are in no report that the champion was trained on, against "
            f"{words['trained']:.2%} in its held-out ones (p {words['p']:.3f}, limit {params.unknown_words:.2%} more)"
        )
    return warnings
