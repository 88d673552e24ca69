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

N, REGIONS, FINDINGS, PATCHES, FEATURES, SIZE = 2, 3, 4, 9, 5, 6
CELLS = [(0, 1), (0, 3), (2, 1)]  # region, finding
SCALE = torch.tensor(10.0)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def units(*shape: int, seed: int = 0) -> Tensor:
    return normalize(random(*shape, seed=seed), dim=-1)


@pytest.fixture
def reading() -> FindingReading:
    torch.manual_seed(0)
    made = FindingReading(SIZE, FEATURES, REGIONS, FINDINGS)
    for region, finding in CELLS:
        made.seen[region, finding] = True
    for table in (made.of_image, made.of_text):
        torch.nn.init.normal_(table.scale, std=0.3)
        torch.nn.init.normal_(table.shift, std=0.3)
    return made.requires_grad_(False)


def test_pooling_looks_where_each_finding_s_evidence_is(reading: FindingReading) -> None:
    features, patches = random(N, PATCHES, FEATURES), random(N, PATCHES, SIZE, seed=1)
    weights = torch.rand(N, REGIONS, PATCHES, generator=torch.Generator().manual_seed(2))
    weights[..., :4] = 0  # outside of the box: never looked at
    found = reading.pool(features, patches, weights)
    assert found.shape == (N, len(CELLS), SIZE)
    for i in range(N):
        for cell, (region, finding) in enumerate(CELLS):
            scores = features[i] @ reading.evidence.weight[finding] + reading.evidence.bias[finding]
            shares = weights[i, region] * (MAX_EVIDENCE * torch.tanh(scores / MAX_EVIDENCE)).exp()
            assert torch.allclose(found[i, cell], (shares / shares.sum()) @ patches[i], atol=1e-5)


def test_cells_come_by_region_and_findings_once(reading: FindingReading) -> None:
    assert list(zip(*(part.tolist() for part in reading.cells))) == CELLS
    assert reading.findings.tolist() == [1, 3]


def test_an_image_is_read_by_the_head_of_texts_with_its_own_bias(reading: FindingReading) -> None:
    vectors, findings = units(N, 2, SIZE), torch.tensor([3, 1])
    reading.image_bias[3] = 2.0
    expected = torch.tensor([[10 * float(v @ reading.direction[f]) for v, f in zip(row, (3, 1))] for row in vectors])
    assert torch.allclose(reading.text_logits(vectors, findings, SCALE), expected, atol=1e-4)
    more = expected + torch.tensor([2.0, 0.0])
    assert torch.allclose(reading.image_logits(vectors, findings, SCALE), more, atol=1e-4)


def test_the_mixture_is_what_is_there(reading: FindingReading) -> None:
    vectors, both = units(3, 2, SIZE), torch.ones(1, 2, dtype=torch.bool)
    logits = torch.tensor([[30.0, -30.0], [-30.0, 30.0], [-30.0, -30.0]])
    mixed = reading.mix(vectors, logits, both)[:, 0]
    assert torch.allclose(mixed[0], vectors[0, 0], atol=1e-5) and torch.allclose(mixed[1], vectors[1, 1], atol=1e-5)
    other = reading.mix(units(3, 2, SIZE, seed=5), logits, both)[:, 0]
    assert torch.allclose(mixed[2], other[2], atol=1e-5)  # where nothing is, all places are alike
    assert torch.allclose(mixed.norm(dim=-1), torch.ones(3), atol=1e-5)


def test_a_region_is_made_of_its_own_cells(reading: FindingReading) -> None:
    vectors = units(N, len(CELLS), SIZE)
    regions = reading.mix_regions(vectors, SCALE)
    logits = reading.image_logits(vectors, torch.tensor([finding for _, finding in CELLS]), SCALE)
    for region in range(REGIONS):
        own = [cell for cell, (place, _) in enumerate(CELLS) if place == region]
        alone = reading.mix(vectors[:, own], logits[:, own], torch.ones(1, len(own), dtype=torch.bool))[:, 0]
        assert torch.allclose(regions[:, region], alone, atol=1e-5), region
    assert torch.allclose(regions[0, 1], regions[1, 1], atol=1e-6)  # nobody looks for anything in region 1


