# SPDX-License-Identifier: Apache-2.0
"""The older half of test_qdrant_client.py, run with the last qdrant-client that has search(),
recommend() and discover(): `old_client.py URL`. Prints its version once all holds."""
import sys
from importlib.metadata import version

from qdrant_client import QdrantClient
from qdrant_client.models import (
    Batch, ContextExamplePair, Distance, FieldCondition, Filter, MatchValue, Record, SearchRequest,
    VectorParams)

VECTORS = [[1.0, 0.0, 0.0, 0.0], [0.8, 0.6, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.8]]
KINDS = ["a", "a", "b", "b"]


def ids(hits):
    return [hit.id for hit in hits]


def main(url):
    client = QdrantClient(url=url)
    client.create_collection("old", vectors_config=VectorParams(size=4, distance=Distance.COSINE))
    client.upsert("old", points=Batch(ids=[0, 1, 2, 3], vectors=VECTORS,
                                      payloads=[{"kind": kind} for kind in KINDS]))
    client.upload_records("old", [Record(id=4, vector=[0.0, 0.0, 0.8, 0.6], payload={"kind": "c"})],
                          wait=True)

    hits = client.search("old", query_vector=[1.0, 0.1, 0.0, 0.0], limit=3)
    assert ids(hits) == [0, 1, 2], hits
    assert hits[0].payload == {"kind": "a"} and hits[0].score > hits[1].score > hits[2].score
    only_b = Filter(must=[FieldCondition(key="kind", match=MatchValue(value="b"))])
    assert ids(client.search("old", query_vector=[1.0, 0.1, 0.0, 0.0], query_filter=only_b,
                             score_threshold=0.05, with_vectors=True)) == [2]
    batches = client.search_batch("old", [SearchRequest(vector=v, limit=1) for v in VECTORS])
    assert [ids(b) for b in batches] == [[0], [1], [2], [3]]
    groups = client.search_groups("old", query_vector=[1.0, 0.1, 0.0, 0.0], group_by="kind",
                                  limit=2, group_size=1).groups
    assert [(g.id, ids(g.hits)) for g in groups] == [("a", [0]), ("b", [2])]
    assert ids(client.recommend("old", positive=[0], negative=[3], limit=2)) == [1, 2]
    assert ids(client.discover("old", target=0, limit=2, context=[
        ContextExamplePair(positive=1, negative=3)])) == [2, 4]
    assert client.delete_collection("old")
    print(version("qdrant-client"))


if __name__ == "__main__":
    main(sys.argv[1])
