# SPDX-License-Identifier: Apache-2.0
"""Qdrant's official client, unmodified: the newest, blocking and asynchronous, and in a process of its
own the last one that has search(). What is asked here is what tutorials ask."""
import asyncio
import base64
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from aleph_alpha_client import (
    Client, Image, Prompt, SemanticEmbeddingRequest, SemanticRepresentation)
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from conftest import ROOT
from serving import serving

OLD_CLIENT = ROOT / os.environ.get("LT_DEPS_DIR", "build/deps") / "old-client"


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("client")) as s:
        yield s


class Blocking:
    """An asynchronous client whose methods wait."""

    def __init__(self, url):
        self.loop = asyncio.new_event_loop()
        self.client = AsyncQdrantClient(url=url)

    def __getattr__(self, name):
        method = getattr(self.client, name)
        return lambda *args, **more: self.loop.run_until_complete(method(*args, **more))

    def close(self):
        self.loop.run_until_complete(self.client.close())
        self.loop.close()


@pytest.fixture(params=["blocking", "asynchronous"])
def client(server, request):
    c = QdrantClient(url=server.url) if request.param == "blocking" else Blocking(server.url)
    yield c
    for collection in c.get_collections().collections:
        c.delete_collection(collection.name)
    c.close()


def ids(hits):
    return [hit.id for hit in hits]


# ---- tutorials ------------------------------------------------------------------------------------


def test_quick_start(client):
    """The steps, the numbers and the results that Qdrant's own quick start shows."""
    assert client.create_collection(
        collection_name="test_collection",
        vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT))
    info = client.upsert(collection_name="test_collection", wait=True, points=[
        models.PointStruct(id=i, vector=vector, payload={"city": city}) for i, vector, city in (
            (1, [0.05, 0.61, 0.76, 0.74], "Berlin"), (2, [0.19, 0.81, 0.75, 0.11], "London"),
            (3, [0.36, 0.55, 0.47, 0.94], "Moscow"), (4, [0.18, 0.01, 0.85, 0.80], "New York"),
            (5, [0.24, 0.18, 0.22, 0.44], "Beijing"), (6, [0.35, 0.08, 0.11, 0.44], "Mumbai"))])
    assert (info.operation_id, info.status) == (0, models.UpdateStatus.COMPLETED)
    hits = client.query_points(collection_name="test_collection", query=[0.2, 0.1, 0.9, 0.7],
                               with_payload=False, limit=3).points
    assert [(h.id, h.version, round(h.score, 3), h.payload) for h in hits] == [
        (4, 0, 1.362, None), (1, 0, 1.273, None), (3, 0, 1.208, None)]
    hits = client.query_points(
        collection_name="test_collection", query=[0.2, 0.1, 0.9, 0.7], with_payload=True, limit=3,
        query_filter=models.Filter(must=[models.FieldCondition(
            key="city", match=models.MatchValue(value="London"))])).points
    assert [(h.id, round(h.score, 3), h.payload) for h in hits] == [(2, 0.871, {"city": "London"})]


def test_tutorial_of_searching_pictures(server, client, photos):
    """Pictures embedded by one API and searched by the other: both answer on one port."""
    embedder = Client(token="any", host=server.url)

    def embed(item):
        request = SemanticEmbeddingRequest(
            prompt=Prompt([item]) if isinstance(item, Image) else Prompt.from_text(item),
            representation=SemanticRepresentation.Symmetric, compress_to_size=128)
        return embedder.semantic_embed(request=request, model="luminous-base").embedding

    paths = sorted(photos.rglob("*.png"))
    vectors = [embed(Image.from_file(str(path))) for path in paths]
    client.create_collection(collection_name="COCO", vectors_config=models.VectorParams(
        size=len(vectors[0]), distance=models.Distance.COSINE))
    client.upsert(collection_name="COCO", points=models.Batch(
        ids=list(range(len(paths))), vectors=vectors,
        payloads=[{"name": path.name} for path in paths]))
    for i, vector in enumerate(vectors):
        hits = client.query_points(collection_name="COCO", query=vector, limit=3).points
        assert len(hits) == 3 and hits[0].score == pytest.approx(1, abs=1e-5)
        assert i in ids(h for h in hits if h.score > 1 - 1e-5)  # some photos are there twice
    hits = client.query_points(collection_name="COCO", query=embed("a banana"), limit=3).points
    assert any("banana" in h.payload["name"] for h in hits), hits


def test_five_thousand_points_in_one_request(client):
    """13 MB; the client gives up after five seconds of silence."""
    vectors = np.random.default_rng(1).normal(size=(5000, 128)).astype(np.float32)
    client.create_collection("big", vectors_config=models.VectorParams(
        size=128, distance=models.Distance.COSINE))
    began = time.monotonic()
    client.upsert("big", points=models.Batch(ids=list(range(5000)), vectors=vectors.tolist()))
    assert time.monotonic() - began < 5
    assert client.count("big").count == 5000
    assert ids(client.query_points("big", query=vectors[77].tolist(), limit=1).points) == [77]


