"""What a finding adds to a place: pooling against a loop, and a mixture that stays a direction."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.model.finding import FindingReading
from hilum.model.network import RegionLanguageModel
from hilum.model.pooling import MAX_EVIDENCE

N, REGIONS, PATCHES, FEATURES, SIZE = 2, 3, 9, 5, 6
TRAINED = (1, 3)


@pytest.fixture
def reading() -> FindingReading:
    torch.manual_seed(0)
    made = FindingReading(SIZE, FEATURES, 4)
    made.learn(TRAINED)
    for table in (made.of_image, made.of_text):
        torch.nn.init.normal_(table.scale, std=0.3)
        torch.nn.init.normal_(table.shift, std=0.3)
    return made


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_pooling_looks_where_each_finding_s_evidence_is(reading: FindingReading) -> None:
    features, patches = random(N, PATCHES, FEATURES), random(N, PATCHES, SIZE, seed=1)
    weights = torch.rand(N, REGIONS, PATCHES, generator=torch.Generator().manual_seed(2))
    weights[..., :4] = 0  # outside of the box: never looked at
    found = reading.pool(features, patches, weights)
    assert found.shape == (N, REGIONS, len(TRAINED), SIZE)
    for i in range(N):
        for k in range(REGIONS):
            for column, finding in enumerate(TRAINED):
                scores = features[i] @ reading.evidence.weight[finding] + reading.evidence.bias[finding]
                shares = weights[i, k] * (MAX_EVIDENCE * torch.tanh(scores / MAX_EVIDENCE)).exp()
                expected = (shares / shares.sum()) @ patches[i]
                assert torch.allclose(found[i, k, column], expected, atol=1e-5)


def test_only_trained_findings_are_read_and_more_may_follow(reading: FindingReading) -> None:
    assert reading.rows.tolist() == [1, 3] and reading.columns((3,)).tolist() == [1]
    reading.learn((0,))
    assert reading.rows.tolist() == [0, 1, 3] and reading.columns((3, 0)).tolist() == [2, 0]


def test_an_image_is_read_by_the_head_of_texts_with_its_own_bias(reading: FindingReading) -> None:
    vectors, scale = normalize(random(N, len(TRAINED), SIZE), dim=-1), torch.tensor(10.0)
    with torch.no_grad():
        reading.image_bias[3] = 2.0
    expected = torch.tensor([[10 * float(v @ reading.direction[f]) for v, f in zip(row, TRAINED)] for row in vectors])
    assert torch.allclose(reading.text_logits(vectors, scale), expected, atol=1e-4)
    assert torch.allclose(reading.image_logits(vectors, scale), expected + torch.tensor([0.0, 2.0]), atol=1e-4)


def test_the_mixture_is_what_is_there(reading: FindingReading) -> None:
    vectors = normalize(random(3, len(TRAINED), SIZE), dim=-1)
    logits = torch.tensor([[30.0, -30.0], [-30.0, 30.0], [-30.0, -30.0]])
    mixed = reading.mix(vectors, logits)
    assert torch.allclose(mixed[0], vectors[0, 0], atol=1e-5) and torch.allclose(mixed[1], vectors[1, 1], atol=1e-5)
    other = reading.mix(random(3, len(TRAINED), SIZE, seed=5), logits)
    assert torch.allclose(mixed[2], other[2], atol=1e-5)  # where nothing is, all places are alike
    assert torch.allclose(mixed.norm(dim=-1), torch.ones(3), atol=1e-5)


def test_a_patch_is_read_as_a_region_of_its_own(reading: FindingReading) -> None:
    patches, scale = normalize(random(N, PATCHES, SIZE), dim=-1), torch.tensor(5.0)
    mixed = reading.mix_patches(patches, scale)
    alone = reading.read_images(patches[1, 4].view(1, 1, SIZE))
    assert torch.allclose(mixed[1, 4], reading.mix(alone, reading.image_logits(alone, scale))[0], atol=1e-5)
    assert reading.mix_patches(patches[:0], scale).shape == (0, PATCHES, SIZE)


def network(findings: tuple[str, ...]) -> RegionLanguageModel:
    torch.manual_seed(0)
    image, text = image_configuration("small"), text_configuration("small", 50, 12)
    return RegionLanguageModel(ModelConfig(image, text, 16, 12, ("a", "b", "c"), 0.5, 0.25, findings))


def test_other_objectives_networks_are_what_they_were() -> None:
    plain, reading = network(()), network(("x", "y"))
    assert plain.findings is None and plain.learn_findings(("x",)) == ()
    weights = plain.state_dict()
    assert not [name for name in weights if name.startswith("findings.")]
    assert all(torch.equal(weights[name], value) for name, value in reading.state_dict().items() if name in weights)
    assert "findings" not in plain.config.to_json()
    for model in (plain, reading):
        assert ModelConfig.from_json(model.config.to_json()) == model.config


@pytest.mark.parametrize("trained", [(), ("y",)])
def test_embeddings_are_finite_units(trained: tuple[str, ...]) -> None:
    model = network(("x", "y"))
    assert model.learn_findings(trained) == tuple("xy".index(name) for name in trained)
    weights = torch.full((N, REGIONS, 16), 1 / 16)
    images = model.encode_images(random(N, 1, 32, 32), weights)
    assert images.findings is not None and images.findings.shape == (N, REGIONS, len(trained), 16)
    texts = model.encode_texts(torch.randint(1, 50, (4, 5)), torch.ones(4, 5, dtype=torch.bool)).whole
    placed = model.condition(texts, torch.tensor([0, 1, 2, 0]))
    assert torch.equal(placed, model.mix_texts(texts))  # a text's place is no part of it
    for vectors in (images.whole, images.regions, images.patches, model.mix_patches(images.patches), placed):
        lengths = torch.full(vectors.shape[:-1], 1.0 if trained or vectors is images.whole else 0.0)
        found = vectors.norm(dim=-1)
        assert bool(torch.isfinite(vectors).all())
        assert torch.allclose(found, lengths, atol=1e-5) or vectors is images.patches
