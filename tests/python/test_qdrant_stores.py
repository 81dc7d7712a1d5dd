# SPDX-License-Identifier: Apache-2.0
"""What is built on Qdrant's clients, unmodified: the JavaScript client (if there is Node.js), and the
stores of LangChain and LlamaIndex."""
import os
import shutil
import subprocess

import pytest
import requests
from qdrant_client import QdrantClient

from conftest import ROOT
from serving import serving

DEPS = ROOT / os.environ.get("LT_DEPS_DIR", "build/deps")
TEXTS = ["a red boat on the sea", "a dog in the snow", "an apple on a table"]


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("stores")) as s:
        yield s


def embed(server, texts):
    answer = requests.post(server.url + "/v1/embeddings", json={"model": "latent", "input": texts},
                           timeout=30)
    return [entry["embedding"] for entry in answer.json()["data"]]


def test_javascript(server):
    if not shutil.which("node"):
        pytest.skip("there is no Node.js (the package nodejs)")
    if not (DEPS / "js" / "node_modules").is_dir():
        pytest.skip(f"{DEPS}/js is not there (tools/setup.sh --test fetches it)")
    done = subprocess.run(
        ["node", ROOT / "tests/js/client.cjs", server.url], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(DEPS / "js" / "node_modules")}, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ok\n"


def test_langchain(server):
    pytest.importorskip("langchain_qdrant", reason="langchain-qdrant is not installed")
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_qdrant import QdrantVectorStore

    class Served(Embeddings):
        def embed_documents(self, texts):
            return embed(server, texts)

        def embed_query(self, text):
            return embed(server, [text])[0]

    store = QdrantVectorStore.from_documents(
        [Document(page_content=text, metadata={"n": i}) for i, text in enumerate(TEXTS)], Served(),
        url=server.url, collection_name="langchain")
    found = store.similarity_search_with_score("dog", k=2)
    assert found[0][0].page_content == TEXTS[1] and found[0][0].metadata["n"] == 1
    assert found[0][1] > found[1][1]
    added = store.add_texts(["a cat"], metadatas=[{"n": 3}])
    assert store.similarity_search("cat", k=1)[0].metadata["n"] == 3
    assert store.delete(added)
    assert store.similarity_search("cat", k=1)[0].metadata["n"] != 3


def test_llama_index(server):
    pytest.importorskip("llama_index.vector_stores.qdrant",
                        reason="llama-index-vector-stores-qdrant is not installed")
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import (
        MetadataFilter, MetadataFilters, VectorStoreQuery)
    from llama_index.vector_stores.qdrant import QdrantVectorStore

    store = QdrantVectorStore(client=QdrantClient(url=server.url), collection_name="llama")
    nodes = [TextNode(text=text, metadata={"n": i}, embedding=vector)
             for i, (text, vector) in enumerate(zip(TEXTS, embed(server, TEXTS)))]
    store.add(nodes)
    dog = embed(server, ["dog"])[0]
    found = store.query(VectorStoreQuery(query_embedding=dog, similarity_top_k=1))
    assert found.ids == [nodes[1].node_id] and found.nodes[0].get_content() == TEXTS[1]
    found = store.query(VectorStoreQuery(
        query_embedding=dog, similarity_top_k=3,
        filters=MetadataFilters(filters=[MetadataFilter(key="n", value=2)])))
    assert found.ids == [nodes[2].node_id]
    store.delete_nodes([nodes[1].node_id])
    assert nodes[1].node_id not in store.query(
        VectorStoreQuery(query_embedding=dog, similarity_top_k=3)).ids
