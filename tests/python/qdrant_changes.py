# SPDX-License-Identifier: Apache-2.0
"""Random operations on a collection, the same for any two clients.

A `Cases` draws operations from a seed. Each is a name and a function of a client; what the function
returns for one client is compared with what it returns for another. It knows which points exist, so
that it asks for them, and for absent ones where an absent one has a defined answer.

Groups of operations are functions registered with @operation(weight); each gets the Cases and returns
the function of a client. What local mode does otherwise than a node is not drawn here; such things
have tests of their own, and are listed in docs/COMPATIBILITY.md.
"""
import random
import uuid

from qdrant_client import models as m

WORDS = ["berlin", "paris", "rome", "madrid", "oslo", "bern"]
TEXTS = ["a red boat", "the green boat on a lake", "a boat", "red roses", "snow on green hills",
         "hills in the snow and a red sledge"]
DENSE = {"cosine": (6, m.Distance.COSINE), "dot": (5, m.Distance.DOT),
         "euclid": (4, m.Distance.EUCLID), "manhattan": (3, m.Distance.MANHATTAN)}
MULTI = {"multi": (4, m.Distance.COSINE), "multidot": (3, m.Distance.DOT)}
SPARSE = {"sparse": None}
INDEXED = {"word": "keyword", "n": "integer", "x": "float", "flag": "bool", "place": "geo",
           "when": "datetime", "uid": "uuid"}

OPERATIONS = []


def operation(weight):
    def register(function):
        OPERATIONS.append((weight, function))
        return function
    return register


def create(client, name):
    vectors = {k: m.VectorParams(size=s, distance=d) for k, (s, d) in DENSE.items()}
    vectors |= {k: m.VectorParams(size=s, distance=d, multivector_config=m.MultiVectorConfig(
        comparator=m.MultiVectorComparator.MAX_SIM)) for k, (s, d) in MULTI.items()}
    client.create_collection(name, vectors_config=vectors,
                             sparse_vectors_config={k: m.SparseVectorParams() for k in SPARSE})
    for field, kind in INDEXED.items():
        client.create_payload_index(name, field, kind)


