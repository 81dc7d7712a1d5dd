# SPDX-License-Identifier: Apache-2.0
"""The same random operations against a node and against qdrant-client's local mode, over HTTP.

Changes with reading between them come from qdrant_changes, questions of every kind about what is
stored from qdrant_cases. LT_SEED replays a run, LT_OPERATIONS says how many there are of each
(default 5,000; 50,000 with LT_LONG=1).
"""
import os
import random
import time

import pytest
from qdrant_client import QdrantClient

import qdrant_cases
import qdrant_changes
from conftest import LONG
from serving import serving

SEED = int(os.environ.get("LT_SEED") or random.SystemRandom().randrange(2**32))
N = int(os.environ.get("LT_OPERATIONS") or (50000 if LONG else 5000))
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def node(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("differential")) as s:
        yield s


def differs(a, b, path=""):
    """Where two results differ, or None."""
    if isinstance(a, bool) or isinstance(b, bool):
        return None if a is b else f"{path}: {a!r} and {b!r}"
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return None if abs(a - b) <= TOLERANCE * max(1, abs(b)) else f"{path}: {a!r} and {b!r}"
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return f"{path}: keys {sorted(a)} and {sorted(b)}"
        return next((d for k in a if (d := differs(a[k], b[k], f"{path}.{k}"))), None)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return f"{path}: {len(a)} and {len(b)} items: {a!r}\n{b!r}"
        if a and isinstance(a[0], dict) and "score" in a[0]:
            return hits_differ(a, b, path)
        return next((d for i, (x, y) in enumerate(zip(a, b))
                     if (d := differs(x, y, f"{path}[{i}]"))), None)
    return None if a == b else f"{path}: {a!r} and {b!r}"


def hits_differ(ours, theirs, path):
    """Ties have no promised order, and at the cut of a page others with the same score may stand."""
    last = theirs[-1]["score"]
    by_id = {h["id"]: h for h in theirs}
    for i, (o, t) in enumerate(zip(ours, theirs)):
        if d := differs(o["score"], t["score"], f"{path}[{i}].score"):
            return d
        if o["id"] == t["id"]:
            same = t
        elif o["id"] in by_id:
            same = by_id[o["id"]]
        elif differs(o["score"], last) is None:
            continue
        else:
            return f"{path}[{i}]: id {o['id']} and {t['id']}"
        if d := differs(o | {"score": 0}, same | {"score": 0}, f"{path}[{i}]"):
            return d
        if d := differs(o["score"], same["score"], f"{path}[{i}].score of id {o['id']}"):
            return d
    return None


def drawn(call):
    """What an operation was drawn with: the variables of its function, and of functions in it."""
    names, cells = call.__code__.co_freevars, call.__closure__ or ()
    values = dict(zip(names, (cell.cell_contents for cell in cells)))
    return {k: drawn(v) if callable(v) and hasattr(v, "__code__") else v
            for k, v in values.items() if k not in ("c", "self")}


def everything(client, collection):
    return qdrant_changes.page(client.scroll(collection, limit=10000, with_vectors=True))


def test_a_node_answers_as_local_mode_does(node):
    print(f"seed {SEED} (LT_SEED replays it), {N} operations")
    ours, theirs = QdrantClient(url=node.url, timeout=60), QdrantClient(":memory:")
    cases = qdrant_changes.Cases(SEED, "changes")
    for client in (ours, theirs):
        qdrant_changes.create(client, "changes")
    began, seen = time.monotonic(), {}
    for i in range(N):
        name, call = cases.draw()
        seen[name] = seen.get(name, 0) + 1
        got, wanted = call(ours), call(theirs)
        wrong = differs(got, wanted)
        if wrong:
            pytest.fail(f"seed {SEED}, operation {i}, {name}: {wrong}\nwith {drawn(call)}\n"
                        f"answers: {got}\nand {wanted}")
        if i % 100 == 99:
            wrong = differs(everything(ours, "changes"), everything(theirs, "changes"))
            assert not wrong, f"seed {SEED}, after operation {i}: {wrong}"
    print(f"{time.monotonic() - began:.1f} s: {seen}")
    assert len(seen) == len(qdrant_changes.OPERATIONS), "some kind of operation was never drawn"


def test_questions_are_answered_as_local_mode_does(node):
    """Ten collections, one after the other."""
    print(f"seed {SEED} (LT_SEED replays it), {N} questions")
    ours, asked, undecided, wrong = QdrantClient(url=node.url, timeout=60), 0, 0, []
    for k in range(10):
        theirs = QdrantClient(":memory:")
        world = qdrant_cases.World(random.Random(f"{SEED}.{k}"))
        for client in (ours, theirs):
            world.fill(client)
        judge = qdrant_cases.Judge(ours, theirs)
        for i in range(N // 10):
            kind, question = world.question()
            asked += 1
            if found := judge.difference(kind, question):
                wrong.append(f"world {k}, question {i}, {kind}: {found[:1000]}\nwith "
                             f"{str(drawn(question))[:2000]}")
        undecided += judge.undecided
        for name in (qdrant_cases.COLLECTION, qdrant_cases.OTHER):
            assert ours.delete_collection(name)
    assert not wrong, f"seed {SEED}: {len(wrong)} of {asked} differ; the first: " + wrong[0]
    assert undecided <= qdrant_cases.UNDECIDED * asked, undecided
