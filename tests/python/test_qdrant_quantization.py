# SPDX-License-Identifier: Apache-2.0
"""Quantisation through Qdrant's own client: asked for at creation, changed on a live collection, and
what single questions make of it."""
import time

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from serving import serving

N, DIMS, QUERIES, K = 4000, 64, 30, 10


@pytest.fixture(scope="module")
def client(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("quantization")) as server:
        c = QdrantClient(url=server.url)
        yield c
        c.close()


def vectors(n, seed):
    r = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((100, DIMS))
    return (centres[r.integers(100, size=n)] + 0.7 * r.standard_normal((n, DIMS))).astype(np.float32)


def wait_green(client):
    end = time.monotonic() + 120
    while client.get_collection("q").status != models.CollectionStatus.GREEN:
        assert time.monotonic() < end
        time.sleep(0.02)


def found(client, query, **params):
    hits = client.query_points("q", query=query.tolist(), limit=K,
                               search_params=models.SearchParams(**params)).points
    return [hit.id for hit in hits], [hit.score for hit in hits]


def recall(client, **quantization):
    hits = 0
    params = models.QuantizationSearchParams(**quantization) if quantization else None
    for query in vectors(QUERIES, 2):
        exact, _ = found(client, query, exact=True)
        ids, _ = found(client, query, quantization=params)
        hits += len(set(exact) & set(ids))
    return hits / (QUERIES * K)


@pytest.fixture(scope="module")
def filled(client):
    client.create_collection(
        "q", vectors_config=models.VectorParams(size=DIMS, distance=models.Distance.COSINE),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=100),
        quantization_config=models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(
            type=models.ScalarType.INT8, quantile=0.99, always_ram=True)))
    client.upload_collection("q", vectors=vectors(N, 3), ids=range(N), wait=True)
    wait_green(client)
    return client


def test_scalar_as_created(filled):
    config = filled.get_collection("q").config.quantization_config
    assert config.scalar.quantile == 0.99
    assert recall(filled) >= 0.97
    assert recall(filled, ignore=True) >= 0.97


def test_scores_are_true_unless_rescoring_is_declined(filled):
    query = vectors(1, 4)[0]
    exact = dict(zip(*found(filled, query, exact=True)))
    rescored = dict(zip(*found(filled, query)))
    estimated = dict(zip(*found(filled, query, quantization=models.QuantizationSearchParams(
        rescore=False))))
    for id_, score in rescored.items():
        assert score == pytest.approx(exact.get(id_, score), abs=1e-6)
    common = [i for i in estimated if i in exact]
    assert any(abs(estimated[i] - exact[i]) > 1e-6 for i in common)
    assert all(abs(estimated[i] - exact[i]) < 0.05 for i in common)


@pytest.mark.parametrize("config, floor", [
    (models.BinaryQuantization(binary=models.BinaryQuantizationConfig()), 0.85),
    (models.BinaryQuantization(binary=models.BinaryQuantizationConfig(
        encoding=models.BinaryQuantizationEncoding.TWO_BITS,
        query_encoding=models.BinaryQuantizationQueryEncoding.SCALAR4BITS)), 0.9),
    (models.ProductQuantization(product=models.ProductQuantizationConfig(
        compression=models.CompressionRatio.X16)), 0.9),
])
def test_changed_on_a_live_collection(filled, config, floor):
    filled.update_collection("q", quantization_config=config)
    wait_green(filled)
    assert filled.get_collection("q").config.quantization_config == config
    plain, wide = recall(filled, oversampling=1.0), recall(filled, oversampling=20.0)
    assert plain < wide
    assert wide >= floor
    assert recall(filled) >= floor


def test_disabled(filled):
    filled.update_collection("q", quantization_config=models.Disabled.DISABLED)
    wait_green(filled)
    assert filled.get_collection("q").config.quantization_config is None
    assert recall(filled) >= 0.97