class Cases:
    def __init__(self, seed, collection, n_ids=60):
        self.r = random.Random(seed)
        self.collection = collection
        uuids = [str(uuid.UUID(int=self.r.getrandbits(128), version=4)) for _ in range(n_ids // 3)]
        self.pool = list(range(n_ids - len(uuids))) + uuids
        self.alive = {}  # id -> the names of its vectors

    def draw(self):
        """A name and a function of a client."""
        while True:
            function = self.r.choices([f for _, f in OPERATIONS], [w for w, _ in OPERATIONS])[0]
            call = function(self)
            if call:
                return function.__name__, call

    # ---- values -----------------------------------------------------------------------------

    def chance(self, p):
        return self.r.random() < p

    def some(self, items, most=4):
        items = list(items)
        return self.r.sample(items, min(len(items), self.r.randint(1, most)))

    def number(self):
        """With all its digits, so that hardly any two scores are equal."""
        return self.r.uniform(-1, 1)

    def vector(self, name):
        if name in SPARSE:
            indices = self.r.sample(range(12), self.r.randint(1, 5))
            return m.SparseVector(indices=indices, values=[self.number() or 0.5 for _ in indices])
        if name in MULTI:
            return [[self.number() for _ in range(MULTI[name][0])]
                    for _ in range(self.r.randint(1, 4))]
        return [self.number() for _ in range(DENSE[name][0])]

    def vectors(self):
        names = [*DENSE, *MULTI, *SPARSE]
        keep = [n for n in names if self.chance(0.8)] or [self.r.choice(names)]
        return {n: self.vector(n) for n in keep}

    def place(self):
        return {"lat": round(self.r.uniform(45, 55), 4), "lon": round(self.r.uniform(5, 15), 4)}

    def payload(self):
        """Keys come and go; `n` is an integer or an array of them."""
        out = {}
        if self.chance(0.8):
            out["word"] = self.r.choice(WORDS) if self.chance(0.7) else self.some(WORDS, 3)
        if self.chance(0.8):
            out["n"] = self.r.randint(-5, 20) if self.chance(0.8) else [self.r.randint(0, 9)
                                                                         for _ in range(3)]
        if self.chance(0.7):
            out["x"] = self.r.randint(-1000, 1000) / 8 + 0.0625
        if self.chance(0.5):
            out["flag"] = self.chance(0.5)
        if self.chance(0.5):
            out["place"] = self.place()
        if self.chance(0.5):
            out["when"] = f"20{self.r.randint(10, 25)}-{self.r.randint(1, 12):02}-{self.r.randint(1, 28):02}T0{self.r.randint(0, 9)}:30:00Z"
        if self.chance(0.3):
            out["text"] = self.r.choice(TEXTS)
        if self.chance(0.4):
            out["deep"] = {"a": self.r.randint(0, 5), "b": {"c": self.some(WORDS, 2)}}
        if self.chance(0.4):
            out["items"] = [{"k": self.r.choice(WORDS), "v": self.r.randint(0, 5)}
                            for _ in range(self.r.randint(0, 3))]
        if self.chance(0.2):
            out["nothing"] = None if self.chance(0.5) else []
        return out

    def ids(self, most=4):
        return self.some(self.alive, most)

    # ---- filters ----------------------------------------------------------------------------

    def condition(self, depth=0):
        kinds = [self.match_value, self.match_any, self.match_except, self.range, self.dates,
                 self.radius, self.box, self.counted, self.empty, self.null, self.has_id,
                 self.has_vector, self.nested, self.deep, self.text]
        if depth < 2 and self.chance(0.15):
            return self.filter(depth + 1)
        return self.r.choice(kinds)()

    def match_value(self):
        key, value = self.r.choice([("word", self.r.choice(WORDS)), ("n", self.r.randint(-5, 20)),
                                    ("flag", self.chance(0.5))])
        return m.FieldCondition(key=key, match=m.MatchValue(value=value))

    def match_any(self):
        key, values = self.r.choice([("word", self.some(WORDS)),
                                     ("n", [self.r.randint(-5, 20) for _ in range(4)])])
        return m.FieldCondition(key=key, match=m.MatchAny(any=values))

    def match_except(self):
        return m.FieldCondition(key="word", match=m.MatchExcept(**{"except": self.some(WORDS)}))

    def text(self):
        return m.FieldCondition(key="text", match=m.MatchText(
            text=self.r.choice(["boat", "red", "green", "snow"])))

    def range(self):
        key, low = self.r.choice([("n", self.r.randint(-5, 20)), ("x", self.r.randint(-100, 100))])
        bounds = self.r.choice([{"gt": low}, {"gte": low}, {"lt": low}, {"lte": low},
                                {"gte": low, "lt": low + 10}])
        return m.FieldCondition(key=key, range=m.Range(**bounds))

    def dates(self):
        return m.FieldCondition(key="when", range=m.DatetimeRange(
            gte=f"20{self.r.randint(10, 25)}-06-01T00:00:00Z"))

    def radius(self):
        return m.FieldCondition(key="place", geo_radius=m.GeoRadius(
            center=m.GeoPoint(**self.place()), radius=self.r.uniform(50e3, 600e3)))

    def box(self):
        a, b = self.place(), self.place()
        return m.FieldCondition(key="place", geo_bounding_box=m.GeoBoundingBox(
            top_left=m.GeoPoint(lat=max(a["lat"], b["lat"]), lon=min(a["lon"], b["lon"])),
            bottom_right=m.GeoPoint(lat=min(a["lat"], b["lat"]), lon=max(a["lon"], b["lon"]))))

    def counted(self):
        return m.FieldCondition(key=self.r.choice(["word", "n", "items"]),
                                values_count=m.ValuesCount(gte=self.r.randint(1, 3)))

    def empty(self):
        return m.IsEmptyCondition(is_empty=m.PayloadField(
            key=self.r.choice(["word", "n", "nothing", "items", "flag"])))

    def null(self):
        return m.IsNullCondition(is_null=m.PayloadField(key="nothing"))

    def has_id(self):
        return m.HasIdCondition(has_id=self.some(self.pool, 20))

    def has_vector(self):
        return m.HasVectorCondition(has_vector=self.r.choice([*DENSE, *MULTI, *SPARSE]))

    def nested(self):
        return m.NestedCondition(nested=m.Nested(key="items", filter=m.Filter(must=[
            m.FieldCondition(key="k", match=m.MatchValue(value=self.r.choice(WORDS))),
            m.FieldCondition(key="v", range=m.Range(gte=self.r.randint(0, 4)))])))

    def deep(self):
        return self.r.choice([
            m.FieldCondition(key="deep.a", range=m.Range(lt=self.r.randint(1, 5))),
            m.FieldCondition(key="deep.b.c", match=m.MatchValue(value=self.r.choice(WORDS))),
            m.FieldCondition(key="items[].k", match=m.MatchValue(value=self.r.choice(WORDS)))])

    def filter(self, depth=0):
        parts = {}
        for clause in self.some(["must", "should", "must_not", "min_should"], 2):
            conditions = [self.condition(depth) for _ in range(self.r.randint(1, 3))]
            if clause == "min_should":
                parts[clause] = m.MinShould(conditions=conditions,
                                            min_count=self.r.randint(1, len(conditions)))
            else:
                parts[clause] = conditions
        return m.Filter(**parts)

    def maybe_filter(self):
        return self.filter() if self.chance(0.6) else None

    def shown_payload(self):
        return self.r.choice([True, True, False, ["word", "deep.a"],
                              m.PayloadSelectorInclude(include=["n", "items[].k"]),
                              m.PayloadSelectorExclude(exclude=["word", "deep.b"])])

    def shown_vectors(self):
        return self.r.choice([False, False, True, ["cosine"], ["sparse", "multi"]])

    def selector(self):
        """Of points to change: ids that are there, or a filter."""
        return self.ids() if self.chance(0.7) else self.filter()


# ---- results in one form -----------------------------------------------------------------------

def plain_vector(v):
    if v is None or isinstance(v, (int, float)):
        return v
    if isinstance(v, dict):
        return {k: plain_vector(x) for k, x in sorted(v.items())}
    if hasattr(v, "indices"):
        pairs = sorted(zip(v.indices, v.values))
        return {"indices": [i for i, _ in pairs], "values": [x for _, x in pairs]}
    return [plain_vector(x) for x in v]


def plain(record):
    return {"id": record.id, "payload": record.payload or {}, "vector": plain_vector(record.vector)
            or None, "order_value": getattr(record, "order_value", None)}


def plain_hits(hits):
    return [{"score": h.score, **plain(h)} for h in hits]


def result(update):
    return update.status.value if hasattr(update.status, "value") else update.status


# ---- changes -----------------------------------------------------------------------------------

def point(c, id_):
    p = m.PointStruct(id=id_, vector=c.vectors(), payload=c.payload())
    c.alive[id_] = set(p.vector)
    return p


@operation(10)
def upsert(c):
    points = [point(c, i) for i in c.some(c.pool, 5)]
    return lambda k: result(k.upsert(c.collection, points))


@operation(4)
def upsert_conditionally(c):
    """Of points whose vectors are all known afterwards: those that are there keep their names."""
    mode = c.r.choice([None, m.UpdateMode.UPSERT, m.UpdateMode.INSERT_ONLY, m.UpdateMode.UPDATE_ONLY])
    where = c.maybe_filter()
    names = [*DENSE]
    points = [m.PointStruct(id=i, vector={n: c.vector(n) for n in names}, payload=c.payload())
              for i in c.some([i for i in c.pool if c.alive.get(i, set(names)) == set(names)], 5)]
    if not points:
        return None
    for p in points if mode != m.UpdateMode.UPDATE_ONLY else ():
        c.alive[p.id] = set(names)
    return lambda k: result(k.upsert(c.collection, points, update_filter=where, update_mode=mode))


@operation(2)
def upsert_batch(c):
    ids = c.some(c.pool, 4)
    names = [n for n in [*DENSE, *MULTI] if c.chance(0.7)] or ["dot"]
    vectors = {n: [c.vector(n) for _ in ids] for n in names}
    payloads = [c.payload() for _ in ids]
    for i in ids:
        c.alive[i] = set(names)
    return lambda k: result(k.upsert(c.collection, m.Batch(ids=ids, vectors=vectors,
                                                           payloads=payloads)))


@operation(3)
def delete(c):
    if len(c.alive) < 15:
        return None
    ids = c.ids(3)
    for i in ids:
        c.alive.pop(i)
    absent = [i for i in c.some(c.pool, 1) if i not in c.alive]
    return lambda k: result(k.delete(c.collection, ids + absent))


@operation(4)
def set_payload(c):
    if not c.alive:
        return None
    payload, where = {k: v for k, v in c.payload().items() if v is not None}, c.selector()
    return lambda k: result(k.set_payload(c.collection, payload, where))


@operation(2)
def set_payload_at_key(c):
    if not c.alive:
        return None
    ids = c.ids()
    key = c.r.choice(["deep", "deep.b", "fresh"])
    payload = {"a": c.r.randint(0, 5), "z": c.r.choice(WORDS)}
    return lambda k: result(k.set_payload(c.collection, payload, ids, key=key))


@operation(2)
def overwrite_payload(c):
    if not c.alive:
        return None
    payload, where = c.payload(), c.selector()
    return lambda k: result(k.overwrite_payload(c.collection, payload, where))


@operation(2)
def delete_payload(c):
    if not c.alive:
        return None
    keys, where = c.some(["word", "n", "deep.a", "deep.b.c", "items", "x", "items[].k"], 3), c.ids()
    return lambda k: result(k.delete_payload(c.collection, keys, where))


@operation(1)
def clear_payload(c):
    if not c.alive:
        return None
    where = c.ids(2)
    return lambda k: result(k.clear_payload(c.collection, where))


@operation(3)
def update_vectors(c):
    if not c.alive:
        return None
    points = []
    for i in c.ids(3):
        points.append(m.PointVectors(id=i, vector=c.vectors()))
        c.alive[i] |= set(points[-1].vector)
    return lambda k: result(k.update_vectors(c.collection, points))


@operation(2)
def delete_vectors(c):
    if not c.alive:
        return None
    ids, names = c.ids(3), c.some([*DENSE, *MULTI, *SPARSE], 2)
    for i in ids:
        c.alive[i] -= set(names)
    return lambda k: result(k.delete_vectors(c.collection, names, ids))


@operation(1)
def batch_update(c):
    if not c.alive:
        return None
    operations = [
        m.UpsertOperation(upsert=m.PointsList(points=[point(c, i) for i in c.some(c.pool, 3)])),
        m.SetPayloadOperation(set_payload=m.SetPayload(payload={"word": c.r.choice(WORDS)},
                                                       points=c.ids(2))),
        m.DeletePayloadOperation(delete_payload=m.DeletePayload(keys=["x"], points=c.ids(2)))]
    return lambda k: [result(u) for u in k.batch_update_points(c.collection, operations)]


# ---- reading -----------------------------------------------------------------------------------

@operation(6)
def retrieve(c):
    ids, payload, vectors = c.some(c.pool, 6), c.shown_payload(), c.shown_vectors()
    return lambda k: [plain(r) for r in k.retrieve(c.collection, ids, with_payload=payload,
                                                   with_vectors=vectors)]


def page(answer):
    records, following = answer
    return [plain(r) for r in records], following


@operation(10)
def scroll(c):
    filter_, limit, payload, vectors = c.maybe_filter(), c.r.randint(1, 30), c.shown_payload(), \
        c.shown_vectors()
    offset = c.r.choice(c.pool) if c.chance(0.4) else None
    return lambda k: page(k.scroll(c.collection, filter_, limit, offset=offset,
                                   with_payload=payload, with_vectors=vectors))


@operation(10)
def count(c):
    filter_ = c.filter()
    return lambda k: k.count(c.collection, filter_, exact=True).count


def using(c):
    return c.r.choice([*DENSE, *MULTI, *SPARSE])


@operation(14)
def query(c):
    name, filter_, limit = using(c), c.maybe_filter(), c.r.randint(1, 12)
    vector, offset = c.vector(name), c.r.choice([0, 0, 0, 3])
    payload, vectors = c.shown_payload(), c.shown_vectors()
    return lambda k: plain_hits(k.query_points(
        c.collection, vector, using=name, query_filter=filter_, limit=limit, offset=offset,
        with_payload=payload, with_vectors=vectors,
        search_params=m.SearchParams(exact=True)).points)


@operation(3)
def query_by_id(c):
    name = using(c)
    have = [i for i, names in c.alive.items() if name in names]
    if not have:
        return None
    id_, filter_ = c.r.choice(have), c.maybe_filter()
    return lambda k: plain_hits(k.query_points(
        c.collection, id_, using=name, query_filter=filter_, limit=8,
        search_params=m.SearchParams(exact=True)).points)


def having(c, name):
    return [i for i, names in c.alive.items() if name in names]


def example(c, name):
    """A vector, or the id of a point that has one."""
    have = having(c, name)
    return c.r.choice(have) if have and c.chance(0.6) else c.vector(name)


def examples(c, name, least, most):
    return [example(c, name) for _ in range(c.r.randint(least, most))]


def ask(c, name, what, **more):
    """A query with the parameters that all kinds share."""
    filter_, limit = c.maybe_filter(), c.r.randint(1, 12)
    return lambda k: plain_hits(k.query_points(
        c.collection, what, using=name, query_filter=filter_, limit=limit,
        search_params=m.SearchParams(exact=True), **more).points)


@operation(3)
def recommend(c):
    name = c.r.choice([*DENSE, *MULTI])
    strategy = c.r.choice(list(m.RecommendStrategy))
    if name in MULTI and strategy == m.RecommendStrategy.AVERAGE_VECTOR:
        return None
    least = 1 if strategy == m.RecommendStrategy.AVERAGE_VECTOR else 0
    positive = examples(c, name, least, 3)
    # One that is both would be nearest on both sides, and rounding choose the side.
    negative = [x for x in examples(c, name, 0, 2) if x not in positive]
    if not positive and not negative:
        return None
    return ask(c, name, m.RecommendQuery(recommend=m.RecommendInput(
        positive=positive, negative=negative, strategy=strategy)))


def pairs(c, name):
    """Of two different examples: of one and the same, rounding decides in local mode."""
    out = []
    for _ in range(c.r.randint(1, 3)):
        positive, negative = example(c, name), example(c, name)
        while negative == positive:
            negative = c.vector(name)
        out.append(m.ContextPair(positive=positive, negative=negative))
    return out


@operation(2)
def discover(c):
    name = c.r.choice(list(DENSE))
    call = ask(c, name, m.DiscoverQuery(discover=m.DiscoverInput(
        target=example(c, name), context=pairs(c, name))))

    def or_nothing(k):
        try:
            return call(k)
        except TypeError:  # local mode, when no point passes: numpy will not add nothing
            return []
    return or_nothing


@operation(1)
def context(c):
    """Most scores are 0: all points are asked for, so that none is cut off among equals."""
    name, filter_ = c.r.choice(list(DENSE)), c.maybe_filter()
    what = m.ContextQuery(context=pairs(c, name))
    return lambda k: plain_hits(k.query_points(c.collection, what, using=name, limit=1000,
                                               query_filter=filter_).points)


def prefetch(c):
    name = using(c)
    return m.Prefetch(query=c.vector(name), using=name, limit=c.r.randint(5, 40),
                      filter=c.maybe_filter())


@operation(2)
def rescore(c):
    """The first prefetch always finds something: of none at all, local mode ranks everything."""
    name, first = c.r.choice([*DENSE, *MULTI]), c.r.choice(list(DENSE))
    if not having(c, first):
        return None
    sources = [m.Prefetch(query=c.vector(first), using=first, limit=20)]
    sources += [prefetch(c) for _ in range(c.r.randint(0, 2))]
    vector, limit = c.vector(name), c.r.randint(1, 12)
    return lambda k: plain_hits(k.query_points(c.collection, vector, using=name, prefetch=sources,
                                               limit=limit).points)


@operation(2)
def fusion(c):
    sources = [prefetch(c) for _ in range(c.r.randint(1, 3))]
    what = m.FusionQuery(fusion=c.r.choice(list(m.Fusion)))
    return lambda k: plain_hits(k.query_points(c.collection, what, prefetch=sources,
                                               limit=1000).points)


@operation(2)
def formula(c):
    name = using(c)
    source = m.Prefetch(query=c.vector(name), using=name, limit=1000)
    what = m.FormulaQuery(
        formula=m.SumExpression(sum=[
            "$score", m.MultExpression(mult=[0.5, m.FieldCondition(
                key="word", match=m.MatchAny(any=c.some(WORDS)))]),
            m.GaussDecayExpression(gauss_decay=m.DecayParamsExpression(x="x", scale=50))]),
        defaults={"x": 7.5})
    return lambda k: plain_hits(k.query_points(c.collection, what, prefetch=source,
                                               limit=1000).points)


@operation(2)
def groups(c):
    name = c.r.choice([*DENSE, *MULTI])
    vector, key = c.vector(name), c.r.choice(["word", "n", "deep.a"])
    size, filter_ = c.r.randint(1, 3), c.maybe_filter()

    def call(k):
        found = k.query_points_groups(c.collection, key, vector, using=name, limit=100,
                                      group_size=size, query_filter=filter_).groups
        return {str(g.id): plain_hits(g.hits) for g in found}
    return call


@operation(3)
def ordered(c):
    key, filter_ = c.r.choice(["n", "x", "when"]), c.maybe_filter()
    direction = c.r.choice(list(m.Direction))

    def call(k):
        found = k.scroll(c.collection, filter_, 1000,
                         order_by=m.OrderBy(key=key, direction=direction))[0]
        return sorted((str(p.order_value), str(p.id)) for p in found)
    return call


@operation(2)
def facet(c):
    key, filter_ = c.r.choice(["word", "n", "flag"]), c.maybe_filter()
    return lambda k: sorted((str(h.value), h.count) for h in k.facet(
        c.collection, key, filter_, limit=1000, exact=True).hits)


@operation(1)
def query_batch(c):
    names = [using(c) for _ in range(3)]
    requests = [m.QueryRequest(query=c.vector(n), using=n, limit=5, filter=c.maybe_filter(),
                               params=m.SearchParams(exact=True)) for n in names]
    return lambda k: [plain_hits(a.points) for a in k.query_batch_points(c.collection, requests)]


@operation(1)
def threshold(c):
    """On a tenth between two scores, so that rounding decides nothing."""
    name = c.r.choice(list(DENSE))
    vector, at = c.vector(name), c.r.randint(-5, 15) / 10 + 0.0123457
    return lambda k: plain_hits(k.query_points(c.collection, vector, using=name, limit=1000,
                                               score_threshold=at).points)
