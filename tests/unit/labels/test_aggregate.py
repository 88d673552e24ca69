"""From mentions to labels: cases worked by hand, and the rules that hold for any mentions."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import UsageError
from hilum.labels.aggregate import LABEL_OF_WORD, RANKS, aggregate_mentions
from hilum.schema import ASSERTIONS, MENTIONS, REGION_LABELS
from hilum.tables import to_arrow, to_pandas

Row = tuple[int, str, str, list[str], str]


def mentions(*rows: Row) -> pd.DataFrame:
    """study, section, finding, regions, assertion; mention_id counts up."""
    frame = pd.DataFrame(rows, columns=["study_id", "section", "finding", "regions", "assertion"])
    return frame.assign(mention_id=range(len(frame)), explains=None)


def labelled(frame: pd.DataFrame) -> list[tuple[int, str | None, str, str, list[int]]]:
    regions = [None if pd.isna(r) else r for r in frame["region"]]
    return list(zip(frame["study_id"], regions, frame["finding"], frame["label"], frame["evidence"], strict=True))


RULE = "impression_then_present"


def test_one_row_a_region_and_null_for_the_unplaced() -> None:
    frame = mentions(
        (1, "findings", "atelectasis", ["right lower lung zone", "left lower lung zone"], "present"),
        (1, "findings", "atelectasis", [], "present"),
    )
    assert labelled(aggregate_mentions(frame, RULE)) == [
        (1, None, "atelectasis", "present", [1]),
        (1, "left lower lung zone", "atelectasis", "present", [0]),
        (1, "right lower lung zone", "atelectasis", "present", [0]),
    ]


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [
        (("findings", "present"), ("impression", "absent"), "absent"),
        (("findings", "present"), ("impression", "uncertain"), "uncertain"),
        (("findings", "absent"), ("findings", "uncertain"), "uncertain"),
        (("findings", "uncertain"), ("findings", "present"), "present"),
        (("impression", "absent"), ("impression", "present"), "present"),
        (("addendum", "present"), ("findings", "absent"), "present"),
        (("addendum", "absent"), ("findings", "present"), "present"),
        (("addendum", "absent"), ("findings", "uncertain"), "uncertain"),
        (("addendum", "present"), ("impression", "absent"), "absent"),
        (("last_paragraph", "absent"), ("impression", "present"), "present"),
        (("impression", "historical"), ("findings", "absent"), "absent"),
    ],
)
def test_conflicts(first: tuple[str, str], second: tuple[str, str], label: str) -> None:
    rows = [(1, section, "pneumonia", ["left lung"], assertion) for section, assertion in (first, second)]
    for order in (rows, rows[::-1]):
        assert aggregate_mentions(mentions(*order), RULE)["label"].tolist() == [label]


def test_without_regard_to_sections_present_wins() -> None:
    frame = mentions((1, "findings", "pneumonia", [], "present"), (1, "impression", "pneumonia", [], "absent"))
    labels = aggregate_mentions(frame, "present")
    assert labelled(labels) == [(1, None, "pneumonia", "present", [0, 1])]
    assert labels["n_mentions"].tolist() == [2]


def test_history_and_hypothesis_make_no_label() -> None:
    frame = mentions((1, "history", "pneumonia", [], "historical"), (1, "findings", "pneumonia", [], "hypothetical"))
    assert aggregate_mentions(frame, RULE).empty
    assert aggregate_mentions(mentions(), RULE).empty


def test_an_explanation_is_an_uncertain_label_below_what_is_seen() -> None:
    rows = [(1, "findings", "pneumonia", [], "absent"), (1, "findings", "pneumonia", [], "hypothetical")]
    assert labelled(aggregate_mentions(mentions(*rows).assign(explains=[None, 0]), RULE)) == [
        (1, None, "pneumonia", "uncertain", [0, 1])
    ]
    said = mentions((1, "findings", "pneumonia", [], "present"), rows[1]).assign(explains=[None, 0])
    assert aggregate_mentions(said, RULE)["label"].tolist() == ["present"]


def test_the_input_is_left_as_it_was() -> None:
    frame = mentions((1, "findings", "pneumonia", ["left lung"], "present"))
    before = frame.copy(deep=True)
    aggregate_mentions(frame, RULE)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("rule", sorted(RANKS))
def test_the_table_of_conflicts_is_whole_and_each_rank_is_one_label(rule: str) -> None:
    assert set(RANKS[rule]) == {(p, w) for p in ("impression", "body", "addendum") for w in LABEL_OF_WORD}
    labels: dict[int, set[str]] = {}
    for (_, word), rank in RANKS[rule].items():
        labels.setdefault(rank, set()).add(LABEL_OF_WORD[word])
    assert all(len(words) == 1 for words in labels.values())


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(UsageError, match=r"label\.on_conflict is 'loudest'; choose one of"):
        aggregate_mentions(mentions(), "loudest")


REGIONS = st.lists(st.sampled_from(["left lung", "left lower lung zone", "spine"]), max_size=2, unique=True)
ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["findings", "impression"]),
        st.sampled_from(["pneumonia", "hernia"]),
        REGIONS,
        st.sampled_from(ASSERTIONS),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(ROWS, st.sampled_from(sorted(RANKS)))
def test_against_the_slow_obvious_way(rows: list[Row], rule: str) -> None:
    expected: dict[tuple[int, str | None, str], list[tuple[int, str, int]]] = {}
    for number, (study, section, finding, regions, assertion) in enumerate(rows):
        if assertion in {"present", "uncertain", "absent"}:
            rank = RANKS[rule][("impression" if section == "impression" else "body", assertion)]
            for region in regions or [None]:
                expected.setdefault((study, region, finding), []).append((rank, assertion, number))
    found = aggregate_mentions(mentions(*rows), rule)
    assert {(s, r, f): (label, ids) for s, r, f, label, ids in labelled(found)} == {
        key: (min(said)[1], sorted(number for _, _, number in said)) for key, said in expected.items()
    }


def test_labels_fit_their_table_and_come_back() -> None:
    frame = aggregate_mentions(mentions((50000001, "findings", "hernia", [], "present")), RULE)
    again = to_pandas(to_arrow(frame.astype({"study_id": "int64"}), REGION_LABELS))
    assert labelled(again)[0][:4] == (50000001, None, "hernia", "present")
    assert set(MENTIONS.column_names) >= {"study_id", "mention_id", "section", "finding", "regions", "assertion"}
