# SPDX-License-Identifier: Apache-2.0
"""Questions in JSON (lt_collection_ask), asked with the official client's requests.

Random ones are compared with the client's local mode: LT_SEED replays a run, LT_ASK_WORLDS and
LT_ASK_QUESTIONS set how many. What random questions cannot show (the exact text of answers and
errors, the older forms of body) has cases of its own. LT_ASK_LINES names the driver (default
build/release/tests/ask_lines).
"""
import json
import math
import os
import random
import warnings

import pytest

from conftest import LONG, ROOT

pytest.importorskip("qdrant_client")
import ask_transport  # noqa: E402
import qdrant_cases  # noqa: E402
from qdrant_client import QdrantClient  # noqa: E402

SEED = int(os.environ.get("LT_SEED", random.SystemRandom().randrange(1 << 32)))
WORLDS = int(os.environ.get("LT_ASK_WORLDS", 100 if LONG else 12))
QUESTIONS = int(os.environ.get("LT_ASK_QUESTIONS", 300 if LONG else 150))


@pytest.fixture(scope="session")
def program():
    path = os.environ.get("LT_ASK_LINES", str(ROOT / "build/release/tests/ask_lines"))
    if not os.access(path, os.X_OK):
        pytest.skip(f"{path} is not built")
    return path


