#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rest.py [--points 100000] [--dims 128] [--seconds 10] [--latent PROGRAM] [--url URL --pid PID]

How fast a Qdrant node answers over HTTP: uploads unit vectors, waits until the collection is green
and searches it with 1, 8 and 64 connections of wrk and with the official client. Prints one JSON
object a measurement. Without --url it starts `latent serve` on an empty directory, and at the end
once more to time the start; with --url it measures whatever answers there, for a peer beside it
(--pid: of that process, for its processor time and memory).

The vectors are of the recipe of the peers' bench: one shared direction, cluster centres, noise with
a variance that falls over the axes of a random rotation. Exact neighbours come from numpy. wrk and
the client run on the same machine: what they use counts against the server.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.parse
import warnings

import numpy as np

QUERIES = 1000
K = 10
LUA = """
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local head = {["Content-Type"] = "application/json"}
request = function()
  at = at %% #bodies + 1
  return wrk.format("POST", "%s", head, bodies[at])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%.0f %%.0f %%.0f\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""


def make_vectors(n, dims):
    random = np.random.Generator(np.random.PCG64(42))
    clusters = max(1, n // 100)
    spread = (np.arange(dims) + 1.0) ** -0.5
    spread = np.sqrt(spread / spread.sum()).astype(np.float32)
    turn = np.linalg.qr(random.standard_normal((dims, dims)))[0].astype(np.float32)
    shared = random.standard_normal(dims).astype(np.float32)
    shared *= 0.5 / np.linalg.norm(shared)
    centres = random.standard_normal((clusters, dims), dtype=np.float32) * spread
    weight = (np.arange(clusters) + 1.0) ** -0.7
    of = random.choice(clusters, size=n + QUERIES, p=weight / weight.sum())
    noise = random.standard_normal((n + QUERIES, dims), dtype=np.float32)
    x = (centres[of] + 0.8 * noise * spread) @ turn + shared
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x[:n], x[n:]


def tell(**figures):
    print(json.dumps(figures), flush=True)


class Node:
    """A server: where it listens and which process it is."""

    def __init__(self, url, pid, started_s=None, process=None):
        at = urllib.parse.urlsplit(url)
        self.url, self.host, self.port, self.pid = url, at.hostname, at.port, pid
        self.started_s, self.process = started_s, process

    @classmethod
    def start(cls, program, data):
        began = time.perf_counter()
        process = subprocess.Popen([program, "--data", data, "serve", "--port", "0"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        url = re.search(r"http://\S+", process.stdout.readline()).group(0)
        node = cls(url, process.pid, process=process)
        node.call("GET", "/readyz")
        node.started_s = time.perf_counter() - began
        return node

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def call(self, method, path, body=None, connection=None):
        connection = connection or http.client.HTTPConnection(self.host, self.port)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text) if text[:1] == b"{" else text

    def cpu_s(self):
        if not self.pid:
            return 0.0
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self):
        if not self.pid:
            return None
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 1)

    def wait_green(self, name):
        while self.call("GET", f"/collections/{name}")["result"]["status"] != "green":
            time.sleep(0.05)


def create(node, name, dims):
    node.call("PUT", f"/collections/{name}", {"vectors": {"size": dims, "distance": "Cosine"},
                                              "hnsw_config": {"m": 16, "ef_construct": 100}})


def upload_raw(node, name, vectors, batch, connections):
    """Bodies are made beforehand; each connection sends its share."""
    create(node, name, vectors.shape[1])
    bodies = [json.dumps({"points": [{"id": i + j, "vector": row, "payload": {"n": i + j}}
                                     for j, row in enumerate(vectors[i:i + batch].tolist())]}).encode()
              for i in range(0, len(vectors), batch)]
    cpu, began = node.cpu_s(), time.perf_counter()

    def send(share):
        connection = http.client.HTTPConnection(node.host, node.port)
        for body in share:
            node.call("PUT", f"/collections/{name}/points?wait=true", body, connection)

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, [bodies[c::connections] for c in range(connections)]))
    sent = time.perf_counter() - began
    node.wait_green(name)
    tell(bench="raw upload", batch=batch, connections=connections, points=len(vectors),
         points_per_s=round(len(vectors) / sent), until_green_s=round(time.perf_counter() - began, 2),
         server_cpu_s=round(node.cpu_s() - cpu, 2))


def upload_client(node, client, name, vectors):
    from qdrant_client import models
    client.create_collection(name, models.VectorParams(size=vectors.shape[1], distance="Cosine"),
                             hnsw_config=models.HnswConfigDiff(m=16, ef_construct=100))
    cpu, began = node.cpu_s(), time.perf_counter()
    client.upload_collection(name, vectors, [{"n": i} for i in range(len(vectors))],
                             ids=list(range(len(vectors))), batch_size=1000, parallel=2, wait=True)
    sent = time.perf_counter() - began
    node.wait_green(name)
    tell(bench="official client upload", batch=1000, workers=2, points=len(vectors), sent_s=round(sent, 2),
         until_green_s=round(time.perf_counter() - began, 2), server_cpu_s=round(node.cpu_s() - cpu, 2))


def one_body(node, dims):
    """The tutorial's upsert: 5,000 points in one durable request."""
    vectors = make_vectors(5000, dims)[0]
    points = [{"id": i, "vector": row, "payload": {"filename": f"{i:012}.jpg"}}
              for i, row in enumerate(vectors.tolist())]
    body, took = json.dumps({"points": points}).encode(), []
    for i in range(5):
        create(node, f"tutorial{i}", dims)
        began = time.perf_counter()
        node.call("PUT", f"/collections/tutorial{i}/points?wait=true", body)
        took.append((time.perf_counter() - began) * 1e3)
        node.call("DELETE", f"/collections/tutorial{i}")
    tell(bench="5000 points in one body", megabytes=round(len(body) / 1e6, 1),
         ms_min=round(min(took), 1), ms_median=round(sorted(took)[2], 1))


