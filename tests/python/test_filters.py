# SPDX-License-Identifier: Apache-2.0
"""Random payloads and random filters, answered by us and by the local mode of the official client.

LT_SEED replays a run, LT_FILTER_CASES sets how many filters are tried, LT_FILTER_LINES names the
driver (default build/release/tests/filter_lines). What differs on purpose is in `reference`: text
conditions without an index look for the text itself, and one condition with several clauses holds
when any of them does.
"""
import json
import os
import random
import subprocess
import uuid

import pytest

from conftest import LONG, ROOT

pytest.importorskip("qdrant_client")
from qdrant_client.http import models  # noqa: E402
from qdrant_client.local import payload_filters  # noqa: E402

SEED = int(os.environ.get("LT_SEED", random.SystemRandom().randrange(1 << 32)))
CASES = int(os.environ.get("LT_FILTER_CASES", 100000 if LONG else 4000))
POINTS = 12
CLAUSES = ("match", "range", "geo_bounding_box", "geo_radius", "geo_polygon", "values_count",
           "is_empty", "is_null")
WORDS = ["red", "Red", "green", "gréén", "blue_sky", "sky", "42", "дом", "Дом", "東京", "a", "naïve",
         "x-ray", "ray"]
KEYS = ["a", "b", "c", "d"]
UUIDS = [str(uuid.UUID(int=i * 0x1234567890abcdef1234567)) for i in range(1, 5)]
DATES = ["2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01 00:00:00", "2020-01-01T01:00:00+01:00",
         "2020-06-15T12:30", "2020-06-15T12:30:00.123456Z", "2020-06-15 12:30:00.1234567+01",
         "2021-12-31T23:59:59-0530", " 2020-01-01T00:00:00 UTC", "2020-06-15T12:30:00 +02:00",
         "2020-13-01", "2020-06-15T12", "2020", "2020-01-01T00:00:00z", "yesterday"]
BOUNDS = ["2020-01-01T00:00:00Z", "2020-06-15T12:30:00Z", "2020-06-15T10:30:00Z",
          "2021-12-31T23:59:59-05:30", "2020-06-15T12:30:00.123456Z"]


@pytest.fixture(scope="session")
def driver():
    path = os.environ.get("LT_FILTER_LINES", ROOT / "build" / "release" / "tests" / "filter_lines")
    if not os.path.exists(path):
        pytest.skip(f"{path} is not built")
    return str(path)