@pytest.mark.parametrize("world", range(WORLDS))
def test_random_questions(program, tmp_path, world):
    """Whatever is asked, the answers agree."""
    seed = SEED + world
    ours, reference = ask_transport.client(program, tmp_path), QdrantClient(":memory:")
    made = qdrant_cases.World(random.Random(seed))
    made.fill(ours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the local mode says that it has no indexes
        made.fill(reference)
        judge = qdrant_cases.Judge(ours, reference)
        for i in range(QUESTIONS):
            kind, ask = made.question()
            wrong = judge.difference(kind, ask)
            assert not wrong, f"LT_SEED={seed}, question {i} ({kind}): {wrong}"
    assert judge.undecided <= qdrant_cases.UNDECIDED * QUESTIONS, judge.undecided
    ours.program.close()


# ---- what random questions do not show -------------------------------------------------------

POINTS = [
    {"id": 1, "vector": {"": [1, 0], "s": {"indices": [3, 1], "values": [0.5, 1]}},
     "payload": {"a": 1, "city": "Rome", "big": 18446744073709551615, "x": 0.1, "l": [1, 2, 2]}},
    {"id": 2, "vector": {"": [0, 2]}, "payload": {"a": 2, "city": "Oslo", "neg": -9007199254740993}},
    {"id": 3, "vector": {"": [3, 4]}, "payload": {"a": 3, "city": "Oslo"}},
    {"id": "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", "vector": {}, "payload": {}},
]
UUID = POINTS[3]["id"]


class Small:
    """A few points; answers and errors as their text."""

    def __init__(self, program, directory):
        self.program = ask_transport.Program(program, directory)
        self.line("create", body={"vectors": {"size": 2, "distance": "Dot"}, "sparse_vectors": {"s": {}}})
        self.line("tell", kind=0, body={"points": POINTS})
        self.line("index", path="a", body="integer")
        self.line("index", path="city", body="keyword")

    def line(self, op, **more):
        return self.program.line(op=op, collection="small", **more)

    def ask(self, path, body):
        answer = self.line("ask", kind=ask_transport.ASK[path], body=body)
        assert "result" in answer, answer
        return answer["result"]

    def ids(self, path, body):
        found = self.ask(path, body)
        return [p["id"] for p in (found["points"] if isinstance(found, dict) else found)]

    def refuse(self, path, body, status, *words):
        answer = self.line("ask", kind=ask_transport.ASK[path], body=body)
        assert answer.get("status") == status, answer
        for word in words:
            assert word in answer["error"], answer


@pytest.fixture(scope="module")
def small(program, tmp_path_factory):
    made = Small(program, tmp_path_factory.mktemp("small"))
    yield made
    made.program.close()


def test_points_by_id(small):
    assert small.ask("points", {"ids": [3, 9, UUID.upper(), 3], "with_payload": False}) == [
        {"id": 3}, {"id": UUID}]
    [point] = small.ask("points", {"ids": [1], "with_vector": True})
    assert point["vector"] == {"": [1, 0], "s": {"indices": [1, 3], "values": [1, 0.5]}}
    assert point["payload"] == POINTS[0]["payload"]
    [point] = small.ask("points", {"ids": [2], "with_vector": ["", ""]})
    assert point["vector"] == [0, 2]
    assert small.ask("points", {"ids": [UUID], "with_vector": True}) == [
        {"id": UUID, "payload": {}, "vector": {}}]
    small.refuse("points", {"ids": ["x"]}, -1, '"x" is not a valid point ID')
    small.refuse("points", {"ids": ["7"]}, -1, "is not a valid point ID")
    small.refuse("points", {}, -1, "missing field `ids`")
    small.refuse("points", {"ids": [1], "with_vector": ["no"]}, -1, "Not existing vector name error: no")


def test_numbers_keep_their_text(small):
    """Scores are the shortest text of a 32-bit float, whole ones with .0; integers stay whole."""
    small.program.process.stdin.write(json.dumps({
        "op": "ask", "kind": 4, "collection": "small",
        "body": {"query": [0.1, 0.1], "limit": 3, "with_payload": ["big", "neg", "x"]}}) + "\n")
    small.program.process.stdin.flush()
    text = small.program.process.stdout.readline()
    assert '"id":3,"version":0,"score":0.7,' in text or '"score":0.70000005,' in text
    assert '"id":1,"version":0,"score":0.1,' in text
    assert '"big":18446744073709551615' in text and '"neg":-9007199254740993' in text
    assert '"x":0.1}' in text
    assert small.ask("points/query", {"limit": 1})["points"] == [{"id": 1, "version": 0, "score": 1.0}]


def test_pages(small):
    page = small.ask("points/scroll", {"limit": 2, "with_payload": False})
    assert page == {"points": [{"id": 1}, {"id": 2}], "next_page_offset": 3}
    page = small.ask("points/scroll", {"limit": 2, "offset": 3, "with_payload": None})
    assert page["next_page_offset"] is None and [p["id"] for p in page["points"]] == [3, UUID]
    assert page["points"][0]["payload"] == POINTS[2]["payload"]
    small.refuse("points/scroll", {"limit": 0}, -13,
                 "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]")
    small.refuse("points/scroll", {"order_by": "city"}, -1, "No range index for `order_by` key: `city`")
    small.refuse("points/scroll", {"order_by": "a", "offset": 2}, -1, "offset")
    small.refuse("points/scroll", {"order_by": {"key": "a", "direction": "up"}}, -1,
                 "order_by.direction", "`asc`")
    page = small.ask("points/scroll", {"order_by": {"key": "a", "direction": "desc", "start_from": 2.5},
                                       "with_payload": False})
    assert page == {"points": [{"id": 2, "order_value": 2}, {"id": 1, "order_value": 1}],
                    "next_page_offset": None}


def test_count_and_facet(small):
    where = {"must": {"key": "city", "match": {"value": "Oslo"}}}
    assert small.ask("points/count", {"filter": where}) == {"count": 2}
    assert small.ask("points/count", {}) == {"count": 4}
    assert small.ask("facet", {"key": "city"}) == {
        "hits": [{"value": "Oslo", "count": 2}, {"value": "Rome", "count": 1}]}
    assert small.ask("facet", {"key": "a", "filter": where, "limit": 1}) == {
        "hits": [{"value": 2, "count": 1}]}
    small.refuse("facet", {"key": "x"}, -1, "No appropriate index for faceting: `x`")
    small.refuse("facet", {"key": "a..b"}, -1, "key", "a..b")


def test_forms_of_a_query(small):
    """The same query in all its spellings."""
    for query in ([1, 1], {"nearest": [1, 1]}, {"nearest": [1, 1], "mmr": None}):
        assert small.ids("points/query", {"query": query, "unknown": 1}) == [3, 2, 1]
    assert small.ids("points/query", {"query": 3}) == [2, 1]
    assert small.ids("points/search", {"vector": [1, 1], "limit": 2}) == [3, 2]
    assert small.ids("points/search", {"vector": {"name": "", "vector": [1, 1]}, "top": 2}) == [3, 2]
    sparse = {"indices": [3], "values": [2.0]}
    assert small.ids("points/search", {"vector": {"name": "s", "vector": sparse}, "limit": 9}) == [1]
    assert small.ids("points/query", {"query": sparse, "using": "s"}) == [1]
    assert small.ids("points/recommend", {"positive": [3], "negative": [1], "limit": 5}) == [2]
    assert small.ids("points/discover", {"target": [1, 1], "context": [
        {"positive": 2, "negative": 1}], "limit": 5}) == [3]
    assert small.ids("points/discover", {"context": [{"positive": [0, 1], "negative": [1, 0]}],
                                         "limit": 1}) == [2]


def test_older_forms_answer_lists(small):
    found = small.ask("points/search", {"vector": [1, 1], "limit": 1})
    assert found == [{"id": 3, "version": 0, "score": 7.0}]
    both = small.ask("points/search/batch", {"searches": [{"vector": [1, 1], "limit": 1},
                                                          {"vector": [0, -1], "limit": 1, "offset": 1}]})
    assert [[p["id"] for p in one] for one in both] == [[3], [2]]
    both = small.ask("points/recommend/batch", {"searches": [{"positive": [1], "limit": 1}]})
    assert [[p["id"] for p in one] for one in both] == [[3]]
    groups = small.ask("points/search/groups", {"vector": [1, 1], "group_by": "city", "limit": 2,
                                                "group_size": 1})["groups"]
    assert [(g["id"], [h["id"] for h in g["hits"]]) for g in groups] == [("Oslo", [3]), ("Rome", [1])]
    groups = small.ask("points/recommend/groups", {"positive": [1], "group_by": "a", "limit": 1,
                                                   "group_size": 2})["groups"]
    assert [(g["id"], [h["id"] for h in g["hits"]]) for g in groups] == [(3, [3])]
    small.refuse("points/search", {"vector": [1, 1]}, -1, "missing field `limit`")
    small.refuse("points/search", {"limit": 3}, -1, "missing field `vector`")


def test_an_id_is_left_out_wherever_it_is_used(small):
    body = {"prefetch": {"query": 3, "limit": 10}, "query": {"fusion": "rrf"}}
    assert small.ids("points/query", body) == [2, 1]
    body = {"prefetch": [{"query": 3}, {"query": [1, 1]}], "query": [1, 1]}
    assert small.ids("points/query", body) == [2, 1]


def test_rrf_begins_at_two(small):
    body = {"prefetch": [{"query": [1, 1]}], "query": {"fusion": "rrf"}, "limit": 2}
    assert [p["score"] for p in small.ask("points/query", body)["points"]] == [0.5, 0.33333334]
    body["query"] = {"rrf": {"k": 60, "weights": [3]}}
    assert [p["score"] for p in small.ask("points/query", body)["points"]] == pytest.approx(
        [1 / (1 / 3 + 59), 1 / (2 / 3 + 59)], abs=1e-7)
    body["query"] = {"rrf": {"weights": [1, 2]}}
    small.refuse("points/query", body, -1, "weights")


def test_document_frequencies_of_a_corpus(program, tmp_path):
    """Index 1 is in all three points, and in both of Oslo; index 2 is in one, which is in Rome."""
    running = ask_transport.Program(program, tmp_path)
    running.line(op="create", collection="idf", body={"sparse_vectors": {"s": {"modifier": "idf"}}})
    running.line(op="tell", collection="idf", kind=0, body={"points": [
        {"id": i, "vector": {"s": {"indices": indices, "values": [1] * len(indices)}},
         "payload": {"city": city}}
        for i, indices, city in ((1, [1], "Oslo"), (2, [1], "Oslo"), (3, [1, 2], "Rome"))]})

    def scores(**params):
        body = {"query": {"indices": [1, 2], "values": [1, 1]}, "using": "s", "limit": 1, "params": params}
        answer = running.line(op="ask", collection="idf", kind=ask_transport.ASK["points/query"], body=body)
        return answer.get("error") or [p["score"] for p in answer["result"]["points"]]

    def idf(n, df):
        return math.log((n - df + 0.5) / (df + 0.5) + 1)

    oslo = {"must": {"key": "city", "match": {"value": "Oslo"}}}
    assert scores() == scores(idf="global") == pytest.approx([idf(3, 3) + idf(3, 1)])
    assert scores(idf={"corpus": oslo}) == pytest.approx([idf(2, 2) + idf(2, 0)])
    assert scores(idf={"corpus": {}}) == scores()
    assert "params.idf" in scores(idf="local") and "params.idf" in scores(idf={"filter": oslo})
    running.close()


TELL = ("upsert", "delete", "set_payload", "overwrite_payload", "delete_payload", "clear_payload",
        "update_vectors", "delete_vectors", "batch")


@pytest.mark.parametrize("kind, body, status, message", [
    ("upsert", {}, -1, "missing field `points` or `batch`"),
    ("upsert", {"points": []}, -1, "Bad request: Empty update request"),
    ("delete", {"points": []}, -1, "Bad request: Empty update request"),
    ("set_payload", {"payload": {}, "points": []}, -1, "Bad request: Empty update request"),
    ("delete", {}, -1, "either list of point ids or filter must be provided"),
    ("delete", {"filter": []}, -1, "filter: expected an object, not array"),
    ("delete", {"points": [1, "1"]}, -1, 'points[1]: value "1" is not a valid point ID'),
    ("delete", {"points": [1.5]}, -1, "points[0]: value 1.5 is not a valid point ID"),
    ("upsert", {"points": [{"vector": [1, 2]}]}, -1, "points[0]: missing field `id`"),
    ("upsert", {"points": [{"id": 1}]}, -1, "points[0]: missing field `vector`"),
    ("upsert", {"points": [{"id": 1, "vector": 7}]}, -1, "points[0].vector: expected a list"),
    ("upsert", {"points": [{"id": 1, "vector": {"a\0b": [1]}}]}, -1, "points[0].vector: a zero char"),
    ("upsert", {"points": [{"id": 1, "vector": {"text": "x", "model": "m"}}]}, -1, "Inference"),
    ("upsert", {"points": [{"id": 1, "vector": {"s": {"indices": [1, 1], "values": [1, 2]}}}]}, -13,
     "[points[0].vector.s.indices: must be unique]"),
    ("upsert", {"points": [{"id": 1, "vector": [[1, 2], [1]]}, {"id": 2, "vector": [[], []]}]}, -13,
     "[points[0].vector[1]: all vectors must have the same dimension, found vector with dimension 1; "
     "points[1].vector[0]: all vectors must be non-empty]"),
    ("upsert", {"batch": {"ids": [1, 2], "vectors": [[1, 2]], "payloads": [{}]}}, -13,
     "[batch: number of ids and vectors must be equal (2 != 1); batch: number of ids and payloads "),
    ("upsert", {"batch": {"ids": [1], "vectors": {"": [[1, "x"]]}}}, -1, "batch.vectors.[0][1]: expected"),
    ("upsert", {"batch": {"ids": [1], "vectors": [[1, 2]], "payloads": [7]}}, -1,
     "batch.payloads[0]: expected an object"),
    ("upsert", {"points": [], "update_mode": "replace"}, -1, "update_mode: unknown variant"),
    ("upsert", {"points": [], "update_filter": 1}, -1, "update_filter: expected an object"),
    ("set_payload", {"points": [1]}, -1, "missing field `payload`"),
    ("set_payload", {"points": [1], "payload": []}, -1, "payload: expected an object"),
    ("set_payload", {"points": [1], "payload": {}, "key": 1}, -1, "key: expected a string"),
    ("delete_payload", {"points": [1], "keys": ["a", 1]}, -1, "keys[1]: expected a string"),
    ("update_vectors", {"points": []}, -13, "[points: must contain at least 1 item]"),
    ("delete_vectors", {"points": [1], "vector": []}, -13, "[vector: must contain at least 1 item]"),
    ("batch", {"operations": [{"upsert": {"points": 1}}]}, -1, "operations[0].upsert.points: expected a list"),
    ("batch", {"operations": [{"insert": {}}]}, -1, "operations[0]: expected one of `upsert`"),
    ("batch", {}, -1, "missing field `operations`"),
], ids=lambda value: str(value)[:60])
def test_changes_that_are_refused(small, kind, body, status, message):
    answer = small.line("tell", kind=TELL.index(kind), body=body)
    assert answer.get("status") == status and message in answer["error"], answer


def test_upsert_by_mode_and_filter(program, tmp_path):
    running = ask_transport.Program(program, tmp_path)
    running.line(op="create", collection="c", body={"vectors": {"size": 1, "distance": "Dot"}})

    def upsert(ids, n, **more):
        points = [{"id": i, "vector": [n], "payload": {"n": n}} for i in ids]
        answer = running.line(op="tell", collection="c", kind=0, body={"points": points, **more})
        assert "result" in answer, answer

    def stored():
        points = running.line(op="ask", collection="c", kind=1, body={"with_vector": True})
        return {p["id"]: (p["vector"][0], p["payload"]["n"]) for p in points["result"]["points"]}

    upsert([1, 2], 1)
    upsert([2, 3], 2, update_mode="insert_only")
    assert stored() == {1: (1, 1), 2: (1, 1), 3: (2, 2)}
    upsert([3, 4], 3, update_mode="update_only")
    assert stored() == {1: (1, 1), 2: (1, 1), 3: (3, 3)}
    # New points are stored whatever the filter says, unless the mode is to update alone.
    where = {"must": {"key": "n", "range": {"lt": 3}}}
    upsert([1, 3, 5], 4, update_filter=where)
    assert stored() == {1: (4, 4), 2: (1, 1), 3: (3, 3), 5: (4, 4)}
    upsert([2, 5, 6], 5, update_filter=where, update_mode="update_only")
    assert stored() == {1: (4, 4), 2: (5, 5), 3: (3, 3), 5: (4, 4)}
    upsert([1, 2, 7], 6, update_filter={}, update_mode="insert_only")
    assert stored() == {1: (4, 4), 2: (5, 5), 3: (3, 3), 5: (4, 4), 7: (6, 6)}
    running.close()


def test_what_is_refused(small):
    def query(status, *words, **body):
        small.refuse("points/query", body, status, *words)

    query(-1, "expected dim: 2, got 3", query=[1, 2, 3])
    query(-1, "Not existing vector name error: v", query=[1, 2], using="v")
    query(-2, "No point with id 77 found", query=77)
    query(-1, "for point 2 not found", query=2, using="s")
    query(-1, "Format error in JSON body: query[1]: expected a number", query=[1, "x"])
    query(-1, "query.recommend.strategy", query={"recommend": {"positive": [1], "strategy": "best"}})
    query(-1, "positive", query={"recommend": {"negative": [1]}})
    query(-1, "missing field `target`", query={"discover": {"context": []}})
    query(-1, "without prefetches", query={"fusion": "rrf"})
    query(-1, "without prefetches", query={"formula": 1})
    query(-1, "merge the prefetches", prefetch={"query": [1, 1]})
    query(-1, "`rrf` or `dbsf`", query={"fusion": "sum"})
    query(-1, "Inference is not available", query={"text": "a dog", "model": "m"})
    query(-1, "with_payload", query=[1, 1], with_payload={"include": ["a"], "exclude": ["b"]})
    query(-1, "with_payload.include[0]", query=[1, 1], with_payload={"include": ["a["]})
    query(-2, "elsewhere", query=1, lookup_from={"collection": "elsewhere"})
    query(-13, "[limit: value 0 invalid, must be 1 or larger; prefetch[0].limit: value 0 invalid",
          prefetch=[{"query": [1, 1], "limit": 0}], query=[1, 1], limit=0)
    query(-13, "query.mmr.diversity", query={"nearest": [1, 1], "mmr": {"diversity": 1.5}})
    query(-13, "candidates_limit: value 16385 invalid, must be 16384 or smaller",
          query={"nearest": [1, 1], "mmr": {"candidates_limit": 16385}})
    query(-13, "params.hnsw_ef", query=[1, 1], params={"hnsw_ef": 0})
    query(-13, "query.indices: must be unique", query={"indices": [1, 1], "values": [1, 2]}, using="s")
    query(-13, "query.values: must be the same length as indices",
          query={"indices": [1], "values": [1, 2]}, using="s")
    query(-1, "unknown field `kee`", query=[1, 1], filter={"must": [{"kee": 1}]})
    small.refuse("points/search/matrix/pairs", {"sample": 1}, -13, "sample: value 1 invalid")
    small.refuse("points/query/groups", {"query": [1, 1]}, -1, "missing field `group_by`")
    small.refuse("points/query/groups", {"query": [1, 1], "group_by": ""}, -13, "group_by",
                 "must not be empty")
    deep = {"query": [1, 1]}
    for _ in range(70):
        deep = {"prefetch": deep, "query": [1, 1]}
    query(-1, "nested deeper than 64", **deep)


def test_formulas_that_fail(small):
    def formula(words, formula, **more):
        small.refuse("points/query", {"prefetch": {"query": [1, 1]}, "query": {"formula": formula, **more}},
                     -1, *words)

    formula(["No value found for `nowhere`"], "nowhere")
    formula(["number", "`city`"], "city")
    formula(["non-finite"], {"ln": 0})
    formula(["non-finite"], {"div": {"left": 1, "right": 0}})
    formula(["$score"], "$score[x]")
    formula(["midpoint"], {"exp_decay": {"x": "a", "midpoint": 1}})
    formula(["scale"], {"lin_decay": {"x": "a", "scale": 0}})
    formula(["at least one"], {"max": []})
    body = {"prefetch": {"query": [1, 1]}, "query": {"formula": {
        "sum": ["$score", {"mult": [10, {"key": "city", "match": {"value": "Rome"}}]}]}}}
    assert small.ids("points/query", body) == [1, 3, 2]


def test_syntax_errors_say_where(small):
    answer = small.program
    # The driver passes bodies on as they were parsed, so a broken one cannot come through it; a body
    # that is no object can.
    assert answer.line(op="ask", kind=4, collection="small", body=[1])["error"].startswith(
        "Format error in JSON body: ")
