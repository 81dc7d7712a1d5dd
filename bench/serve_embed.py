#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""serve_embed.py [--clients 64] [--seconds 60] [--latent PROGRAM] PHOTOS: many clients that ask one
`latent serve` for vectors, each as fast as it is answered, against the model's own throughput.

Prints one JSON object for each of texts, pictures and both: requests a second, latencies, errors,
resident memory after the first tenth and at the end, and `of_alone`: the time that `latent embed`
takes for as many texts and pictures alone, measured before and after, through the time taken here.
The clients run on the same machine, and what they use counts against the server. `cpu_of_alone` is
the same with processor time in place of time; other work on the machine disturbs it less.
"""
import argparse
import asyncio
import base64
import itertools
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import tempfile
import time

WORDS = ("a dog on the beach", "ein rotes Boot", "des enfants dans la neige", "un gatto sul tetto",
         "una plaza de noche", "two men repairing an old bicycle in front of a shop")


def http_request(prompt):
    body = json.dumps({"model": "latent", "representation": "query", "prompt": prompt}).encode()
    return (b"POST /semantic_embed HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body


def make_requests(photos):
    texts = [http_request(f"{word} {i}") for i in range(50) for word in WORDS]
    pictures = [http_request([{"type": "image", "data": base64.b64encode(p.read_bytes()).decode()}])
                for p in photos]
    return {"texts": [texts], "pictures": [pictures], "both": [texts, pictures]}


async def one_client(port, requests, until, took, errors):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        body = await reader.readexactly(length)
        if head.split(b" ", 2)[1] != b"200":
            errors.append(body.decode())
        took.append((time.perf_counter(), time.perf_counter() - began))
    writer.close()


def resident_mb(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / (1 << 20)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(server, port, kinds, clients, seconds):
    """Half of the clients ask for each kind. Returns per kind what each request took."""
    took, errors = [[] for _ in kinds], []
    began, cpu = time.perf_counter(), cpu_seconds(server.pid)
    tasks = []
    for i in range(clients):
        kind = i % len(kinds)
        requests = itertools.islice(itertools.cycle(kinds[kind]), i, None)
        tasks.append(asyncio.create_task(
            one_client(port, requests, began + seconds, took[kind], errors)))
    await asyncio.sleep(seconds / 10)
    first = resident_mb(server.pid)
    await asyncio.gather(*tasks)
    return (took, errors, time.perf_counter() - began, cpu_seconds(server.pid) - cpu, first,
            resident_mb(server.pid))


def alone(latent, photos, n_texts, n_pictures):
    """Seconds, and of the processor, a text and a picture of `latent embed`, which embeds many at
    once."""
    result = []
    lines = [f"{word} {i}" for i in range(n_texts // len(WORDS)) for word in WORDS]
    files = [str(p) for p in itertools.islice(itertools.cycle(photos), n_pictures)]
    for option, inputs in (("--stdin-text", lines), ("--stdin-files", files)):
        times, cpus = [], []
        for part in (inputs[:len(inputs) // 5], inputs):  # the difference leaves the start out
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([latent, "embed", option], input="\n".join(part) + "\n", text=True,
                           stdout=subprocess.DEVNULL, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(time.perf_counter() - began)
            cpus.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        n = len(inputs) - len(inputs) // 5
        result.append(((times[1] - times[0]) / n, (cpus[1] - cpus[0]) / n))
    return result


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p))]


def report(name, kinds, result, cost):
    took, errors, wall, cpu, first, last = result
    names = ["texts", "pictures"] if len(kinds) == 2 else [name]
    out = {"bench": f"serve {name}", "seconds": round(wall, 1), "errors": len(errors),
           "first_error": errors[0][:200] if errors else None,
           "rss_mb": {"early": round(first), "end": round(last)}}
    needed = needed_cpu = 0.0
    for kind, times in zip(names, took, strict=True):
        ms = [t * 1e3 for _, t in times]
        needed += len(ms) * cost[kind][0]
        needed_cpu += len(ms) * cost[kind][1]
        out[kind] = {"per_second": round(len(ms) / wall, 1),
                     "alone_per_second": round(1 / cost[kind][0], 1),
                     "ms": {"median": round(statistics.median(ms), 1),
                            "p99": round(percentile(ms, 0.99), 1)}}
    out["of_alone"] = round(needed / wall, 3)
    out["cpu_of_alone"] = round(needed_cpu / cpu, 3)
    print(json.dumps(out), flush=True)
    return not errors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--latent", default="build/release/latent")
    args = parser.parse_args()
    photos = sorted(p for p in args.photos.rglob("*") if p.suffix in (".jpg", ".png"))[:80]
    kinds = make_requests(photos)
    good = True
    with tempfile.TemporaryDirectory() as data:
        with subprocess.Popen([args.latent, "--data", data, "serve", "--port", "0"],
                              stdout=subprocess.PIPE, text=True) as server:
            port = int(re.search(r":(\d+)$", server.stdout.readline().strip()).group(1))
            for name, lists in kinds.items():
                before = alone(args.latent, photos, 1200, 160)
                result = asyncio.run(load(server, port, lists, args.clients, args.seconds))
                after = alone(args.latent, photos, 1200, 160)
                cost = {k: [(a + b) / 2 for a, b in zip(before[i], after[i], strict=True)]
                        for i, k in enumerate(("texts", "pictures"))}
                good &= report(name, lists, result, cost)
            server.terminate()
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