class Generator:
    """Payloads and filters over few keys and few values, so that they meet."""

    def __init__(self, rng):
        self.rng = rng
        self.pick = rng.choice

    def place(self):
        return {"lat": self.pick([0, 1, 2, 10, 45.5, -30, 89, -89]),
                "lon": self.pick([0, 1, 2, 10.5, 179, -179, -60, 180, -180])}

    def text(self):
        return self.pick([" ", ", ", "-", "_"]).join(
            self.pick(WORDS) for _ in range(self.rng.randint(1, 4)))

    def scalar(self):
        r = self.rng.random()
        if r < 0.18:
            return self.rng.randint(-2, 5)
        if r < 0.28:
            return self.pick([0.5, 1.0, 2.0, 2.5, -1.5, 3.0])
        if r < 0.36:
            return self.pick([True, False])
        if r < 0.46:
            return None
        if r < 0.56:
            return self.place()
        if r < 0.66:
            return self.pick(DATES)
        if r < 0.72:
            return self.spelling(self.pick(UUIDS))
        return self.text() if r < 0.86 else self.pick(WORDS)

    def spelling(self, text):
        return self.pick([text, text.upper(), text.replace("-", ""), "urn:uuid:" + text,
                          "{" + text + "}", text[:-1]])

    def value(self, depth):
        r = self.rng.random()
        if depth and r < 0.22:
            return [self.value(depth - 1) for _ in range(self.rng.randint(0, 3))]
        if depth and r < 0.36:
            return self.payload(depth - 1)
        return self.scalar()

    def payload(self, depth=3):
        return {key: self.value(depth) for key in KEYS if self.rng.random() < 0.6}

    def path(self):
        key = self.pick(KEYS)
        for _ in range(self.pick([0, 0, 0, 1, 1, 2])):
            key += self.pick(["", "", "[]", "[0]", "[1]"]) + "." + self.pick(KEYS)
        key += self.pick(["", "", "", "", "[]", "[0]", "[1]", "[][]"])
        return key if self.rng.random() < 0.95 else '"' + key.split(".")[0].split("[")[0] + '"'

    def bounds(self, values):
        names = self.rng.sample(["gt", "gte", "lt", "lte"], self.pick([0, 1, 1, 2, 2, 3]))
        return {name: self.pick(values) for name in names}

    def match(self):
        kind = self.pick(["value", "value", "any", "except", "text", "text_any", "phrase", "prefix"])
        strings = WORDS + UUIDS
        if kind == "value":
            return {kind: self.pick([self.pick(WORDS), self.spelling(self.pick(UUIDS)), True, False,
                                     self.rng.randint(-2, 5), self.text()])}
        if kind in ("any", "except"):
            some = strings if self.rng.random() < 0.5 else list(range(-2, 6))
            return {kind: self.rng.sample(some, self.rng.randint(0, 4))}
        if kind == "prefix":
            return {kind: self.pick(WORDS)[:self.rng.randint(0, 3)]}
        return {kind: self.pick([self.text(), self.pick(WORDS), self.pick(WORDS), "", " ", "--"])}

    def ring(self):
        lat, lon = self.pick([-20, -1, 0]), self.pick([-10, 0])
        size = self.pick([1, 2, 10, 40])
        points = [(lat, lon), (lat + size, lon), (lat + size, lon + size), (lat, lon + size)]
        if self.rng.random() < 0.5:
            points.reverse()
        return {"points": [{"lat": a, "lon": o} for a, o in points + points[:1]]}

    def clause(self, kind):
        if kind == "match":
            return self.match()
        if kind == "range":
            return self.bounds(BOUNDS if self.rng.random() < 0.4 else [-1.5, 0, 1, 2, 2.5, 3])
        if kind == "values_count":
            return self.bounds([0, 1, 2, 3])
        if kind == "geo_radius":
            return {"center": self.place(), "radius": self.pick([0, 1000, 2e5, 1e6, 2e7])}
        if kind == "geo_bounding_box":
            return {"top_left": self.place(), "bottom_right": self.place()}
        if kind == "geo_polygon":
            return {"exterior": self.ring(),
                    "interiors": self.pick([None, [], [self.ring()], [self.ring(), self.ring()]])}
        return self.pick([True, False])

    def field(self):
        n = self.pick([1, 1, 1, 1, 2, 3])
        weights = [8, 4, 2, 2, 2, 2, 1, 1]
        kinds = set(self.rng.choices(CLAUSES, weights, k=n))
        return {"key": self.path(), **{kind: self.clause(kind) for kind in kinds}}

    def condition(self, depth, nested):
        r = self.rng.random()
        if r < 0.6:
            return self.field()
        if r < 0.66:
            return {self.pick(["is_empty", "is_null"]): {"key": self.path()}}
        if r < 0.70 and not nested:
            return {"has_id": self.rng.sample(list(range(POINTS)) + UUIDS, self.rng.randint(0, 5))}
        if r < 0.74:
            return {"has_vector": self.pick(["", "image", "text", "none"])}
        if r < 0.78:
            total = self.rng.randint(1, 4)
            return {"slice": {"total": total, "index": self.rng.randrange(total)}}
        if depth and r < 0.90:
            return {"nested": {"key": self.path(), "filter": self.filter(depth - 1, True)}}
        return self.filter(depth - 1, nested) if depth else self.field()

    def conditions(self, depth, nested):
        if self.rng.random() < 0.15:
            return self.condition(depth, nested)
        return [self.condition(depth, nested) for _ in range(self.pick([0, 1, 1, 2, 3]))]

    def filter(self, depth=2, nested=False):
        out = {}
        for name in ("must", "should", "must_not"):
            if self.rng.random() < 0.4:
                out[name] = self.conditions(depth, nested)
        if self.rng.random() < 0.12:
            n = self.rng.randint(0, 4)
            out["min_should"] = {"conditions": [self.condition(depth, nested) for _ in range(n)],
                                 "min_count": self.rng.randint(1, 3)}
        if self.rng.random() < 0.05:
            out["must"] = None
        return out

    def point(self, number):
        ids = [number, UUIDS[number % len(UUIDS)]]
        return {"id": self.pick(ids) if number < len(UUIDS) else number, "payload": self.payload(),
                "vectors": [name for name in ("", "image", "text") if self.rng.random() < 0.5]}


