#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""serve_load.py [--clients 64] [--seconds 120] [--points 10000] [--latent PROGRAM] PHOTOS: many clients
that embed a text or a picture and search with its vector, each as fast as it is answered, on one
`latent serve` with a collection of that many points.

Prints one JSON object: what was done a second, latencies, errors, resident memory and how it grew, and
`of_alone` as bench/serve_embed.py does: the time that `latent embed` takes for as many texts and
pictures alone through the time taken here, where searches and clients take their part too. Exit code 1
if anything failed.
"""
import argparse
import asyncio
import base64
import itertools
import json
import pathlib
import random
import re
import subprocess
import tempfile
import time

from serve_embed import WORDS, alone, cpu_seconds, percentile, resident_mb

DIMS, CHUNK = 384, 500


class Connection:
    """One kept connection that posts JSON and reads the answer."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))

    async def ask(self, method, path, body):
        text = json.dumps(body).encode()
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(text)}\r\n"
                          "Content-Type: application/json\r\n\r\n".encode() + text)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        answer = await self.reader.readexactly(length)
        if head.split(b" ", 2)[1] != b"200":
            raise RuntimeError(answer.decode()[:200])
        return json.loads(answer)


class Load:
    """What the clients did: seconds of each step by its kind."""

    def __init__(self, prompts):
        self.prompts = prompts  # kind: list of prompts
        self.took = {"texts": [], "pictures": [], "searches": []}
        self.errors = []

    async def timed(self, kind, answer):
        began = time.perf_counter()
        result = await answer
        self.took[kind].append(time.perf_counter() - began)
        return result

    async def client(self, port, number, until):
        kind = ("texts", "pictures")[number % 2]
        prompts = itertools.islice(itertools.cycle(self.prompts[kind]), number, None)
        connection = await Connection.open(port)
        while time.perf_counter() < until:
            try:
                embedded = await self.timed(kind, connection.ask("POST", "/semantic_embed", {
                    "model": "latent", "representation": "query", "prompt": next(prompts)}))
                found = await self.timed("searches", connection.ask(
                    "POST", "/collections/load/points/query",
                    {"query": embedded["embedding"], "limit": 10, "with_payload": True}))
                if len(found["result"]["points"]) != 10:
                    self.errors.append(f"{len(found['result']['points'])} hits")
            except (RuntimeError, OSError, asyncio.IncompleteReadError) as error:
                self.errors.append(repr(error))
                connection = await Connection.open(port)
        connection.writer.close()


async def fill(port, n_points):
    rng = random.Random(0)
    connection = await Connection.open(port)
    await connection.ask("PUT", "/collections/load",
                         {"vectors": {"size": DIMS, "distance": "Cosine"}})
    for first in range(0, n_points, CHUNK):
        await connection.ask("PUT", "/collections/load/points?wait=true", {"points": [
            {"id": i, "vector": [rng.gauss(0, 1) for _ in range(DIMS)], "payload": {"n": i}}
            for i in range(first, min(first + CHUNK, n_points))]})
    connection.writer.close()


async def watch_memory(pid, until, samples):
    while time.perf_counter() < until:
        samples.append((time.perf_counter(), resident_mb(pid)))
        await asyncio.sleep(1)


def growth(samples):
    """MB a minute: the slope of a line through all but the first fifth."""
    samples = samples[len(samples) // 5:]
    times, sizes = zip(*samples, strict=True)
    t, s = sum(times) / len(times), sum(sizes) / len(sizes)
    return 60 * sum((x - t) * (y - s) for x, y in samples) / sum((x - t) ** 2 for x in times)


async def run(server, port, args, load):
    await fill(port, args.points)
    began, cpu, memory = time.perf_counter(), cpu_seconds(server.pid), []
    until = began + args.seconds
    await asyncio.gather(watch_memory(server.pid, until, memory),
                         *(load.client(port, i, until) for i in range(args.clients)))
    return time.perf_counter() - began, cpu_seconds(server.pid) - cpu, memory


def summary(args, load, wall, cpu, memory, cost):
    out = {"bench": f"serve load, {args.clients} clients, {args.points} points",
           "seconds": round(wall, 1), "errors": len(load.errors), "first_error": load.errors[:1],
           "rss_mb": {"early": round(memory[len(memory) // 5][1]), "end": round(memory[-1][1]),
                      "growth_a_minute": round(growth(memory), 2)}}
    for kind, took in load.took.items():
        out[kind] = {"per_second": round(len(took) / wall, 1),
                     "ms": {"median": round(1e3 * percentile(took, 0.5), 1),
                            "p99": round(1e3 * percentile(took, 0.99), 1)}}
    for i, name in enumerate(("of_alone", "cpu_of_alone")):
        needed = sum(len(load.took[kind]) * cost[kind][i] for kind in cost)
        out[name] = round(needed / (wall, cpu)[i], 3)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--points", type=int, default=10000)
    parser.add_argument("--latent", default="build/release/latent")
    args = parser.parse_args()
    photos = sorted(p for p in args.photos.rglob("*") if p.suffix in (".jpg", ".png"))[:80]
    load = Load({"texts": [f"{word} {i}" for i in range(50) for word in WORDS],
                 "pictures": [[{"type": "image", "data": base64.b64encode(p.read_bytes()).decode()}]
                              for p in photos]})
    before = alone(args.latent, photos, 1200, 160)
    with tempfile.TemporaryDirectory() as data, subprocess.Popen(
            [args.latent, "--data", data, "serve", "--port", "0"], stdout=subprocess.PIPE,
            text=True) as server:
        port = int(re.search(r":(\d+)$", server.stdout.readline().strip()).group(1))
        result = asyncio.run(run(server, port, args, load))
        server.terminate()
    after = alone(args.latent, photos, 1200, 160)
    cost = {kind: [(x + y) / 2 for x, y in zip(before[i], after[i], strict=True)]
            for i, kind in enumerate(("texts", "pictures"))}
    print(json.dumps(summary(args, load, *result, cost)))
    raise SystemExit(bool(load.errors))


if __name__ == "__main__":
    main()
