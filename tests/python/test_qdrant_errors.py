# SPDX-License-Identifier: Apache-2.0
"""Every status that a request can fail with over Qdrant's interface, by plain HTTP: the envelope, a
message that names what was wrong, and a node that goes on."""
import concurrent.futures
import gzip
import json
import re
import socket
import zlib

import numpy as np
import pytest
import requests

from serving import serving

READ_ONLY, KEY = "may-read", "may-all"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("errors")) as s:
        put(s, "/collections/c", {"vectors": {"size": 4, "distance": "Cosine"}})
        put(s, "/collections/c/points", {"points": [{"id": 1, "vector": [1, 2, 3, 4]}]})
        yield s


def ask(server, method, path, body=None, **more):
    """`body`: what is no list and no dictionary goes as it is."""
    data = json.dumps(body) if isinstance(body, (dict, list)) else body
    headers = {**(JSON if body is not None else {}), **more.pop("headers", {})}
    return requests.request(method, server.url + path, data=data, headers=headers, timeout=60, **more)


def put(server, path, body):
    answer = ask(server, "PUT", path, body)
    assert answer.status_code == 200, answer.text


def expect(answer, status, message):
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/json"
    got = answer.json()
    assert got.keys() == {"status", "time"} and got["status"].keys() == {"error"}
    assert isinstance(got["time"], float)
    assert re.search(message, got["status"]["error"]), got["status"]["error"]


CREATE, POINTS, QUERY, COUNT = (
    ("PUT", "/collections/new"), ("PUT", "/collections/c/points"),
    ("POST", "/collections/c/points/query"), ("POST", "/collections/c/points/count"))
VECTORS = '{"vectors": {"size": 4, "distance": "Dot"}}'


def point(**what):
    return {"points": [{"id": 1, "vector": [1, 2, 3, 4], **what}]}


@pytest.mark.parametrize("where, body, message", [
    # JSON that is none: where, by line and column
    (CREATE, '{"vectors": {"size": 4}', "line 1,? column 24"),
    (CREATE, '{"vectors":\n {"size": 4,]}', "line 2,? column 1[23]"),
    (POINTS, '{"points": [{"id": 1e400}]}', "infinity.* line 1 column 20"),
    (POINTS, b'{"points":[{"id":1,"vector":[1,2,3,4],"payload":{"a":"\xff\xfe"}}]}',
     "UTF-8.* line 1 column 55"),
    (POINTS, b'{"points": [{"id": 1, "vec\x00', "line 1 column 2[67]"),
    (POINTS, "", "the body is empty"),
    (COUNT, "[" * 3000000, "Format error in JSON body"),
    # of another form
    (POINTS, "[]", "expected an object, not array"),
    (POINTS, {}, "missing field `points` or `batch`"),
    (POINTS, point(id=-1), r"points\[0\].id: value -1 is not a valid point ID"),
    (POINTS, point(id=1 << 64), r"points\[0\].id: value .* is not a valid point ID"),
    (POINTS, point(id="x"), r'points\[0\].id: value "x" is not a valid point ID'),
    (POINTS, point(vector=[1, 2, 3, 1e300]), r"points\[0\].vector\[3\]: .*too large"),
    (POINTS, point(vector=[1, 2, 3, "4"]), r"points\[0\].vector\[3\]: expected a number"),
    (POINTS, point(vector=[1, 2, 3]), "expected dim: 4, got 3"),
    (POINTS, point(vector={"x": [1]}), "Not existing vector name error: x"),
    (POINTS, point(payload=[1]), r"points\[0\].payload: expected an object, not array"),
    (QUERY, {"query": [1, 2]}, "expected dim: 4, got 2"),
    (QUERY, {"query": {"nearestt": [1, 2, 3, 4]}}, "query: expected a vector"),
    (QUERY, {"query": 1, "limit": "5"}, "limit: expected an integer"),
    (QUERY, {"query": 1, "filter": {"mustt": []}}, "unknown field `mustt`"),
    (QUERY, {"query": 1, "filter": {"must": [{"key": "a", "match": {"value": {}}}]}},
     "match.value"),
    (COUNT, '{"filter":' + '{"must":[' * 5000 + "]}" * 5000 + "}", "nested deeper than 64"),
    (("POST", "/collections/c/facet"), {"key": "x"}, "index for faceting: `x`"),
    (("POST", "/collections/c/points/scroll"), {"order_by": "x"}, "index for `order_by` key: `x`"),
    (("POST", "/collections/c/points/count?timeout=soon"), {}, '"soon" of `timeout`'),
    (("PUT", "/collections/c/points?wait=maybe"), point(), '"maybe" of `wait`'),
    (("GET", "/collections/c/points/abc"), None, '"abc" is not a valid point ID'),
    (("GET", "/collections/a%00b"), None, "zero byte"),
], ids=lambda value: str(value)[:60])
def test_400(server, where, body, message):
    expect(ask(server, *where, body), 400, message)


