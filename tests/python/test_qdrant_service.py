# SPDX-License-Identifier: Apache-2.0
"""What operators ask of a node: metrics, telemetry, health, and what clusters would answer."""
import re

import pytest
import requests

from serving import serving


@pytest.fixture
def server(binary, home, tmp_path):
    with serving(binary, home, tmp_path) as s:
        yield s


def metrics(server):
    """{sample: value}, with the form checked: a type before its samples, which stay together."""
    text = server.get("/metrics")
    samples, kinds, last = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, last, kind = line.split()
            assert last not in kinds, f"{last} is there twice"
            kinds[last] = kind
        elif not line.startswith("#"):
            sample, value = re.fullmatch(r'(\w+(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)', line).groups()
            name = sample.split("{")[0]
            if kinds[last] == "histogram":
                name = re.sub("_(bucket|sum|count)$", "", name)
            assert name == last, line
            assert sample not in samples, line
            samples[sample] = float(value)
    return samples


def put(server, path, body):
    assert requests.put(server.url + path, json=body, timeout=30).ok


def test_metrics_count_by_endpoint_and_collection(server):
    for name in ("a", "b"):
        put(server, f"/collections/{name}", {"vectors": {"size": 2, "distance": "Dot"}})
    put(server, "/collections/a/points", {"points": [{"id": i, "vector": [i, 1]} for i in range(3)]})
    for status in (200, 200, 400):
        body = {"query": [1, 2]} if status == 200 else {"query": [1]}
        answer = requests.post(server.url + "/collections/a/points/query", json=body, timeout=30)
        assert answer.status_code == status
    requests.get(server.url + "/collections/none", timeout=30)
    got = metrics(server)
    assert got["collections_total"] == 2 and got["points_total"] == 3
    assert got['collection_points{id="a"}'] == 3 and got['collection_points{id="b"}'] == 0
    query = 'method="POST",endpoint="/collections/*/points/query"'
    assert got[f'rest_responses_total{{{query},status="2xx"}}'] == 2
    assert got[f'rest_responses_total{{{query},status="4xx"}}'] == 1
    assert got[f"rest_responses_duration_seconds_count{{{query}}}"] == 3
    assert got[f'rest_responses_duration_seconds_bucket{{{query},le="+Inf"}}'] == 3
    assert got[f"rest_responses_duration_seconds_sum{{{query}}}"] > 0
    # Made, filled, asked twice; and once in vain.
    assert got['collection_responses_total{id="a",status="2xx"}'] == 4
    assert got['collection_responses_total{id="a",status="4xx"}'] == 1
    assert got['collection_responses_total{id="b",status="2xx"}'] == 1
    assert got['collection_responses_duration_seconds_total{id="a"}'] > 0
    assert not any("none" in sample for sample in got)
    buckets = [v for k, v in got.items() if k.startswith(f"rest_responses_duration_seconds_bucket{{{query}")]
    assert buckets == sorted(buckets) and len(buckets) == 13


def test_telemetry(server):
    put(server, "/collections/a", {"vectors": {"size": 2, "distance": "Dot"}})
    got = requests.get(server.url + "/telemetry?details_level=3&anonymize=true", timeout=30).json()["result"]
    assert got["app"]["version"] == "1.19.0" and got["collections"]["number_of_collections"] == 1
    assert got["cluster"] == {"enabled": False}
    rest = got["requests"]["rest"]["responses"]
    assert rest["PUT /collections/*"]["all"]["count"] == 1
    answer = requests.get(server.url + "/telemetry?details_level=x", timeout=30)
    assert answer.status_code == 400 and "details_level" in answer.text


def test_a_node_alone(server):
    put(server, "/collections/a", {"vectors": {"size": 2, "distance": "Dot"}})

    def result(path):
        return requests.get(server.url + path, timeout=30).json()["result"]

    assert result("/cluster") == {"status": "disabled"}
    shards = result("/collections/a/cluster")
    assert shards["shard_count"] == 1 and shards["remote_shards"] == shards["shard_transfers"] == []
    assert [s["state"] for s in shards["local_shards"]] == ["Active"]
    assert result("/collections/a/shards") == {"shard_keys": None}
    assert result("/issues") == {"issues": []}
    assert (server.get("/healthz"), server.get("/livez"), server.get("/readyz")) == (
        "healthz check passed", "livez check passed", "all shards are ready")
    for path in ("/", "/collections", "/collections/a"):
        head = requests.head(server.url + path, timeout=30)
        assert head.status_code == 200 and head.content == b"" and int(head.headers["Content-Length"])
    assert server.get("/collections/").startswith('{"result"')
