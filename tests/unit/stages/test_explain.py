"""explain: a made collection with made reports; the consensus, and language models that fail here and there."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from hilum.config import ExplainParams, IndexParams, LabelParams, ParseParams, read_params
from hilum.errors import BadDataError, UsageError
from hilum.schema import EXPLANATIONS, INDEX_ROWS, REPORTS
from hilum.stages import explain, explain_one, index, label, parse
from hilum.tables import read_table, write_table
from hilum.vocabulary import finding_name

material = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "explanation" / "material.py")))

MARK = "zebra"  # stands in every report, and must not in any log
REGION = "right costophrenic angle"

FLAT = IndexParams(kind="flat", flat_up_to=0, train_images=1, candidates=1)


def write_reports(made: Any, data: Path) -> None:
    """A report a study that says what is drawn; parsed and labelled by the stages of the line."""
    for part, name in enumerate(made.partitions):
        images = made.images[part::2]
        texts = []
        for study, subject, split in zip(images["study_id"], images["subject_id"], images["split"]):
            drawn = made.truth[made.truth["study_id"] == study]
            said = [f"{finding_name(f).capitalize()} in the {r}." for f, r in zip(drawn["finding"], drawn["region"])]
            text = f"FINDINGS: {' '.join(said) or 'No pneumothorax.'} The {MARK} is unremarkable."
            texts.append({"study_id": study, "subject_id": subject, "split": split, "text": text})
        frame = pd.DataFrame(texts)
        paths = [data / f"{kind}/{name}.parquet" for kind in ("texts", "sections", "mentions", "unknown_terms")]
        write_table(paths[0], frame, REPORTS)
        parse.run(*paths, ParseParams(spacy_model="blank", batch_size=64))
        labels = LabelParams(on_conflict="impression_then_present", chexpert_text="report")
        label.run(*paths[:3], data / f"region_labels/{name}.parquet", data / f"chexpert/{name}.parquet", labels)


@pytest.fixture(scope="module")
def folder(make_collection: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data, index and metrics.json of a collection whose reports say what is drawn."""
    folder = tmp_path_factory.mktemp("explain")
    made = make_collection(n_images=120)
    write_reports(made, made.write(folder / "data"))
    index.run(*made.tables(folder / "data"), made.partitions, folder / "index", FLAT)
    (folder / "metrics.json").write_text('{"retrieval": {"alpha": 1.0}}')
    return folder