def test_400_without_json_in_the_content_type(server):
    for kind in (None, "text/plain", "application/jsonp"):
        answer = ask(server, *CREATE, VECTORS, headers={"Content-Type": kind})
        expect(answer, 400, f"Content type error.*not {kind or 'none'}")


@pytest.mark.parametrize("where, body, field", [
    (CREATE, {"vectors": {"size": 0, "distance": "Dot"}},
     r"\[vectors.size: value 0 invalid, must be from 1 to 65536\]"),
    (CREATE, {"vectors": {"a": {"size": 65537, "distance": "Dot"}},
              "hnsw_config": {"ef_construct": 3}},
     r"\[vectors.a.size: value 65537 .*; hnsw_config.ef_construct: value 3 invalid, must be 4 or larger\]"),
    (QUERY, {"query": 1, "limit": 0}, r"\[limit: value 0 invalid, must be 1 or larger\]"),
    (QUERY, {"query": 1, "params": {"hnsw_ef": 0}}, r"\[params.hnsw_ef: value 0 invalid"),
    (("PUT", "/quotas"), {"max_disk_usage_percent": 101}, r"\[max_disk_usage_percent: value 101"),
    (("PUT", "/collections/a%3Cb"), VECTORS, r"in path parameters: \[collection_name: "),
    (("PUT", "/collections/" + "x" * 256), VECTORS, "from 1 to 255 characters"),
    (("POST", "/collections/c/points/count?timeout=0"), {},
     r"in query parameters: \[timeout: value 0 invalid, must be 1 or larger\]"),
], ids=lambda value: str(value)[:60])
def test_422(server, where, body, field):
    expect(ask(server, *where, body), 422, f"^Validation error .*{field}")


def test_401_and_403(binary, home, tmp_path):
    with serving(binary, home, tmp_path, "--api-key", KEY, "--read-only-api-key", READ_ONLY) as s:
        for headers, text in (
                ({}, "Must provide an API key or an Authorization bearer token"),
                ({"api-key": "no"}, "Invalid API key or JWT"),
                ({"Authorization": "Bearer no"}, "Invalid API key or JWT"),
                ({"api-key": KEY + "x"}, "Invalid API key or JWT")):
            for path in ("/collections", "/metrics", "/unknown"):
                answer = ask(s, "GET", path, headers=headers)
                assert (answer.status_code, answer.text) == (401, text)
                assert answer.headers["Content-Type"].startswith("text/plain")
        for path in ("/", "/healthz", "/livez", "/readyz"):
            assert ask(s, "GET", path).status_code == 200
        reader = {"api-key": READ_ONLY}
        expect(ask(s, *CREATE, VECTORS, headers=reader), 403, "^Forbidden: ")
        assert ask(s, "GET", "/collections", headers=reader).json()["result"] == {"collections": []}
        assert ask(s, *CREATE, VECTORS, headers={"api-key": KEY}).status_code == 200
        expect(ask(s, "DELETE", "/collections/new", headers=reader), 403, "^Forbidden: ")
        expect(ask(s, *QUERY, {"query": 1}, headers={"Authorization": f"Bearer {READ_ONLY}"}), 404, "c")


def test_404(server):
    expect(ask(server, "GET", "/collections/none"), 404, "^Not found: Collection `none` doesn't exist!$")
    expect(ask(server, "PUT", "/collections/none/points", point()), 404, "`none`")
    expect(ask(server, "GET", "/collections/c/points/9"), 404, "^Not found: Point with id 9 does")
    expect(ask(server, *QUERY, {"query": 9}), 404, "^Not found: No point with id 9 found$")
    expect(ask(server, "POST", "/collections/c/points/payload?wait=true",
               {"points": [1, 8], "payload": {"a": 1}}), 404, "No point with id 8 found")
    for method, path in (("GET", "/none"), ("POST", "/collections/c/points/none/none")):
        answer = ask(server, method, path)
        assert (answer.status_code, answer.content) == (404, b"")


def test_405(server):
    expect(ask(server, "POST", "/cluster/recover"), 405, "standalone mode")
    expect(ask(server, "PUT", "/collections/c/shards", {"shard_key": "a"}), 405, "standalone mode")
    answer = ask(server, "POST", "/collections/c")
    assert (answer.status_code, answer.content) == (405, b"")


def test_409(server):
    expect(ask(server, "PUT", "/collections/c", VECTORS), 409, "^Wrong input: Collection `c` already exists!$")


def test_too_large_bodies(binary, home, tmp_path):
    """100 MB over a limit of 1 MB: refused by its announced length, or as it comes; never kept."""
    with serving(binary, home, tmp_path, "--max-body", "1") as s:
        before = s.memory()
        expect(ask(s, *COUNT, b" " * (100 << 20)), 400, "the body is larger than 1048576 bytes")
        expect(ask(s, *COUNT, (b" " * (1 << 20) for _ in range(100))), 400, "larger than 1048576")
        answer = ask(s, "POST", "/semantic_embed", b" " * (100 << 20))
        assert answer.status_code == 413 and answer.json()["code"] == "TOO_LARGE"
        assert s.memory() - before < 32 << 20


