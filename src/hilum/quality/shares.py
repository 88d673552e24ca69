"""How much there is, and how it compares: shares, counts, and the rates of labels from landing to landing.

In: frames as `reading` gives them, the limits of params.yaml. Out: checks, and the counts that the data page shows.
Known to be imperfect: a landing is compared with all earlier ones together, so a slow drift over many landings only
shows once it has become large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from hilum.quality.across import CrossCheck, Frames, of
from hilum.quality.reading import FOLDERS
from hilum.schema import LABELS, QUARANTINE_REASONS, SPLITS

Counts = dict[str, object]
STANDARD_ERRORS = 3.0  # a change of rate within these is what chance does to a small landing


def share_checks(
    max_quarantine_share: float, max_label_rate_change: float, min_labelled_studies: int
) -> tuple[CrossCheck, ...]:
    """The checks against the limits of params.yaml."""

    def too_many_quarantined(frames: Frames) -> tuple[pd.DataFrame, int]:
        quarantined, n_files = frames["quarantine"], len(frames["manifest"])
        too_many = len(quarantined) > max_quarantine_share * n_files
        return quarantined if too_many else quarantined.iloc[:0], n_files

    def too_few_labelled(frames: Frames) -> tuple[pd.DataFrame, int]:
        labelled = count_labelled(frames)
        few = [split for split in SPLITS if labelled[split] < min_labelled_studies]
        return pd.DataFrame({"split": few, "n_labelled": [labelled[split] for split in few]}), len(SPLITS)

    def changed_rates(frames: Frames) -> tuple[pd.DataFrame, int]:
        counts = count_present(frames)
        changed = [row for row in counts if rate_changed(row, max_label_rate_change)]
        return pd.DataFrame(changed, columns=["finding", "n_new", "n_studies_new"]), len(counts)

    return (
        CrossCheck(
            "quarantine_share",
            ("quarantine.path", "manifest.path"),
            ("path",),
            "critical",
            f"at most {max_quarantine_share:.1%} of all files are set aside (params validate.max_quarantine_share)",
            "Read the reasons in the data page, mend or withdraw these files, or raise the limit.",
            too_many_quarantined,
        ),
        CrossCheck(
            "labelled_studies",
            (*of("region_labels", "study_id"), *of("reports", "study_id", "split")),
            ("split", "n_labelled"),
            "critical",
            f"every split has {min_labelled_studies} or more studies with a label "
            "(params validate.min_labelled_studies)",
            "Land more studies, give the split more subjects, or lower the limit.",
            too_few_labelled,
        ),
        CrossCheck(
            "label_rates",
            (
                *of("region_labels", "finding", "label", "study_id"),
                *of("manifest", "landing", "study_id"),
                "reports.study_id",
            ),
            ("finding", "n_new", "n_studies_new"),
            "warning",
            "in the newest landing a finding is present about as often as in the earlier ones: relative change at "
            f"most {max_label_rate_change:.0%} (params validate.max_label_rate_change), or within "
            f"{STANDARD_ERRORS:.0f} standard errors",
            "See whether the newest reports are written differently, or their patients differ.",
            changed_rates,
        ),
    )


def count_labelled(frames: Frames) -> dict[str, int]:
    """Studies with at least one label, by split."""
    reports = frames["reports"]
    labelled = reports[reports["study_id"].isin(frames["region_labels"]["study_id"])]
    sizes = labelled.groupby("split")["study_id"].nunique()
    return {split: int(sizes.get(split, 0)) for split in SPLITS}


def count_present(frames: Frames) -> list[dict[str, str | int]]:
    """Per finding, in how many studies of the newest landing and of all earlier ones it is present.

    Empty when there is but one landing.
    """
    landings = _landing_of_study(frames)
    names = sorted(set(landings))
    if len(names) < 2:
        return []
    newest = landings == names[-1]
    labels = frames["region_labels"]
    present = labels.loc[labels["label"] == "present", ["study_id", "finding"]].drop_duplicates()
    is_new = present["study_id"].map(newest).fillna(False).astype(bool)
    new, old = present[is_new].groupby("finding").size(), present[~is_new].groupby("finding").size()
    return [
        {
            "finding": finding,
            "n_new": int(new.get(finding, 0)),
            "n_studies_new": int(newest.sum()),
            "n_old": int(old.get(finding, 0)),
            "n_studies_old": int((~newest).sum()),
        }
        for finding in sorted(set(present["finding"]))
    ]


def rate_changed(row: Mapping[str, str | int], max_relative_change: float) -> bool:
    """Whether a rate moved by more than the limit allows and by more than chance explains.

    row: as `count_present` makes them. The standard error is that of two shares under one common rate.
    """
    n_new, n_old = int(row["n_studies_new"]), int(row["n_studies_old"])
    if n_new == 0 or n_old == 0:
        return False
    new, old = int(row["n_new"]) / n_new, int(row["n_old"]) / n_old
    common = (int(row["n_new"]) + int(row["n_old"])) / (n_new + n_old)
    error = math.sqrt(common * (1 - common) * (1 / n_new + 1 / n_old))
    return abs(new - old) > max_relative_change * old and abs(new - old) > STANDARD_ERRORS * error


def count_line(frames: Frames, partitions: Sequence[str]) -> Counts:
    """What there is: the funnel from files to labels, by partition, by split, by reason, by finding."""
    return {
        "funnel": _funnel(frames),
        "partitions": [_count_partition(frames, name) for name in partitions],
        "splits": [_count_split(frames, split) for split in SPLITS],
        "quarantine": _count_reasons(frames),
        "findings": _count_findings(frames),
        "label_rates": count_present(frames) if _has(frames, "region_labels", "label", "finding") else [],
        "unknown_terms": _count_terms(frames),
    }


def _funnel(frames: Frames) -> list[dict[str, str | int]]:
    manifest, reports, labels = frames["manifest"], frames["reports"], frames["region_labels"]
    images, mentions = frames["images"], frames["mentions"]
    located = labels["study_id"][labels["region"].notna()] if _has(frames, "region_labels", "region") else pd.Series()
    steps = (
        ("files landed (reports and images)", len(manifest)),
        ("files usable", len(manifest) - len(frames["quarantine"])),
        ("reports usable (studies)", len(reports)),
        ("frontal images packed", len(images)),
        ("studies with a packed image", _distinct(images, "study_id")),
        ("mentions of findings", len(mentions)),
        ("studies with a label", _distinct(labels, "study_id")),
        ("studies with a label in a region", int(located.nunique())),
        ("region labels", len(labels)),
    )
    return [{"step": step, "n": n} for step, n in steps]


def _count_partition(frames: Frames, partition: str) -> dict[str, str | int]:
    rows: dict[str, str | int] = {"partition": partition}
    for table in FOLDERS:
        rows[table.name] = int((frames[table.name]["partition"] == partition).sum())
    return rows


def _count_split(frames: Frames, split: str) -> dict[str, str | int]:
    if not _has(frames, "reports", "split", "subject_id") or not _has(frames, "images", "split"):
        return {"split": split}
    reports, images = frames["reports"], frames["images"]
    mine = reports[reports["split"] == split]
    return {
        "split": split,
        "subjects": int(mine["subject_id"].nunique()),
        "studies": len(mine),
        "images": int((images["split"] == split).sum()),
        "labelled_studies": int(mine["study_id"].isin(frames["region_labels"]["study_id"]).sum()),
    }


def _count_reasons(frames: Frames) -> list[dict[str, str | int]]:
    if not _has(frames, "quarantine", "reason"):
        return []
    sizes = frames["quarantine"]["reason"].value_counts()
    return [{"reason": reason, "n": int(sizes[reason])} for reason in QUARANTINE_REASONS if reason in sizes]


def _count_findings(frames: Frames) -> list[dict[str, str | int]]:
    """Studies in which a finding is present, absent, uncertain anywhere; a study counts once for each."""
    if not _has(frames, "region_labels", "finding", "label", "study_id"):
        return []
    rows = frames["region_labels"][["study_id", "finding", "label"]].drop_duplicates()
    sizes = rows.groupby(["finding", "label"]).size()
    return [
        {"finding": finding, **{label: int(sizes.get((finding, label), 0)) for label in LABELS}}
        for finding in sorted(set(rows["finding"]))
    ]


def _count_terms(frames: Frames) -> list[dict[str, str | int]]:
    """By the recogniser's label, how many terms the vocabulary lacks (a term counts once a partition). No words."""
    if not _has(frames, "unknown_terms", "entity", "n_mentions"):
        return []
    grouped = frames["unknown_terms"].groupby("entity")["n_mentions"]
    sizes, sums = grouped.size(), grouped.sum()
    return [{"entity": str(name), "n_terms": int(sizes[name]), "n_mentions": int(sums[name])} for name in sizes.index]


def _landing_of_study(frames: Frames) -> pd.Series:
    """study_id -> the landing that brought its report."""
    manifest = frames["manifest"]
    known = manifest.loc[manifest["study_id"].isin(frames["reports"]["study_id"]), ["study_id", "landing"]]
    return known.sort_values(["study_id", "landing"]).drop_duplicates("study_id").set_index("study_id")["landing"]


def _distinct(frame: pd.DataFrame, column: str) -> int:
    return int(frame[column].nunique()) if column in frame.columns else 0


def _has(frames: Frames, table: str, *columns: str) -> bool:
    return set(columns) <= set(frames[table].columns)