@pytest.fixture
def params(root: Path) -> ExplainParams:
    return read_params(root / "params.yaml").explain.model_copy(
        update={"n_questions": 40, "n_healthy": 10, "n_bootstrap": 50, "n_cases": 5, "n_examples": 4}
    )


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    servers: list[Any] = []

    def start(answer: Callable[[dict[str, Any]], tuple[int, bytes]]) -> Any:
        servers.append(material.Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def run(folder: Path, out: Path, params: ExplainParams, collection: str = "phantom") -> dict:
    partitions = ["L0001-p10-p14", "L0001-p15-p19"]
    explain.run(
        folder / "data", partitions, folder / "index", folder / "metrics.json", out / "explanations",
        out / "explanations.json", params, collection,
    )  # fmt: skip
    return json.loads((out / "explanations.json").read_text())


def with_server(params: ExplainParams, server: Any, **changes: Any) -> ExplainParams:
    writer = material.language_model(address=server.address, **changes)
    return params.model_copy(update={"writer": writer})


def obedient(body: dict[str, Any]) -> tuple[int, bytes]:
    """A language model that does as it is told: it repeats the first sentence of a case, and makes one thing up."""
    prompt = body["messages"][0]["content"]
    for block in prompt.split("\nCase ")[1:]:
        number, _, rest = block.partition("\n")
        if rest.startswith("> "):
            sentence = rest.splitlines()[0][2:].rstrip(".")
            return material.chat(f"EXPLANATION:\n- {sentence} [{number}].\n- There is a mass [{number}].\n- And so on.")
    return material.chat("EXPLANATION:\n- Nothing is known.")


def test_the_consensus_names_what_is_there_and_random_cases_do_not(
    folder: Path, tmp_path: Path, params: ExplainParams, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    figures = run(folder, tmp_path, params)
    assert figures["relevance"] == "truth" and figures["writer"] == "consensus" and figures["alpha"] == 1
    assert figures["search_minus_random"]["f1_low"] > 0.25 and figures["search"]["f1"] > 0.6
    assert figures["healthy"]["questions"] == 10 and figures["counts"]["scored"] == 40
    assert figures["statements"]["search"]["kept"] == figures["statements"]["search"]["made"] > 40
    assert figures["failures"]["search"] == {"all": 0}
    assert MARK not in caplog.text and "effusion" not in caplog.text.lower()
    table = read_table(tmp_path / "explanations/explanations.parquet", EXPLANATIONS)
    rows = read_table(folder / "index/rows.parquet", INDEX_ROWS)
    subjects = dict(zip(rows["dicom_id"], rows["subject_id"]))
    assert len(table) == 100 and set(table["retrieval"]) == {"search", "random"}
    for row in table.itertuples():
        assert len(row.cases) == 5 and all(subjects[case] != row.subject_id for case in row.cases)


def test_twice_gives_the_same_bytes(folder: Path, tmp_path: Path, params: ExplainParams) -> None:
    for name in ("a", "b"):
        run(folder, tmp_path / name, params)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {path.name for path in files} == {"explanations.json", "examples.json", "explanations.parquet"}
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_the_examples_hold_what_a_page_shows(folder: Path, tmp_path: Path, params: ExplainParams) -> None:
    run(folder, tmp_path, params)
    examples = json.loads((tmp_path / "explanations/examples.json").read_text())["examples"]
    assert len(examples) == 4
    scores = [example["search"]["f1"] for example in examples]
    assert scores == sorted(scores) and scores[-1] == 1
    best = examples[-1]
    assert best["search"]["said"] == best["true"] and best["true"]
    for case in best["search"]["cases"]:
        assert case["dicom_id"] != best["dicom_id"] and -1 <= case["similarity"] <= 1
    cited = {number for row in best["search"]["statements"] for number in row["cites"]}
    shown = {case["number"]: case for case in best["search"]["cases"]}
    assert all(shown[number]["sentences"] for number in cited) and "[1]" in best["search"]["text"]
    assert all(case["similarity"] is None for case in best["random"]["cases"])


def test_a_real_collection_is_scored_by_weak_labels_and_says_so(
    folder: Path, tmp_path: Path, params: ExplainParams
) -> None:
    assert run(folder, tmp_path, params, "mine")["relevance"] == "weak"


def test_a_language_model_is_asked_checked_and_judged(
    folder: Path, tmp_path: Path, params: ExplainParams, serve: Callable[..., Any]
) -> None:
    server, judge = serve(obedient), serve(lambda body: material.chat("RATING: 4"))
    judged = params.judge.model_copy(update={"client": "server", "address": judge.address, "model": "judge"})
    figures = run(folder, tmp_path, with_server(params, server).model_copy(update={"judge": judged}))
    assert figures["writer"] == "server: tiny" and figures["judge"]["search"]["consistency"] == 4
    statements = figures["statements"]["search"]
    assert statements["unsupported"] >= 40 and statements["no_citation"] >= 40 and statements["kept"] >= 30
    assert figures["search_minus_random"]["f1"] > 0.1
    for asked in (server.prompts(), judge.prompts()):  # cases that say the same make the same prompt: asked once
        assert 30 < len(asked) == len(set(asked)) <= 100
    assert "127.0.0.1" not in (tmp_path / "explanations.json").read_text()
    assert not list(tmp_path.glob(".*")), "answers are kept no longer than needed"


def test_failures_are_counted_and_the_rest_goes_on(
    folder: Path, tmp_path: Path, params: ExplainParams, serve: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    wrong = [(500, MARK.encode()), (200, MARK.encode()), (200, b'{"choices": []}'), (503, b"")]

    def answer(body: dict[str, Any]) -> tuple[int, bytes]:
        number = len(server.asked)
        if number % 6:
            return obedient(body)
        return material.late(5) if number == 18 else wrong[number // 6 % 4]

    server = serve(answer)
    figures = run(folder, tmp_path, with_server(params, server, timeout_s=4))
    failures = {reason for name in ("search", "random") for reason in figures["failures"][name]} - {"all"}
    assert failures == {"HTTP 500", "HTTP 503", "malformed answer", "no choices in the answer", "timed out after 4 s"}
    n_failed = sum(figures["failures"][name]["all"] for name in ("search", "random"))
    assert n_failed >= len(server.asked) // 6 > 8
    table = read_table(tmp_path / "explanations/explanations.parquet", EXPLANATIONS)
    assert len(table) == 100 and int(table["failure"].notna().sum()) == n_failed == int(table["text"].isna().sum())
    assert 0 < figures["counts"]["scored"] < 40 and figures["search"]["f1"] > figures["random"]["f1"]
    assert sum("HTTP 500" in message for message in caplog.messages) >= 2 and MARK not in caplog.text
    assert f"{n_failed} answers failed" in caplog.messages[-1]


def test_a_server_that_goes_down_loses_no_answer(
    folder: Path, tmp_path: Path, params: ExplainParams, serve: Callable[..., Any]
) -> None:
    server = serve(lambda body: obedient(body) if len(server.asked) <= 30 else (503, b""))
    with pytest.raises(BadDataError, match=r"HTTP 503\. 30 answers are kept: mend or start"):
        run(folder, tmp_path, with_server(params, server))
    assert not (tmp_path / "explanations").exists() and not (tmp_path / "explanations.json").exists()
    n_asked, server.answer = len(server.asked), obedient
    answered = set(server.prompts()[:30])
    interrupted = run(folder, tmp_path, with_server(params, server))
    assert 10 < len(server.asked) - n_asked <= 70 and answered.isdisjoint(server.prompts()[n_asked:])
    assert interrupted == run(folder, tmp_path / "other", with_server(params, server))


def test_a_local_model_that_talks_nonsense_is_not_believed(folder: Path, tmp_path: Path, params: ExplainParams) -> None:
    tiny = material.make_tiny_model(tmp_path / "tiny")
    few = params.model_copy(update={"n_questions": 2, "n_healthy": 0})
    writer = material.language_model(client="local", model=str(tiny), max_tokens=30)
    figures = run(folder, tmp_path, few.model_copy(update={"writer": writer}))
    assert figures["search"]["f1"] == 0 and figures["writer"] == "local: tiny"
    made = figures["statements"]["search"]
    assert made["kept"] == 0 and made["made"] == made["no_citation"] + made["unknown_case"] + made["no_finding"]


def test_metrics_without_alpha_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(BadDataError, match=r"metrics\.json names no alpha \(KeyError\)"):
        explain.read_alpha(tmp_path / "metrics.json")


def ask_one(folder: Path, root: Path, as_json: bool = True, **asked: Any) -> str:
    question = explain_one.Asked(**{"study": None, "image": None, "text": None, "region": REGION, **asked})
    return explain_one.run(
        folder / "data", ["L0001-p10-p14", "L0001-p15-p19"], folder / "index", folder / "data/locate",
        folder / "regions", read_params(root / "params.yaml"), question, 1.0, 5, as_json,
    )  # fmt: skip


def test_one_question_is_answered_with_its_cases(folder: Path, root: Path) -> None:
    truth = pd.read_parquet(folder / "data/truth/L0001/findings.parquet")
    study = int(truth.loc[truth["region"] == REGION, "study_id"].iloc[0])
    found = json.loads(ask_one(folder, root, study=study))
    assert found["said"] == ["pleural_effusion"] and found["writer"] == "consensus" and len(found["cases"]) == 5
    assert study not in {case["study_id"] for case in found["cases"]}
    lines = ask_one(folder, root, study=study, as_json=False).splitlines()
    assert lines[0] == f"{REGION}, by consensus from 5 cases, alpha 1; not for diagnosis"
    assert any("Pleural effusion in the right costophrenic angle." in line for line in lines)
    assert sum(line.startswith("[") for line in lines) == 5


def test_a_region_or_text_that_cannot_be_asked_about_is_refused(folder: Path, root: Path) -> None:
    with pytest.raises(UsageError, match="There is no region 'nose'; the index has: right lung"):
        ask_one(folder, root, study=50000000, region="nose")
    with pytest.raises(UsageError, match="The text to ask with is empty"):
        ask_one(folder, root, text="  ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client": "server"}, "client server needs a model"),
        ({"client": "server", "model": "m"}, "client server needs an address"),
        ({"address": "http://me:secret@host/v1"}, "explain.writer.address"),
        ({"address": "ftp://host"}, "explain.writer.address"),
        ({"key": "sk-1"}, "explain.writer.key"),
        ({"client": "gpt"}, "explain.writer.client"),
    ],
)
def test_wrong_parameters_are_named_and_no_key_is_taken(root: Path, tmp_path: Path, change: dict, said: str) -> None:
    raw = yaml.safe_load((root / "params.yaml").read_text())
    raw["explain"]["writer"] |= change
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(UsageError, match=said) as caught:
        read_params(tmp_path / "params.yaml")
    assert "secret" not in str(caught.value) and "sk-1" not in str(caught.value)
