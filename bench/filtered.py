#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Search under filters: latent-ann beside faiss IVF and faiss HNSW, on the vectors of peers.py.

    filtered.py PEERS_DIR LATENT_ANN [--n 100000] [--d 128] [--jsonl FILE]

Filters keep 50, 10, 1 and 0.1 percent: by chance, or those nearest to some random point, which has
to do with the queries or not at all. One thread; CPU time; QPS at equal recall, log-linear between the
measured settings. Prints a table and, with --jsonl, appends what was measured.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import faiss
import numpy as np

REPEAT = 3


def selector(bits):
    packed = np.packbits(bits, bitorder="little")
    return faiss.IDSelectorBitmap(packed), packed  # the array must outlive the selector


def truth(x, q, bits, k):
    ids = np.flatnonzero(bits)
    best = np.argsort(-(q @ x[ids].T), axis=1, kind="stable")[:, :k]
    return ids[best]


def recall(found, want):
    hits = sum(len(set(f.tolist()) & set(w.tolist())) for f, w in zip(found, want))
    return hits / want.size


def measure_faiss(index, q, k, parameters, want):
    points = []
    for setting, p in parameters:
        index.search(q[:20], k, params=p)
        times = []
        for _ in range(REPEAT):
            start = time.process_time()
            _, found = index.search(q, k, params=p)
            times.append(time.process_time() - start)
        points.append((recall(found, want), len(q) / sorted(times)[REPEAT // 2], setting))
        if points[-1][0] >= 0.995:
            break
    return points


def measure_latent(program, folder, query, bits, peers, want, k, efs, extra=()):
    allowed = os.path.join(folder, "allowed")
    np.packbits(bits, bitorder="little").tofile(allowed)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        run = subprocess.run(
            [program, *extra, "search", "--index", folder, "--query", query, "--k", str(k), "--ef",
             ",".join(map(str, efs)), "--repeat", str(REPEAT), "--allowed", allowed, "--out", out],
            check=True, stdout=subprocess.PIPE, text=True)
        points = []
        for line in map(json.loads, run.stdout.splitlines()):
            if "ef" in line:
                found = peers.read_vecs(os.path.join(out, f"ef{line['ef']}.ivecs"), np.int32)
                qps = line["queries"] / sorted(line["cpu_seconds"])[REPEAT // 2]
                points.append((recall(found, want), qps, line["ef"]))
    return points


def at(points, want):
    """QPS at a recall; None where it is not reached. The best of what reaches it by itself, too."""
    points = sorted(points)
    reached = [q for r, q, _ in points if r >= want]
    if not reached:
        return None
    best = max(reached)
    for (r0, q0, _), (r1, q1, _) in zip(points, points[1:]):
        if r0 < want <= r1 and r1 > r0:
            w = (want - r0) / (r1 - r0)
            best = max(best, float(np.exp(np.log(q0) * (1 - w) + np.log(q1) * w)))
    return best


def filters(x, rng):
    for percent in (50, 10, 1, 0.1):
        n = max(10, int(len(x) * percent / 100))
        chance = np.zeros(len(x), bool)
        chance[rng.permutation(len(x))[:n]] = True
        near = np.zeros(len(x), bool)
        near[np.argsort(-(x @ x[rng.integers(len(x))]))[:n]] = True
        yield percent, "by chance", chance
        yield percent, "in one place", near


def main():
    p = argparse.ArgumentParser()
    p.add_argument("peers")
    p.add_argument("program")
    p.add_argument("--n", type=int, default=100000)
    p.add_argument("--d", type=int, default=128)
    p.add_argument("--queries", type=int, default=500)
    p.add_argument("--k", type=int, default=10)
    p.add_argument("--jsonl")
    a = p.parse_args()
    sys.path.insert(0, a.peers)
    import peers
    faiss.omp_set_num_threads(1)
    x, q = peers.generate(a.n, a.d, a.queries, 42, max(1, a.n // 100), 0.5)
    rng = np.random.default_rng(1)
    ip = faiss.METRIC_INNER_PRODUCT
    ivf = faiss.IndexIVFFlat(faiss.IndexFlatIP(a.d), a.d, 4 * int(a.n ** 0.5), ip)
    ivf.train(x)
    ivf.add(x)
    hnsw = faiss.IndexHNSWFlat(a.d, 16, ip)
    hnsw.hnsw.efConstruction = 100
    hnsw.add(x)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        base, query = os.path.join(folder, "b.fvecs"), os.path.join(folder, "q.fvecs")
        peers.write_vecs(base, x)
        peers.write_vecs(query, q)
        subprocess.run([a.program, "build", "--base", base, "--index", folder, "--metric", "ip"],
                       check=True, stdout=subprocess.DEVNULL)
        for percent, kind, bits in filters(x, rng):
            want = truth(x, q, bits, a.k)
            sel, keep = selector(bits)
            probes = [(n, faiss.SearchParametersIVF(sel=sel, nprobe=n)) for n in
                      (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)]
            depths = [(n, faiss.SearchParametersHNSW(sel=sel, efSearch=n)) for n in
                      (16, 32, 64, 128, 256, 512, 1024)]
            efs = (16, 32, 64, 100, 128, 256, 512)
            rows.append({"percent": percent, "filter": kind, "n": a.n, "d": a.d, "allowed": int(bits.sum()),
                         "faiss-ivf": measure_faiss(ivf, q, a.k, probes, want),
                         "faiss-hnsw": measure_faiss(hnsw, q, a.k, depths, want),
                         "latent": measure_latent(a.program, folder, query, bits, peers, want, a.k, efs),
                         "latent-int8": measure_latent(a.program, folder, query, bits, peers, want, a.k,
                                                       efs, ("--quant", "int8"))})
            del keep
    engines = ("faiss-ivf", "faiss-hnsw", "latent", "latent-int8")
    print(f"\n### filtered, {a.n} x {a.d}: QPS at recall@10 of 0.95 / 0.99, one thread\n")
    print("| kept | filter | " + " | ".join(engines) + " | latent to IVF |")
    print("|---" * (len(engines) + 3) + "|")
    for r in rows:
        qps = {e: [at(r[e], want) for want in (0.95, 0.99)] for e in engines}
        cells = [" / ".join("-" if v is None else f"{v:,.0f}" for v in qps[e]) for e in engines]
        ratio = " / ".join("-" if not i else f"{l / i:.1f}" for l, i in zip(qps["latent"], qps["faiss-ivf"]))
        print(f"| {r['percent']} % | {r['filter']} | " + " | ".join(cells) + f" | {ratio} |")
    if a.jsonl:
        with open(a.jsonl, "a", encoding="utf-8") as f:
            for r in rows:
                f.write(json.dumps({"kind": "filtered", **r}) + "\n")


main()