def test_a_large_body_within_the_limit(binary, home, tmp_path):
    with serving(binary, home, tmp_path, "--max-body", "128") as s:
        put(s, "/collections/c", {"vectors": {"size": 4, "distance": "Dot"}})
        blank = b" " * (100 << 20)
        put(s, "/collections/c/points", json.dumps(point()).encode() + blank)
        expect(ask(s, *POINTS, json.dumps(point())[:-1].encode() + blank), 400,
               f"line 1 column {len(json.dumps(point())) + (100 << 20)}")


def test_compressed_bodies(binary, home, tmp_path):
    with serving(binary, home, tmp_path, "--max-body", "1") as s:
        put(s, "/collections/c", {"vectors": {"size": 4, "distance": "Dot"}})

        def send(data, encoding):
            return ask(s, *POINTS, data, headers={"Content-Encoding": encoding})

        plain = json.dumps({"points": [{"id": i, "vector": [1, 2, 3, i]} for i in range(5000)]}).encode()
        for data, encoding in ((gzip.compress(plain), "gzip"), (zlib.compress(plain), "deflate"),
                               (plain, "identity"), (gzip.compress(plain), "GZIP")):
            assert send(data, encoding).status_code == 200
        assert ask(s, *COUNT, {}).json()["result"]["count"] == 5000
        whole = gzip.compress(plain)
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 255
        for data in (b"hello", whole[:-9], whole[:100], bytes(damaged)):
            expect(send(data, "gzip"), 400, "compressed body is damaged")
        expect(send(whole + b"more", "gzip"), 400, "4 bytes stand behind")
        expect(send(plain, "br"), 400, "gzip, deflate or identity is expected, not br")
        expect(send(gzip.compress(plain[:-1]), "gzip"), 400, f"line 1 column {len(plain)}")
        # A bomb: hundreds of megabytes in one. It is not unpacked beyond the limit.
        bomb, before = gzip.compress(b" " * (300 << 20), 1)[:1 << 20], s.memory()
        assert len(bomb) == 1 << 20
        expect(send(bomb, "gzip"), 400, "the body is larger than 1048576 bytes")
        assert s.memory() - before < 16 << 20


SLOW = {"searches": [{"query": i % 5000, "params": {"exact": True}, "limit": 1} for i in range(20000)]}


@pytest.fixture(scope="module")
def slow(binary, home, tmp_path_factory):
    """A node with one worker, and work for it: about two seconds of exact search."""
    with serving(binary, home, tmp_path_factory.mktemp("slow"), "--workers", "1", "--queue", "1") as s:
        put(s, "/collections/c", {"vectors": {"size": 128, "distance": "Dot"}})
        vectors = np.random.default_rng(1).normal(size=(5000, 128)).round(3)
        put(s, "/collections/c/points", {"batch": {"ids": list(range(5000)),
                                                   "vectors": vectors.tolist()}})
        yield s


def test_408(slow):
    expect(ask(slow, "POST", "/collections/c/points/query/batch?timeout=1", SLOW), 408, "^Timeout: ")


def test_503(slow):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(
            slow, "POST", "/collections/c/points/query/batch?timeout=1", SLOW), range(8)))
    assert {a.status_code for a in answers} == {408, 503}
    busy = [a for a in answers if a.status_code == 503]
    assert len(busy) >= 5  # all but one that runs and two that wait, at most
    for answer in busy:
        expect(answer, 503, "too many requests")
        assert answer.headers["Retry-After"] == "1"


def test_507(server):
    full = {"enabled": True, "max_disk_usage_percent": 1, "max_resident_memory_percent": 1}
    put(server, "/quotas", full)
    try:
        expect(ask(server, *POINTS, point()), 507, "^Insufficient storage: .*percent is .* limit is 1$")
        # What frees space stays possible, and so does reading.
        assert ask(server, "POST", "/collections/c/points/delete", {"points": [77]}).status_code == 200
        assert ask(server, *COUNT, {}).json()["result"] == {"count": 1}
    finally:
        put(server, "/quotas", {"enabled": False})
    put(server, "/collections/c/points", point())


def test_no_http(server):
    """What is no request at all is answered or cut off, after 30 idle seconds at the latest."""
    for request in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"PUT /collections/c HTTP/9.9\r\n\r\n",
                    b"POST /collections/c/points/count HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                    b"POST /collections/c/points/count HTTP/1.1\r\nHost: x\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
            got = b""
            try:
                s.sendall(request)
                s.shutdown(socket.SHUT_WR)
                while piece := s.recv(65536):
                    got += piece
            except OSError as gone:
                assert not isinstance(gone, TimeoutError), request
            assert not got or re.match(rb"HTTP/1\.[01] (4\d\d|505) ", got), got
    assert ask(server, "GET", "/healthz").status_code == 200