# ---- the reference ------------------------------------------------------------------------------

def split_clauses(value):
    """Writes conditions of several clauses as a filter with each of them under `should`."""
    if isinstance(value, list):
        return [split_clauses(v) for v in value]
    if not isinstance(value, dict):
        return value
    present = [c for c in CLAUSES if value.get(c) is not None]
    if "key" in value and len(present) > 1:
        return {"should": [{"key": value["key"], c: value[c]} for c in present]}
    return {k: split_clauses(v) for k, v in value.items()}


def substring_match(condition, value, original=payload_filters.check_match):
    """check_match for a field without a text index, as Qdrant 1.19 answers it."""
    if isinstance(condition, models.MatchText):
        return isinstance(value, str) and condition.text in value
    if isinstance(condition, models.MatchTextAny):
        return isinstance(value, str) and any(w in value for w in condition.text_any.split())
    if isinstance(condition, models.MatchPhrase):
        return isinstance(value, str) and condition.phrase in value
    return original(condition, value)


def uuid_match(condition, value, original=substring_match):
    """The same for a field with a UUID index, which knows every spelling."""
    if isinstance(condition, (models.MatchValue, models.MatchAny, models.MatchExcept)):
        listed = (condition.any if isinstance(condition, models.MatchAny) else
                  condition.except_ if isinstance(condition, models.MatchExcept) else
                  [condition.value])
        same = any(payload_filters.values_match(canonical(value), canonical(v)) for v in listed)
        if isinstance(condition, models.MatchExcept):
            return value is not None and not same
        return same
    return original(condition, value)


def canonical(value):
    if not isinstance(value, str):
        return value
    try:
        hex_only = value.removeprefix("urn:uuid:").strip("{}")
        return str(uuid.UUID(hex_only)) if len(hex_only) in (32, 36) else value
    except ValueError:
        return value


INDEXES = {"none": (None, substring_match), "text": ("text", payload_filters.check_match),
           "uuid": ("uuid", uuid_match)}