def test_the_last_client_with_search(server):
    if not OLD_CLIENT.is_dir():
        pytest.skip(f"{OLD_CLIENT} is not there (tools/setup.sh --test fetches it)")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", ROOT / "tests/python/old_client.py", server.url],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(OLD_CLIENT)}, capture_output=True,
        text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1.15.1"


# ---- one by one -----------------------------------------------------------------------------------


@pytest.fixture
def cities(client):
    """Twelve points: two on each of six axes, the second a little off."""
    client.create_collection("cities", vectors_config=models.VectorParams(
        size=6, distance=models.Distance.COSINE))
    vectors = np.repeat(np.eye(6), 2, axis=0)
    vectors[1::2] += 0.1
    client.upsert("cities", points=models.Batch(
        ids=list(range(12)), vectors=vectors.tolist(), payloads=[
            {"name": f"n{i}", "country": "abc"[i // 4], "people": 100 - i,
             "founded": f"{1200 + i}-01-01T00:00:00Z"} for i in range(12)]))
    return vectors


def test_collections(client):
    assert not client.collection_exists("c")
    assert client.create_collection(
        "c", vectors_config={"a": models.VectorParams(size=3, distance="Euclid"),
                             "many": models.VectorParams(
                                 size=2, distance="Dot",
                                 multivector_config=models.MultiVectorConfig(
                                     comparator="max_sim"))},
        sparse_vectors_config={"words": models.SparseVectorParams(modifier="idf")},
        hnsw_config=models.HnswConfigDiff(m=8), metadata={"owner": "me"})
    assert client.collection_exists("c")
    assert [c.name for c in client.get_collections().collections] == ["c"]
    with pytest.raises(UnexpectedResponse, match="already exists") as info:
        client.create_collection("c", vectors_config=models.VectorParams(size=3, distance="Dot"))
    assert info.value.status_code == 409
    client.update_collection("c", hnsw_config=models.HnswConfigDiff(ef_construct=50),
                             metadata={"note": "x"})
    got = client.get_collection("c")
    assert (got.status, got.points_count) == ("green", 0)
    assert (got.config.hnsw_config.m, got.config.hnsw_config.ef_construct) == (8, 50)
    assert got.config.params.vectors["a"].distance == "Euclid"
    assert got.config.params.sparse_vectors["words"].modifier == "idf"
    assert got.config.metadata == {"owner": "me", "note": "x"}
    client.upsert("c", points=[models.PointStruct(id=1, vector={
        "a": [1, 2, 3], "many": [[1, 0], [0, 1]],
        "words": models.SparseVector(indices=[7, 3], values=[0.5, 1])})])
    vector = client.retrieve("c", [1], with_vectors=True)[0].vector
    assert vector["a"] == [1, 2, 3] and vector["many"] == [[1, 0], [0, 1]]
    assert (vector["words"].indices, vector["words"].values) == ([3, 7], [1, 0.5])
    assert client.delete_collection("c") and not client.delete_collection("c")
    with pytest.raises(UnexpectedResponse, match="t exist!") as info:
        client.get_collection("c")
    assert info.value.status_code == 404


def test_aliases(client, cities):
    create = models.CreateAliasOperation(create_alias=models.CreateAlias(
        collection_name="cities", alias_name="towns"))
    rename = models.RenameAliasOperation(rename_alias=models.RenameAlias(
        old_alias_name="towns", new_alias_name="places"))
    delete = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="places"))
    assert client.update_collection_aliases([create])
    assert client.count("towns").count == 12
    assert client.update_collection_aliases([rename])
    assert [(a.alias_name, a.collection_name) for a in client.get_aliases().aliases] == [
        ("places", "cities")]
    assert [a.alias_name for a in client.get_collection_aliases("cities").aliases] == ["places"]
    # Together or not at all: the second cannot be done.
    with pytest.raises(UnexpectedResponse):
        client.update_collection_aliases([delete, models.CreateAliasOperation(
            create_alias=models.CreateAlias(collection_name="nowhere", alias_name="x"))])
    assert client.count("places").count == 12
    assert client.update_collection_aliases([delete])
    assert not client.get_aliases().aliases


