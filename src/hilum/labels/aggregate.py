"""What a report as a whole says of a finding in a region.

In: mentions. Out: region labels. The rules are the table RANKS: where two mentions of one (region, finding) disagree,
the lowest rank decides, and LABEL_OF_WORD says which label its word is. Mentions of history, and hypotheses that
explain nothing, make no label; what is not mentioned has no row. A region is labelled as it was named: that a zone lies
in its lung is for whoever uses the labels to apply (parents.py).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hilum.errors import UsageError
from hilum.schema import LABELS, REGION_LABELS

PARTS = {"impression": "impression", "addendum": "addendum"}
"""Section -> the part of the report that it is; every other section that is read for labels is the body."""

LABEL_OF_WORD = {"present": "present", "uncertain": "uncertain", "explanation": "uncertain", "absent": "absent"}
"""What is said -> label. An explanation is a hypothesis that explains a sign ("opacity, likely atelectasis")."""

RANKS: dict[str, dict[tuple[str, str], int]] = {
    # on_conflict: (part, what is said) -> rank; the lowest decides
    "impression_then_present": {
        # the reader's conclusion, drawn after all was seen, stands above the rest
        ("impression", "present"): 0,
        # "small effusion. Possible effusion": a doubt undoes nothing that is seen
        ("impression", "uncertain"): 1,
        # an offered cause says less of itself than a doubt about the finding
        ("impression", "explanation"): 2,
        # "no effusion" beside a place that has one is of other places, or of another day
        ("impression", "absent"): 3,
        # described, and the impression is silent: most of what is known stands only here
        ("body", "present"): 4,
        ("body", "uncertain"): 5,
        ("body", "explanation"): 6,
        # denied everywhere that it is spoken of
        ("body", "absent"): 7,
        # an addendum adds: what it sees is one more description beside the body's, and it takes nothing back
        ("addendum", "present"): 4,
        ("addendum", "uncertain"): 5,
        ("addendum", "explanation"): 6,
        ("addendum", "absent"): 7,
    },
    "present": {
        # a finding that is seen anywhere in the report is there
        ("impression", "present"): 0,
        ("body", "present"): 0,
        ("addendum", "present"): 0,
        # doubted in one place and denied in another: a doubt is left
        ("impression", "uncertain"): 1,
        ("body", "uncertain"): 1,
        ("addendum", "uncertain"): 1,
        # the weakest doubt, and still no denial
        ("impression", "explanation"): 2,
        ("body", "explanation"): 2,
        ("addendum", "explanation"): 2,
        # absent only where nobody says otherwise
        ("impression", "absent"): 3,
        ("body", "absent"): 3,
        ("addendum", "absent"): 3,
    },
}


def aggregate_mentions(mentions: pd.DataFrame, on_conflict: str) -> pd.DataFrame:
    """One row a (study_id, region, finding), in that order: its label, how many mentions bear on it, and which.

    mentions: study_id, mention_id, section, finding, regions, assertion, explains; regions empty = unplaced (region
    null). evidence holds every mention of the key that makes a label, those overruled included.
    Raises UsageError if on_conflict is not a key of RANKS.
    """
    if on_conflict not in RANKS:
        raise UsageError(f"label.on_conflict is '{on_conflict}'; choose one of {sorted(RANKS)}.")
    said = what_is_said(mentions)
    kept = mentions[said.notna()]
    ranks = _rank(kept["section"], said[said.notna()], RANKS[on_conflict])
    study, studies = pd.factorize(kept["study_id"], sort=True)
    finding, findings = _encode(_column(kept, "finding", pa.string()))
    mention, region, regions = _place(_column(kept, "regions", pa.list_(pa.string())))
    key = (study[mention].astype(np.int64) * (len(regions) + 1) + region) * max(len(findings), 1) + finding[mention]
    number = kept["mention_id"].to_numpy(dtype=np.int64, na_value=-1)[mention]
    order = np.lexsort((number, key))
    repeated = np.zeros(len(order), bool)
    repeated[1:] = (np.diff(key[order]) == 0) & (np.diff(number[order]) == 0)
    order = order[~repeated]
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    ends = np.append(first, len(order)).astype(np.int32)
    lowest = np.minimum.reduceat(ranks[mention[order]], first) if len(first) else ranks[:0]
    label_of_rank = {rank: LABEL_OF_WORD[word] for (_, word), rank in RANKS[on_conflict].items()}
    one = order[first]
    evidence = pa.ListArray.from_arrays(ends, pa.array(number[order], pa.int32()))
    return pd.DataFrame(
        {
            "study_id": studies.take(study[mention[one]]),
            "region": pd.Series([None, *regions], dtype="str").take(region[one]).array,
            "finding": pd.Series(findings, dtype="str").take(finding[mention[one]]).array,
            "label": pd.Series(lowest).map(label_of_rank).astype("str"),
            "n_mentions": np.diff(ends).astype(np.int32),
            "evidence": pd.arrays.ArrowExtensionArray(evidence),
        },
        columns=list(REGION_LABELS.column_names),
    )


def what_is_said(mentions: pd.DataFrame) -> pd.Series:
    """Each mention's word in RANKS: its label, "explanation", or missing where it makes no label."""
    said = mentions["assertion"].astype(object)
    explanation = (said == "hypothetical") & mentions["explains"].notna()
    return said.mask(explanation, "explanation").where(said.isin(LABELS) | explanation)


def _rank(sections: pd.Series, said: pd.Series, ranks: dict[tuple[str, str], int]) -> np.ndarray:
    """The rank of each mention."""
    part = sections.map(PARTS).fillna("body")
    found = np.zeros(len(said), np.int64)
    for (wanted, word), rank in ranks.items():
        found[((part == wanted) & (said == word)).to_numpy(dtype=bool)] = rank
    return found


def _column(frame: pd.DataFrame, name: str, kind: pa.DataType) -> pa.Array:
    table = pa.Table.from_pandas(frame[[name]], schema=pa.schema([(name, kind)]), preserve_index=False)
    return table.column(name).combine_chunks()


def _encode(values: pa.Array) -> tuple[np.ndarray, list[str]]:
    """Codes into the sorted list of distinct words."""
    encoded = values.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    order = sorted(words)
    position = {word: number for number, word in enumerate(order)}
    codes = np.array([position[word] for word in words], np.int64)
    return codes[encoded.indices.to_numpy(zero_copy_only=False)], order


def _place(regions: pa.Array) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(mention, region) of each place that a mention names: positions, and codes from 1; 0 where it names none."""
    codes, words = _encode(pc.list_flatten(regions))
    placed = pc.list_parent_indices(regions).to_numpy(zero_copy_only=False)
    unplaced = np.flatnonzero(pc.list_value_length(regions).fill_null(0).to_numpy(zero_copy_only=False) == 0)
    mention = np.concatenate([placed, unplaced]).astype(np.int64)
    return mention, np.concatenate([codes + 1, np.zeros(len(unplaced), np.int64)]), words