def paths_of(value, prefix=""):
    """All keys of a filter, those inside `nested` with the path to them."""
    if isinstance(value, list):
        return set().union(*(paths_of(v, prefix) for v in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    if "nested" in value:
        key = value["nested"]["key"]
        each = key if len(key) > 2 and key.endswith("[]") else key + "[]"
        return paths_of(value["nested"]["filter"], prefix + each + ".")
    found = {prefix + value["key"]} if isinstance(value.get("key"), str) else set()
    return found.union(*(paths_of(v, prefix) for v in value.values()))


def reference(case, match, monkeypatch):
    parsed = models.Filter.model_validate(split_clauses(case["filter"]))
    monkeypatch.setattr(payload_filters, "check_match", match)
    return "".join("01"[payload_filters.check_filter(
        parsed, p["payload"], p["id"], dict.fromkeys(p["vectors"], True))] for p in case["points"])


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding="utf-8")

    def __call__(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture
def ask(driver):
    process = Driver(driver)
    yield process
    process.close()


@pytest.mark.parametrize("index", sorted(INDEXES))
def test_random_filters_agree(ask, monkeypatch, index):
    kind, match = INDEXES[index]
    rng = random.Random(f"{SEED}-{index}")
    gen = Generator(rng)
    n_true = n_all = 0
    for number in range(CASES // len(INDEXES)):
        case = {"filter": gen.filter(), "points": [gen.point(i) for i in range(POINTS)]}
        indexed = sorted(paths_of(case["filter"]))[:60] if kind else []
        case["indexes"] = {path: kind for path in indexed}
        want, got = reference(case, match, monkeypatch), ask(case)
        if got != want:
            wrong = [p for p, a, b in zip(case["points"], want, got) if a != b]
            pytest.fail(f"LT_SEED={SEED}, case {number} ({index}): we say {got}, the client {want}\n"
                        f"{json.dumps(case['filter'])}\n{json.dumps(wrong[:1])}")
        n_true += want.count("1")
        n_all += len(want)
    print(f"seed {SEED}, {index}: {n_true} of {n_all} points passed")
    assert n_all * 0.1 < n_true < n_all * 0.9, "the filters are too easy or too hard to tell much"


BAD = {
    "unknown field of a filter": ({"foo": []}, "unknown field `foo`"),
    "unknown field inside": ({"must": [{"foo": 1}]}, "unknown field `foo`"),
    "a condition that is none": ({"must": [3]}, "Expected some form of condition"),
    "a filter that is none": ([], "'filter' must be an object"),
    "nothing asked of the key": ({"must": {"key": "a"}}, "at least one of match"),
    "an empty match": ({"must": {"key": "a", "match": {}}}, "'match' needs one of"),
    "a float to match": ({"must": {"key": "a", "match": {"value": 1.5}}}, "match.value"),
    "an integer beyond 64 bits": ({"must": {"key": "a", "match": {"value": 2**63}}}, "match.value"),
    "a mixed list": ({"must": {"key": "a", "match": {"any": [1, "x"]}}}, "match.any"),
    "a list of booleans": ({"must": {"key": "a", "match": {"except": [True]}}}, "match.except"),
    "text that is none": ({"must": {"key": "a", "match": {"text": 3}}}, "match.text"),
    "a bad path": ({"must": {"key": "a..b", "match": {"value": 1}}}, "a..b"),
    "an empty path": ({"must": {"key": "", "match": {"value": 1}}}, "path"),
    "an open bracket": ({"must": {"key": "a[", "match": {"value": 1}}}, "a["),
    "a date that is none": ({"must": {"key": "a", "range": {"gt": "soon"}}}, "soon"),
    "a mixed range": ({"must": {"key": "a", "range": {"gt": 1, "lt": "2020-01-01"}}}, "mixes"),
    "a negative count": ({"must": {"key": "a", "values_count": {"gt": -1}}}, "gt"),
    "a half count": ({"must": {"key": "a", "values_count": {"gt": 1.5}}}, "gt"),
    "a flag that is none": ({"must": {"key": "a", "is_empty": 3}}, "is_empty"),
    "an id that is none": ({"must": {"has_id": ["5"]}}, "not a valid point ID"),
    "a negative id": ({"must": {"has_id": [-5]}}, "has_id"),
    "ids inside nested": ({"must": {"nested": {"key": "a", "filter": {"must": {"has_id": [1]}}}}},
                          "not allowed inside 'nested'"),
    "nested without filter": ({"must": {"nested": {"key": "a"}}}, "nested.filter"),
    "no slices": ({"must": {"slice": {"total": 0, "index": 0}}}, "LT_EVALIDATION"),
    "a slice too far": ({"must": {"slice": {"total": 2, "index": 2}}}, "LT_EVALIDATION"),
    "nothing needed": ({"min_should": {"conditions": [], "min_count": 0}}, "LT_EVALIDATION"),
    "an open polygon": ({"must": {"key": "a", "geo_polygon": {"exterior": {"points": [
        {"lat": 0, "lon": 0}, {"lat": 0, "lon": 1}, {"lat": 1, "lon": 1}, {"lat": 1, "lon": 0}]}}}},
        "LT_EVALIDATION"),
    "a polygon of three": ({"must": {"key": "a", "geo_polygon": {"exterior": {"points": [
        {"lat": 0, "lon": 0}, {"lat": 0, "lon": 1}, {"lat": 0, "lon": 0}]}}}}, "at least 4"),
    "a place off the earth": ({"must": {"key": "a", "geo_radius": {
        "center": {"lat": 91, "lon": 0}, "radius": 1}}}, "lat 91"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_filters_are_named(ask, name):
    bad, says = BAD[name]
    answer = ask({"filter": bad, "points": []})
    assert answer.startswith("error: LT_E") and says in answer, answer


GOOD = {
    "an unknown field of a condition": {"must": {"key": "a", "match": {"value": 1}, "more": 1}},
    "null for absent": {"must": None, "should": [{"key": "a", "match": None, "is_null": False}]},
    "the second variant fits": {"must": {"key": "a", "match": {"value": 1.5, "text": "x"}}},
}


@pytest.mark.parametrize("name", GOOD)
def test_untagged_unions_take_what_fits(ask, name):
    assert ask({"filter": GOOD[name], "points": [{"id": 1, "payload": {"a": 1}}]}) in "01"