def test_a_patch_tells_its_findings_as_its_logits_do(reading: FindingReading) -> None:
    patches = units(N, PATCHES, SIZE)
    findings = reading.findings
    alone = reading.read_images(patches[1, 4].view(1, 1, SIZE), findings)
    logits = reading.image_logits(alone, findings, SCALE)[0]
    assert torch.allclose(reading.patch_logits(patches, findings, SCALE)[1, 4], logits, atol=1e-4)
    told = reading.tell_patches(patches, SCALE)[1, 4]
    assert torch.allclose(told[:-1] * len(findings) ** 0.5, torch.sigmoid(logits), atol=1e-4)
    assert reading.tell_patches(patches[:0], SCALE).shape == (0, PATCHES, len(findings) + 1)


def test_a_text_points_to_the_patches_that_have_what_it_says(reading: FindingReading) -> None:
    texts, patches = units(5, SIZE, seed=3), units(N, PATCHES, SIZE)
    told, findings = reading.tell_texts(texts, SCALE), reading.findings
    logits = reading.text_logits(reading.read_texts(texts, findings), findings, SCALE)
    assert torch.equal(told[:, :-1].argmax(-1), logits.argmax(-1))
    only = torch.eye(len(findings), len(findings) + 1)
    similarity = reading.tell_patches(patches, SCALE) @ only.T
    shares = torch.sigmoid(reading.patch_logits(patches, findings, SCALE))
    assert torch.equal(similarity.flatten(0, 1).argmax(0), shares.flatten(0, 1).argmax(0))


def network(findings: tuple[str, ...]) -> RegionLanguageModel:
    torch.manual_seed(0)
    image, text = image_configuration("small"), text_configuration("small", 50, 12)
    return RegionLanguageModel(ModelConfig(image, text, 16, 12, ("a", "b", "c"), 0.5, 0.25, findings))


def test_other_objectives_networks_are_what_they_were() -> None:
    plain, reading = network(()), network(("x", "y"))
    assert plain.findings is None and plain.learn_cells(("x",), torch.ones(3, 1, dtype=torch.bool)) == ()
    weights = plain.state_dict()
    assert not [name for name in weights if name.startswith("findings.")]
    assert all(torch.equal(weights[name], value) for name, value in reading.state_dict().items() if name in weights)
    assert "findings" not in plain.config.to_json()
    for model in (plain, reading):
        assert ModelConfig.from_json(model.config.to_json()) == model.config


def test_cells_are_added_to_those_of_before() -> None:
    model = network(("x", "y"))
    assert model.learn_cells(("y",), torch.tensor([[True], [False], [False]])) == (1,)
    assert model.learn_cells(("y", "x"), torch.tensor([[False, False], [False, True], [False, False]])) == (1, 0)
    assert model.findings is not None
    assert model.findings.seen.tolist() == [[False, True], [True, False], [False, False]]


@pytest.mark.parametrize("n_cells", [0, 2])
def test_embeddings_are_finite_units(n_cells: int) -> None:
    model = network(("x", "y"))
    model.learn_cells(("y",), torch.tensor([[True], [True], [False]]) & (n_cells > 0))
    images = model.encode_images(random(N, 1, 32, 32), torch.full((N, REGIONS, 16), 1 / 16))
    assert images.cells is not None and images.cells.shape == (N, n_cells, 16)
    texts = model.encode_texts(torch.randint(1, 50, (4, 5)), torch.ones(4, 5, dtype=torch.bool)).whole
    placed = model.condition(texts, torch.tensor([0, 1, 2, 0]))
    assert torch.equal(placed, model.condition(texts, torch.tensor([2, 2, 1, 1])))  # a text's place is no part of it
    assert torch.allclose(images.whole.norm(dim=-1), torch.ones(N), atol=1e-5)
    for vectors in (images.regions, placed):  # without any cell they are zeros
        assert torch.allclose(vectors.norm(dim=-1), torch.tensor(float(n_cells > 0)), atol=1e-5)
    for vectors in (model.tell_patches(images.patches), model.tell_texts(texts)):
        assert vectors.shape[-1] == min(n_cells, 1) + 1
        assert torch.allclose(vectors.norm(dim=-1), torch.tensor(1.0), atol=1e-5)
