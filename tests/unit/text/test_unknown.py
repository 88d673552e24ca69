"""Terms that the vocabulary lacks, found by a tiny recogniser that this file trains (84 sentences, three seconds)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pandas as pd
import pytest
import spacy
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training import Example

from hilum.cli import cli
from hilum.config import ParseParams
from hilum.errors import UsageError
from hilum.schema import MENTIONS, REPORTS, SECTIONS, UNKNOWN_TERMS
from hilum.stages import parse
from hilum.tables import read_table, write_table
from hilum.text.sections import split_sections
from hilum.text.sentences import plain
from hilum.text.unknown import TermCounter, load_recogniser, merge_terms

NOUNS = ("Gossypiboma", "gossypibomas", "oleothorax", "azygos plombage", "pleural effusion", "consolidation",
         "Kommerell diverticulum", "right lower lobe", "lung hernia", "cervical plombage", "pneumothorax",
         "lipoma")  # fmt: skip
FRAMES = ("There is a {} on the left.", "No {} is seen.", "Small {} again noted.", "{} is unchanged.", "Mild {}.",
          "Findings suggest {} today.", "The {} has grown since the prior film.")  # fmt: skip
ENTITY = "ENTITY"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a pipeline with an entity recogniser."""
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    ner.add_label(ENTITY)
    examples = []
    for frame in FRAMES:
        for noun in NOUNS:
            text, start = frame.format(noun), frame.index("{}")
            entities = [(start, start + len(noun), ENTITY)]
            examples.append(Example.from_dict(nlp.make_doc(text), {"entities": entities}))
    spacy.util.fix_random_seed(0)
    shuffle = random.Random(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(8):
        shuffle.shuffle(examples)
        for batch in spacy.util.minibatch(examples, 16):
            nlp.update(batch, sgd=optimizer, drop=0.1)
    folder = tmp_path_factory.mktemp("models") / "tiny_ner"
    nlp.to_disk(folder)
    return folder


def report(findings: str, impression: str = "Stable.") -> str:
    skipped = " COMPARISON:  There is a lipoma on the left.\n"
    return f" FINAL REPORT\n{skipped} FINDINGS:  {findings}\n \n IMPRESSION:  {impression}\n"


TEXTS = [
    report("There is a gossypiboma on the left. There is a Gossypiboma on the left.", "Small oleothorax again noted."),
    report("There is a gossypiboma on the left. No pleural effusion is seen."),
    report("No consolidation is seen. Mild cervical\n plombage."),
    report("There is a gossypiboma on the left."),
]


def parse_texts(folder: Path, model: str, texts: list[str] = TEXTS, batch_size: int = 2) -> dict[str, Path]:
    paths = {name: folder / f"{name}.parquet" for name in ("texts", "sections", "mentions", "terms")}
    rows = [(50000001 + i, 10000001 + i, "train", text) for i, text in enumerate(texts)]
    write_table(paths["texts"], pd.DataFrame(rows, columns=list(REPORTS.column_names)), REPORTS)
    parse.run(*paths.values(), ParseParams(spacy_model=model, batch_size=batch_size))
    return paths


def terms_of(path: Path) -> dict[str, tuple[int, int, list[int]]]:
    frame = read_table(path, UNKNOWN_TERMS)
    assert set(frame["entity"]) <= {ENTITY}
    return {
        row["term"]: (row["n_reports"], row["n_mentions"], list(row["study_ids"])) for row in frame.to_dict("records")
    }


def test_what_the_lexicon_lacks_is_counted_by_report_and_by_mention(model: Path, tmp_path: Path) -> None:
    found = terms_of(parse_texts(tmp_path, str(model))["terms"])
    assert found["gossypiboma"] == (3, 4, [50000001, 50000002, 50000004])
    assert found["oleothorax"] == (1, 1, [50000001])
    assert next(iter(found)) == "gossypiboma"


def test_what_the_vocabulary_covers_is_no_candidate(model: Path, tmp_path: Path) -> None:
    found = terms_of(parse_texts(tmp_path, str(model))["terms"])
    assert not {"pleural effusion", "effusion", "consolidation"} & set(found)
    assert "lipoma" not in found, "a section that is not read gives no term"


def test_capitals_and_line_ends_are_read_as_they_were_written(model: Path, tmp_path: Path) -> None:
    found = terms_of(
        parse_texts(tmp_path, str(model), [report("Mild cervical\n plombage."), report("CERVICAL PLOMBAGE.")])["terms"]
    )
    assert found["cervical plombage"][0] >= 1
    assert all(term == term.lower() for term in found)


def test_sections_and_mentions_are_the_same_with_and_without_a_recogniser(model: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("with", "without")]
    done = [parse_texts(folder, name) for folder, name in zip(folders, (str(model), "blank"), strict=True)]
    for name in ("sections", "mentions"):
        assert done[0][name].read_bytes() == done[1][name].read_bytes()
    assert len(read_table(done[1]["terms"], UNKNOWN_TERMS)) == 0
    assert len(read_table(done[1]["mentions"], MENTIONS)) and len(read_table(done[1]["sections"], SECTIONS))


def test_the_same_bytes_whatever_the_batch_and_the_order(model: Path, tmp_path: Path) -> None:
    first, second = (parse_texts(tmp_path / str(n), str(model), TEXTS * 3, n)["terms"] for n in (1, 64))
    assert first.read_bytes() == second.read_bytes()


def test_a_pipeline_without_a_recogniser_gives_no_term(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "plain")
    assert terms_of(parse_texts(tmp_path, str(tmp_path / "plain"))["terms"]) == {}


def test_an_entity_ruler_recognises_too(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "TEST", "pattern": "left basilar gossypiboma"}])
    nlp.to_disk(tmp_path / "ruler")
    found = read_table(
        parse_texts(tmp_path, str(tmp_path / "ruler"), ["A left basilar gossypiboma."])["terms"], UNKNOWN_TERMS
    )
    assert found[["term", "entity"]].values.tolist() == [["gossypiboma", "TEST"]]