def test_payload_indexes_order_and_facets(client, cities):
    for field, schema in (("country", "keyword"), ("people", "integer"), ("founded", "datetime"),
                          ("name", models.TextIndexParams(type="text", tokenizer="word"))):
        assert client.create_payload_index("cities", field, schema).status == "completed"
    schema = client.get_collection("cities").payload_schema
    assert {k: (v.data_type, v.points) for k, v in schema.items()} == {
        "country": ("keyword", 12), "people": ("integer", 12), "founded": ("datetime", 12),
        "name": ("text", 12)}
    page, after = client.scroll("cities", limit=5)
    assert (ids(page), after) == ([0, 1, 2, 3, 4], 5)
    page, after = client.scroll("cities", limit=20, offset=after)
    assert (ids(page), after) == ([5, 6, 7, 8, 9, 10, 11], None)
    page, _ = client.scroll("cities", limit=3, order_by=models.OrderBy(
        key="people", direction="asc", start_from=92))
    assert ids(page) == [8, 7, 6]
    hits = client.facet("cities", "country", facet_filter=models.Filter(must=[
        models.FieldCondition(key="people", range=models.Range(gte=94))])).hits
    assert [(h.value, h.count) for h in hits] == [("a", 4), ("b", 3)]
    assert client.count("cities", count_filter=models.Filter(must=[models.FieldCondition(
        key="founded", range=models.DatetimeRange(lt="1203-01-01"))])).count == 3
    assert client.delete_payload_index("cities", "people").status == "completed"
    with pytest.raises(UnexpectedResponse, match="index"):
        client.scroll("cities", order_by="people")


def test_groups(client, cities):
    groups = client.query_points_groups("cities", query=cities[0].tolist(), group_by="country",
                                        limit=2, group_size=2, with_payload=True).groups
    assert [(g.id, ids(g.hits)) for g in groups][0] == ("a", [0, 1])
    assert len(groups) == 2 and all(h.payload["country"] == g.id for g in groups for h in g.hits)


def test_queries(client, cities):
    client.create_payload_index("cities", "people", "integer")
    both = client.query_batch_points("cities", [
        models.QueryRequest(query=cities[4].tolist(), limit=1),
        models.QueryRequest(query=models.RecommendQuery(recommend=models.RecommendInput(
            positive=[2], negative=[9])), limit=1)])
    assert [ids(answer.points) for answer in both] == [[4], [3]]
    fused = client.query_points("cities", limit=2, query=models.FusionQuery(fusion="rrf"), prefetch=[
        models.Prefetch(query=cities[6].tolist(), limit=3),
        models.Prefetch(query=7, limit=3)]).points
    assert fused[0].id == 6
    ordered = client.query_points("cities", limit=2, query=models.OrderByQuery(
        order_by=models.OrderBy(key="people", direction="desc"))).points
    assert ids(ordered) == [0, 1]
    with pytest.raises(UnexpectedResponse, match="expected dim: 6, got 2"):
        client.query_points("cities", query=[1.0, 2.0])


def test_changes(client, cities):
    client.set_payload("cities", {"mayor": "x"}, points=[1, 2])
    client.overwrite_payload("cities", {"only": 1}, points=[3])
    client.delete_payload("cities", ["mayor"], points=[2])
    client.clear_payload("cities", points_selector=[4])
    client.update_vectors("cities", points=[models.PointVectors(id=5, vector=[0, 0, 0, 0, 0, 1])])
    client.delete("cities", points_selector=models.FilterSelector(filter=models.Filter(must=[
        models.HasIdCondition(has_id=[10, 11])])))
    got = {p.id: p for p in client.retrieve("cities", list(range(12)), with_vectors=True)}
    assert sorted(got) == list(range(10))
    assert got[1].payload["mayor"] == "x" and "mayor" not in got[2].payload
    assert (got[3].payload, got[4].payload) == ({"only": 1}, {})
    assert got[5].vector == [0, 0, 0, 0, 0, 1] and got[5].payload["name"] == "n5"
    results = client.batch_update_points("cities", [
        models.UpsertOperation(upsert=models.PointsList(points=[
            models.PointStruct(id=20, vector=[1, 0, 0, 0, 0, 0], payload={"n": 1})])),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"m": 2}, points=[20])),
        models.DeleteVectorsOperation(delete_vectors=models.DeleteVectors(points=[20], vector=[""])),
        models.DeleteOperation(delete=models.PointIdsList(points=[0]))])
    assert [r.status for r in results] == ["completed"] * 4
    assert [r.operation_id for r in results] == list(range(
        results[0].operation_id, results[0].operation_id + 4))
    got = client.retrieve("cities", [0, 20], with_vectors=True)
    assert [(p.id, p.payload, p.vector) for p in got] == [(20, {"n": 1, "m": 2}, {})]
    with pytest.raises(UnexpectedResponse, match="No point with id 99 found"):
        client.set_payload("cities", {"a": 1}, points=[99])


# ---- inference: texts and pictures where a vector may stand ---------------------------------------


@pytest.fixture
def inferring(server):
    """The node itself embeds what the client sends."""
    c = QdrantClient(url=server.url, cloud_inference=True)
    yield c
    c.delete_collection("pictures")
    c.close()