def bodies_for(queries, ef):
    return [{"query": q, "limit": K, "params": {"hnsw_ef": ef}} for q in queries.tolist()]


def recall(node, name, bodies, exact):
    connection, found = http.client.HTTPConnection(node.host, node.port), 0
    for body, truth in zip(bodies, exact):
        answer = node.call("POST", f"/collections/{name}/points/query", body, connection)
        found += len({p["id"] for p in answer["result"]["points"]} & set(truth))
    return round(found / (len(bodies) * K), 4)


def load(node, name, file, connections, seconds, directory):
    script = pathlib.Path(directory, "load.lua")
    script.write_text(LUA % f"/collections/{name}/points/query")
    cpu = node.cpu_s()
    out = subprocess.run(["wrk", "-t", "1" if connections == 1 else "2", "-c", str(connections),
                          "-d", f"{seconds}s", "-s", str(script), node.url],
                         env={**os.environ, "BODIES": str(file)}, capture_output=True, text=True, check=True)
    n, us, errors, p50, p95, p99 = map(int, re.search(r"RESULT (.*)", out.stdout).group(1).split())
    return {"rps": round(n / us * 1e6), "p50_ms": p50 / 1e3, "p95_ms": p95 / 1e3, "p99_ms": p99 / 1e3,
            "errors": errors, "server_cpu_ms": round((node.cpu_s() - cpu) / max(n, 1) * 1e3, 3)}


def search(node, client, name, queries, exact, ef, seconds):
    from qdrant_client import models
    bodies = bodies_for(queries, ef)
    tell(bench="recall", ef=ef, recall=recall(node, name, bodies, exact))
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "bodies")
        file.write_text("".join(json.dumps(b) + "\n" for b in bodies))
        for connections in (1, 8, 64):
            tell(bench="search", ef=ef, connections=connections,
                 **load(node, name, file, connections, seconds, directory))
    params = models.SearchParams(hnsw_ef=ef)
    began = time.perf_counter()
    for q in queries.tolist():
        client.query_points(name, q, limit=K, search_params=params)
    tell(bench="official client, one by one", queries_per_s=round(QUERIES / (time.perf_counter() - began)))
    asked = [models.QueryRequest(query=q, limit=K, params=params) for q in queries.tolist()]
    began = time.perf_counter()
    for i in range(0, QUERIES, 100):
        client.query_batch_points(name, asked[i:i + 100])
    tell(bench="official client, batches of 100", queries_per_s=round(QUERIES / (time.perf_counter() - began)))


def restart(program, data, name, query):
    node = Node.start(program, data)
    began = time.perf_counter()
    node.call("POST", f"/collections/{name}/points/query", {"query": query.tolist(), "limit": K})
    tell(bench="start with the collection", ready_ms=round(node.started_s * 1e3, 1),
         first_search_ms=round((time.perf_counter() - began) * 1e3, 2), resident_mb=node.resident_mb())
    node.stop()


def run(node, o):
    from qdrant_client import QdrantClient
    warnings.simplefilter("ignore")
    client = QdrantClient(url=node.url, timeout=600)
    vectors, queries = make_vectors(o.points, o.dims)
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :K].tolist()
    upload_raw(node, "raw", vectors, 100, 2)
    node.call("DELETE", "/collections/raw")
    one_body(node, o.dims)
    upload_client(node, client, "bench", vectors)
    search(node, client, "bench", queries, exact, o.ef, o.seconds)
    tell(bench="memory", points=o.points, resident_mb=node.resident_mb())
    return queries[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument("--ef", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--latent", default="build/release/latent")
    parser.add_argument("--url")
    parser.add_argument("--pid", type=int)
    o = parser.parse_args()
    tell(bench="machine", cores=os.cpu_count(), load=os.getloadavg()[0], url=o.url)
    if o.url:
        run(Node(o.url, o.pid), o)
        return
    with tempfile.TemporaryDirectory() as data:
        node = Node.start(o.latent, data)
        try:
            query = run(node, o)
        finally:
            node.stop()
        restart(o.latent, data, "bench", query)


if __name__ == "__main__":
    main()