@pytest.mark.parametrize(
    ("entity", "term"),
    [
        ("left basilar gossypiboma", "gossypiboma"),
        ("the gossypiboma of the right lung", "gossypiboma"),
        ("large azygos plombage", "azygos plombage"),
        ("left pleural effusion", ""),  # its head is known
        ("gossypiboma with effusion", "gossypiboma"),
        ("___", ""),
        ("Dr. ___", ""),
        ("2.5", ""),
    ],
)
def test_what_an_entity_is_called(entity: str, term: str) -> None:
    counter = ruled(entity)
    text = f"Seen: {entity}."
    counter.count([(1, text, split_sections(text))])
    assert list(counter.rows()["term"]) == ([term] if term else [])


def ruled(entity: str) -> TermCounter:
    """A counter whose recogniser knows one entity."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "TEST", "pattern": entity}])
    return TermCounter(nlp)


@pytest.fixture(scope="module")
def greedy() -> TermCounter:
    """A counter whose recogniser takes every word, with what is around it, for an entity."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "ANY", "pattern": [{"OP": "?"}, {"IS_SPACE": False}]}])
    return TermCounter(nlp)


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet=st.sampled_from("aB é_.,:;-–/()\n\t\u00a0\u0130\ufb01\U0001f600'0"), max_size=120))
def test_no_text_stops_it(greedy: TermCounter, text: str) -> None:
    greedy.count([(1, text, split_sections(text))])
    assert all(term and term == plain(term) for term in greedy.rows()["term"])


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"parse\.spacy_model is 'en_core_nowhere', which is not installed and is no"):
        load_recogniser("en_core_nowhere")


def test_partitions_are_added_up() -> None:
    columns = ["term", "entity", "n_reports", "n_mentions", "study_ids"]
    one = pd.DataFrame([("lipoma", "E", 2, 3, [1, 2]), ("azygos plombage", "E", 1, 1, [3])], columns=columns)
    two = pd.DataFrame([("azygos plombage", "E", 4, 4, [7, 8, 9, 10]), ("lipoma", "F", 1, 1, [7])], columns=columns)
    assert merge_terms([one, two]).values.tolist() == [
        ["azygos plombage", "E", 5, 5, [3, 7, 8, 9, 10]],
        ["lipoma", "E", 2, 3, [1, 2]],
        ["lipoma", "F", 1, 1, [7]],
    ]
    assert len(merge_terms([])) == 0


def test_from_the_command_line_by_path(
    model: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hilum parse` with a model's folder in params.yaml, then `hilum unknown-terms` over two partitions."""
    params = (root / "params.yaml").read_text()
    assert "spacy_model: blank" in params
    (tmp_path / "params.yaml").write_text(params.replace("spacy_model: blank", f"spacy_model: {model}"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/landings.yaml").write_text(
        "collection: c\ngenerated: []\npartitions:\n  a: {landing: L0001}\n  b: {landing: L0001}\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        rows = [(50000001 + i, 10000001, "train", text) for i, text in enumerate(TEXTS)]
        write_table(Path(f"texts/{name}.parquet"), pd.DataFrame(rows, columns=list(REPORTS.column_names)), REPORTS)
        words = ["parse", "--texts", f"texts/{name}.parquet", "--sections", "s", "--mentions", "m"]
        done = CliRunner().invoke(cli, [*words, "--unknown-terms", f"data/unknown_terms/{name}.parquet"])
        assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(cli, ["unknown-terms", "--min-reports", "6"])
    assert shown.exit_code == 0, shown.output
    first = shown.stdout.splitlines()[0].split()
    assert first[:4] == ["6", "8", ENTITY, "gossypiboma"]
    as_json = CliRunner().invoke(cli, ["unknown-terms", "--limit", "1", "--json"])
    assert json.loads(as_json.stdout)["term"] == "gossypiboma" and "1 shown" in as_json.stderr


def test_without_a_recogniser_the_verb_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/landings.yaml").write_text("collection: c\ngenerated: []\npartitions:\n  a: {landing: L0001}\n")
    write_table(Path("data/unknown_terms/a.parquet"), TermCounter(None).rows(), UNKNOWN_TERMS)
    shown = CliRunner().invoke(cli, ["unknown-terms"])
    assert shown.stdout == "" and "set parse.spacy_model" in shown.stderr
