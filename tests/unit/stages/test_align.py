"""align: a checkpoint that says what made it, the same bytes twice, and clear refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import BertConfig, BertModel

from hilum.errors import BadDataError, UsageError
from hilum.model.inference import load_model
from hilum.model.tokens import read_tokenizer


def again(trained: Any, folder: Path) -> Any:
    """The same stages, to be run with their outputs elsewhere."""
    other = type(trained)(trained.planted, folder)
    other.tokenizer = trained.tokenizer
    return other


def test_the_checkpoint_says_what_made_it(trained: Any) -> None:
    record = json.loads((trained.align / "config.json").read_text())
    assert (record["phase"], record["objective"]) == ("align", "rra_vl")
    assert record["params"]["align"] == trained.align_params.model_dump()
    assert record["vocabulary"] == read_tokenizer(trained.tokenizer)[1]
    assert len(record["data"]) == 7 * len(trained.planted.partitions)
    assert record["n_images"] == 36
    assert set(record["findings"]) == {"consolidation", "hyperaeration"}
    assert load_model(trained.align, trained.tokenizer).config.embedding_size == 32


def test_curves_have_a_row_an_epoch(trained: Any) -> None:
    rows = list(csv.DictReader((trained.folder / "plots" / "align.csv").read_text().splitlines()))
    assert [(row["epoch"], row["phase"]) for row in rows] == [("1", "align")]
    assert float(rows[0]["total"]) == pytest.approx(float(rows[0]["global"]) + float(rows[0]["words"]), abs=1e-4)


def test_twice_is_the_same_bytes(trained: Any, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.run_align()
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (other.align / name).read_bytes() == (trained.align / name).read_bytes()
    assert (tmp_path / "plots/align.csv").read_bytes() == (trained.folder / "plots/align.csv").read_bytes()


def test_another_seed_is_another_model(trained: Any, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.run_align(seed=9)
    assert load_model(other.align).model_id != load_model(trained.align).model_id


def test_the_baseline_objective_has_one_loss(trained: Any, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.run_align(objective="global")
    (row,) = csv.DictReader((tmp_path / "plots" / "align.csv").read_text().splitlines())
    assert set(row) == {"epoch", "phase", "global", "total", "validate_region_ap", "validate_global_ap"}
    other.run_locate(epochs=1)
    assert json.loads((other.locate / "config.json").read_text())["objective"] == "global"


def test_a_pretrained_text_encoder_brings_its_own_words(trained: Any, tmp_path: Path) -> None:
    words, version = read_tokenizer(trained.tokenizer)
    config = BertConfig(
        vocab_size=words.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "bert")
    other = again(trained, tmp_path)
    with pytest.raises(UsageError, match=r"has no tokenizer\.json"):
        other.run_align(text_encoder=str(tmp_path / "bert"), epochs=0)
    (tmp_path / "bert" / "tokenizer.json").write_text((trained.tokenizer / "tokenizer.json").read_text() + "\n")
    other.run_align(text_encoder=str(tmp_path / "bert"), epochs=0)
    record = json.loads((other.align / "config.json").read_text())
    assert record["vocabulary"] != version and not record["own_tokenizer"]
    loaded = load_model(other.align, trained.tokenizer)  # the tokenizer in use is another, and rightly so
    assert loaded.encode_phrases(["consolidation"]).shape == (1, 32)


def test_a_directory_that_is_not_there(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"align\.image_encoder: no/such/place is neither 'small' nor a local"):
        again(trained, tmp_path).run_align(image_encoder="no/such/place")


def test_a_missing_partition_stops_it(trained: Any, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.planted = type("Fewer", (), {"data": trained.planted.data, "partitions": trained.planted.partitions[:1]})
    with pytest.raises(BadDataError, match="unlisted ones"):
        other.run_align()
    assert not other.align.exists() and not list(tmp_path.glob("**/align.csv"))


def test_pictures_are_what_is_learned_from(trained: Any) -> None:
    loaded = load_model(trained.align)
    pixels = np.load(trained.planted.data / "pixels" / f"{trained.planted.partitions[0]}.npy")
    whole = loaded.encode_images(pixels).whole
    assert np.ptp(whole @ whole.T) > 0.01


def test_a_warm_start_goes_on_from_the_weights_it_names(trained: Any, warm_note: Path, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.run_align(start=warm_note, epochs=0)
    assert load_model(other.align).model_id == load_model(trained.locate).model_id
    record = json.loads((other.align / "config.json").read_text())
    assert record["warm_start"] == load_model(trained.locate).model_id
    assert "warm_start" not in json.loads((trained.align / "config.json").read_text())


def test_a_warm_start_of_another_shape_is_refused(trained: Any, warm_note: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another network"):
        again(trained, tmp_path).run_align(start=warm_note, embedding_size=16)


def test_a_warm_start_from_other_bytes_is_refused(trained: Any, warm_note: Path, tmp_path: Path) -> None:
    weights = warm_note.with_suffix("") / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(BadDataError, match=r"model\.safetensors has sha256"):
        again(trained, tmp_path).run_align(start=warm_note)
    weights.unlink()
    with pytest.raises(BadDataError, match="training starts from it"):
        again(trained, tmp_path).run_align(start=warm_note)
    warm_note.unlink()
    with pytest.raises(UsageError, match="missing or broken"):
        again(trained, tmp_path).run_align(start=warm_note)