def picture(path):
    return base64.b64encode(path.read_bytes()).decode()


def test_texts_and_pictures_as_points_and_queries(server, inferring, photos):
    paths = sorted((photos / "fruit").glob("*.png"))
    inferring.create_collection("pictures", vectors_config=models.VectorParams(
        size=384, distance=models.Distance.COSINE))
    inferring.upsert("pictures", points=[
        models.PointStruct(id=i, vector=models.Image(image=picture(path), model="latent"),
                           payload={"name": path.name}) for i, path in enumerate(paths)])
    banana = next(i for i, path in enumerate(paths) if "banana" in path.name)
    for query in (models.Document(text="a banana", model="latent"),
                  models.Image(image="data:image/png;base64," + picture(paths[banana]),
                               model="latent"),
                  models.InferenceObject(object={"text": "a banana"}, model="luminous-base"),
                  models.RecommendQuery(recommend=models.RecommendInput(
                      positive=[models.Document(text="a banana", model="latent")]))):
        hits = inferring.query_points("pictures", query=query, limit=1).points
        assert "banana" in paths[hits[0].id].name, (query, hits)
    # The vectors are those that the other API gives, and those of a batch like single ones.
    ours = Client(token="any", host=server.url).semantic_embed(SemanticEmbeddingRequest(
        prompt=Prompt([Image.from_file(str(paths[0]))]),
        representation=SemanticRepresentation.Document), model="luminous-base").embedding
    stored = inferring.retrieve("pictures", [0], with_vectors=True)[0].vector
    assert stored == pytest.approx(ours, abs=1e-5)


def test_shorter_vectors_and_what_cannot_be_embedded(inferring):
    inferring.create_collection("pictures", vectors_config={"short": models.VectorParams(
        size=64, distance=models.Distance.COSINE)})

    def put(thing):
        inferring.upsert("pictures", points=[models.PointStruct(id=1, vector={"short": thing})])

    short = {"dimensions": 64}
    put(models.Document(text="a dog", model="latent", options=short))
    assert inferring.query_points("pictures", using="short", query=models.Document(
        text="a dog", model="latent", options=short)).points[0].score == pytest.approx(1, abs=1e-5)
    for thing, message in (
            (models.Document(text="a dog", model="nobody"), "model `nobody` is not served"),
            (models.Document(text="", model="latent"), "the text is empty"),
            (models.Document(text="a dog", model="latent"), "expected dim: 64, got 384"),
            (models.Document(text="a dog", model="latent", options={"dimensions": 1000}),
             "options.dimensions must be an integer from 1 to 384"),
            (models.Image(image="aGVsbG8=", model="latent"), "not a picture"),
            (models.Image(image="*", model="latent"), "not valid base64"),
            (models.Image(image="https://127.0.0.1/a.png", model="latent"),
             "pictures are not fetched from URLs"),
            (models.InferenceObject(object=5, model="latent"), "a text or a picture")):
        with pytest.raises(UnexpectedResponse) as info:
            put(thing)
        assert info.value.status_code == 400
        assert message in info.value.content.decode(), info.value.content
    assert inferring.count("pictures").count == 1


# ---- restart --------------------------------------------------------------------------------------


def test_all_is_there_after_a_restart(binary, home, tmp_path):
    with serving(binary, home, tmp_path) as server:
        client = QdrantClient(url=server.url)
        client.create_collection("kept", vectors_config=models.VectorParams(
            size=2, distance="Euclid", on_disk=True))
        client.upsert("kept", points=[
            models.PointStruct(id="6f5e4d3c-2b1a-4000-8000-000000000001", vector=[3, 4],
                               payload={"x": 1.5}),
            models.PointStruct(id=7, vector=[0, 1], payload={"x": "y"})])
        client.create_payload_index("kept", "x", "keyword")
        client.update_collection_aliases([models.CreateAliasOperation(
            create_alias=models.CreateAlias(collection_name="kept", alias_name="also"))])
        before = (client.scroll("kept", with_vectors=True), client.get_collection("kept").config)
        next_operation = client.delete("kept", points_selector=[99]).operation_id + 1
        client.close()
    with serving(binary, home, tmp_path) as server:
        client = QdrantClient(url=server.url)
        assert (client.scroll("also", with_vectors=True), client.get_collection("also").config) == \
            before
        assert client.get_collection("kept").payload_schema["x"].points == 1
        assert client.delete("kept", points_selector=[99]).operation_id == next_operation
        hits = client.query_points("kept", query=[0, 0], limit=2).points
        assert [(h.id, h.score) for h in hits] == [
            (7, 1.0), ("6f5e4d3c-2b1a-4000-8000-000000000001", 5.0)]
        client.close()
