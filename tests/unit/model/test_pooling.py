"""Boxes as patch weights, pooling, and what a place adds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hilum.model.pooling import RegionCondition, RegionPooling, box_weights, waves

EDGES = st.floats(-0.5, 1.5)


def test_a_box_shares_its_weight_by_area() -> None:
    weights = box_weights(np.array([0.0, 0.0, 0.375, 0.25]), grid=4).reshape(4, 4)
    assert weights[0] == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert weights[1:].sum() == 0


@given(EDGES, EDGES, EDGES, EDGES)
def test_every_box_has_a_place(left: float, top: float, right: float, bottom: float) -> None:
    box = np.array([min(left, right), min(top, bottom), max(left, right), max(top, bottom)], np.float32)
    weights = box_weights(box, grid=6)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    assert (weights >= 0).all() and weights.dtype == np.float32


def test_a_box_outside_is_the_nearest_patch() -> None:
    weights = box_weights(np.array([1.2, -0.4, 1.3, -0.2]), grid=4).reshape(4, 4)
    assert weights[0, 3] == pytest.approx(1)


def test_weights_of_many_boxes_at_once() -> None:
    boxes = np.random.default_rng(0).uniform(0, 1, (3, 5, 4))
    together = box_weights(boxes, grid=7)
    assert together.shape == (3, 5, 49)
    assert np.array_equal(together[1, 2], box_weights(boxes[1, 2], grid=7))


def test_without_evidence_pooling_is_the_mean_over_the_box() -> None:
    pooling = RegionPooling(4, 6)
    torch.nn.init.zeros_(pooling.evidence.weight)
    torch.nn.init.zeros_(pooling.evidence.bias)
    features = torch.randn(2, 9, 4)
    weights = torch.softmax(torch.randn(2, 3, 9), -1)
    pooled, patches = pooling(features, weights)
    assert torch.equal(patches, torch.nn.functional.gelu(pooling.value(features)))
    assert torch.allclose(pooled, weights @ patches, atol=1e-6)


def test_pooling_against_loops() -> None:
    pooling = RegionPooling(4, 6)
    features, weights = torch.randn(1, 9, 4), torch.softmax(torch.randn(1, 2, 9), -1)
    pooled, values = pooling(features, weights)
    evidence = 8 * torch.tanh(pooling.evidence(features) / 8)
    for region in range(2):
        for channel in range(6):
            share = weights[0, region] * evidence[0, :, channel].exp()
            expected = (share * values[0, :, channel]).sum() / share.sum()
            assert pooled[0, region, channel].item() == pytest.approx(expected.item(), rel=1e-4)


def test_waves_tell_places_apart_on_any_grid() -> None:
    for grid in (5, 18):
        told = waves(grid * grid)
        products = told.T @ told
        assert torch.allclose(products, torch.diag(products.diagonal()), atol=1e-4)  # none says what another says
        assert len(torch.unique(told.round(decimals=4), dim=0)) == grid * grid
    middle = waves(9).view(3, 3, -1)[1, 1]
    assert torch.allclose(middle, waves(25).view(5, 5, -1)[2, 2], atol=1e-6)
    assert not torch.allclose(waves(9).view(3, 3, -1)[0, 2], waves(9).view(3, 3, -1)[2, 0])


def test_the_same_features_differ_by_place_once_places_are_learned() -> None:
    pooling = RegionPooling(4, 6)
    features, weights = torch.ones(1, 9, 4), torch.full((1, 1, 9), 1 / 9)
    assert len(torch.unique(pooling(features, weights)[1][0], dim=0)) == 1
    torch.nn.init.normal_(pooling.place)
    assert len(torch.unique(pooling(features, weights)[1][0], dim=0)) == 9


def test_what_lies_outside_a_box_cannot_be_seen_in_it() -> None:
    pooling = RegionPooling(4, 6)
    features = torch.randn(1, 9, 4)
    weights = torch.zeros(1, 1, 9)
    weights[..., :3] = 1 / 3
    before = pooling(features, weights)[0]
    features[:, 3:] += 5
    assert torch.equal(pooling(features, weights)[0], before)


def test_a_place_adds_nothing_at_first() -> None:
    condition = RegionCondition(8, 3)
    embeddings = torch.randn(5, 8)
    assert torch.equal(condition(embeddings, torch.tensor([0, 1, 2, 1, 0])), embeddings)
