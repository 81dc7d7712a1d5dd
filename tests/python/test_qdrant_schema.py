# SPDX-License-Identifier: Apache-2.0
"""Requests made from Qdrant's REST description, valid and invalid ones, against a node: no answer is
a server error, and none breaks the description.

LT_EXAMPLES says how many requests are made of each operation (default 15; 300 with LT_LONG=1),
LT_SEED which; LT_QDRANT_OPENAPI where the description is, which is no part of this repository.
"""
import os
import random

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

from conftest import LONG
from serving import OPENAPI, serving
from test_qdrant_compatibility import rows

if not OPENAPI.exists():
    pytest.skip(f"{OPENAPI} is not there (LT_QDRANT_OPENAPI names it)", allow_module_level=True)

SEED = int(os.environ.get("LT_SEED") or random.SystemRandom().randrange(2**32))
EXAMPLES = int(os.environ.get("LT_EXAMPLES") or (300 if LONG else 15))
SCHEMA = schemathesis.openapi.from_path(str(OPENAPI))
OPERATIONS = {(op.ok().method.upper(), op.ok().path): op.ok()
              for op in SCHEMA.get_all_operations()}
SERVED = [key for key, (answer, _) in rows().items() if answer != "no" and key in OPERATIONS]
CHECKS = [checks.not_a_server_error, checks.response_schema_conformance,
          checks.content_type_conformance, checks.status_code_conformance]


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    print(f"seed {SEED} (LT_SEED replays it), {EXAMPLES} requests of each operation")
    with serving(binary, home, tmp_path_factory.mktemp("schema")) as s:
        yield s


@pytest.fixture
def collection(server):
    """One with all kinds of vectors and indexes, whatever the requests before did to it."""
    url = f"{server.url}/collections/world"

    def put(path, body):
        answer = requests.put(url + path, json=body, timeout=30)
        assert answer.ok, answer.text

    requests.delete(url, timeout=30)
    put("", {"vectors": {"": {"size": 2, "distance": "Cosine"},
                         "many": {"size": 2, "distance": "Dot",
                                  "multivector_config": {"comparator": "max_sim"}}},
             "sparse_vectors": {"words": {}}})
    for field, schema in (("city", "keyword"), ("n", "integer"), ("at", "datetime"),
                          ("place", "geo"), ("text", "text")):
        put("/index?wait=true", {"field_name": field, "field_schema": schema})
    put("/points?wait=true", {"points": [
        {"id": i, "vector": {"": [i, 1], "many": [[i, 1], [1, 0]],
                             "words": {"indices": [i, 9], "values": [1, 0.5]}},
         "payload": {"city": "ab"[i % 2], "n": i, "at": "2026-01-01", "text": "to be",
                     "place": {"lat": 1, "lon": i}}} for i in range(8)]})


def mended(value, there, key=""):
    """A body in which vectors have the collection's two dimensions and names are those of what is
    there: so that more of what is made from the description means something."""
    if isinstance(value, dict):
        return {k: mended(v, there, k) for k, v in value.items()}
    if isinstance(value, list):
        if len(value) > 1 and key not in ("indices", "values", "ids", "points") and all(
                isinstance(v, float) for v in value):
            return value[:2]
        return [mended(v, there, key) for v in value]
    return there.get(key, value)


@pytest.mark.parametrize("key", SERVED, ids=" ".join)
def test_answers_keep_to_the_description(server, collection, key):
    operation = OPERATIONS[key]
    requests_of = operation.as_strategy()
    if operation.body:  # some that break the description
        requests_of |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    names = st.fixed_dictionaries({
        "collection_name": st.just("world"), "field_name": st.just("city"), "id": st.just("3"),
        "key": st.sampled_from(["city", "n", "at", "place", "text"]),
        "group_by": st.sampled_from(["city", "n"]), "using": st.sampled_from(["", "many", "words"]),
        "lookup_from": st.none(), "with_lookup": st.none()})
    there = st.none() | names | names | names

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(case=requests_of, there=there)
    def run(case, there):
        if there:
            case.path_parameters = {k: there.get(k, v) for k, v in case.path_parameters.items()}
            if isinstance(case.body, dict):
                case.body = mended(case.body, there)
        case.call_and_validate(base_url=server.url, checks=CHECKS, timeout=30)

    run()
    assert server.process.poll() is None
