# SPDX-License-Identifier: Apache-2.0
"""Random collections and random questions about them, for any client with qdrant-client's methods.

    world = World(random.Random(seed))
    for client in (ours, reference):
        world.fill(client)
    judge = Judge(ours, reference)
    kind, ask = world.question()         # a name, and a function of a client
    judge.difference(kind, ask)          # "" where the answers agree

Where scores tie the order is free, so points are compared by groups of equal scores. Where ranks
decide (prefetches, groups) an answer that differs counts only if no ranking behind it had a tie; the
judge counts the others as `undecided`.
"""
import contextlib
import uuid

from qdrant_client import models as m

TOLERANCE = 1e-4
TIE = 2e-6  # what rounding to 32 bits may do to a score; the reference has 64
UNDECIDED = 0.02  # the part of the questions that ties may leave undecided
DENSE = {"cos": (8, m.Distance.COSINE), "euc": (5, m.Distance.EUCLID),
         "man": (4, m.Distance.MANHATTAN), "dot": (6, m.Distance.DOT)}
MULTI = {"mcos": (4, m.Distance.COSINE), "meuc": (3, m.Distance.EUCLID)}
SPARSE = {"sp": None, "idf": m.Modifier.IDF}
CITIES = ["Berlin", "Bremen", "Paris", "Rome", "Oslo", "Göteborg"]
COLLECTION, OTHER = "cases", "cases other"
INDEXES = {"city": "keyword", "n": "integer", "x": "float", "t": "datetime", "flag": "bool",
           "u": "uuid", "tags": "keyword", "deep.k": "integer"}


class World:
    """What is stored, and questions about it."""

    def __init__(self, rng, n_points=80):
        self.rng = rng
        self.in_prefetch = False
        ids = rng.sample(range(1000), n_points)
        self.ids = sorted(i for i in ids if i % 3) + sorted(
            str(uuid.UUID(int=rng.getrandbits(128))) for i in ids if i % 3 == 0)
        self.points = [m.PointStruct(id=i, vector=self.vectors(), payload=self.payload())
                       for i in self.ids]
        self.other = [m.PointStruct(id=i, vector=self.dense(8), payload={"of": str(i), "a": {"b": 1}})
                      for i in list(range(12)) + self.ids[-3:]]

    # ---- what is stored ----
    def dense(self, n):
        return [round(self.rng.gauss(0, 1), 6) for _ in range(n)]

    def multi(self, n):
        return [self.dense(n) for _ in range(self.rng.randint(1, 3))]

    def sparse(self):
        n = self.rng.randint(1, 6)
        return m.SparseVector(indices=sorted(self.rng.sample(range(20), n)),
                              values=[round(self.rng.uniform(0.1, 2), 3) for _ in range(n)])

    def vector(self, name):
        if name in DENSE:
            return self.dense(DENSE[name][0])
        return self.multi(MULTI[name][0]) if name in MULTI else self.sparse()

    def vectors(self):
        return {name: self.vector(name) for name in [*DENSE, *MULTI, *SPARSE]
                if self.rng.random() < 0.9}

    def maybe_list(self, make):
        return make() if self.rng.random() < 0.7 else [make() for _ in range(self.rng.randint(0, 3))]

    def payload(self):
        rng = self.rng
        makers = {
            "city": lambda: self.maybe_list(lambda: rng.choice(CITIES)),
            "n": lambda: self.maybe_list(lambda: rng.randint(-5, 30)),
            "x": lambda: round(rng.uniform(-3, 3), 2),
            "t": lambda: f"2024-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T0{rng.randint(0, 9)}:00:00Z",
            "flag": lambda: rng.choice([True, False, None]),
            "u": lambda: str(uuid.UUID(int=rng.randint(1, 4))),
            "tags": lambda: [rng.choice("abcde") for _ in range(rng.randint(0, 4))],
            "geo": lambda: {"lat": round(rng.uniform(-80, 80), 3), "lon": round(rng.uniform(-170, 170), 3)},
            "deep": lambda: {"k": rng.randint(0, 3), "list": [{"p": rng.randint(0, 4), "q": rng.choice("xyz")}
                                                            for _ in range(rng.randint(0, 3))]},
            "group": lambda: rng.choice([1, 2, "red", "blue", [1, "red"], 2.5, [3, True], 7]),
            "who": lambda: rng.choice(self.ids[:4] + list(range(6)) + ["nobody", -4]),
        }
        return {key: make() for key, make in makers.items() if rng.random() < 0.85}

    def fill(self, client):
        client.create_collection(
            COLLECTION,
            vectors_config={
                **{k: m.VectorParams(size=n, distance=d) for k, (n, d) in DENSE.items()},
                **{k: m.VectorParams(size=n, distance=d, multivector_config=m.MultiVectorConfig(
                    comparator=m.MultiVectorComparator.MAX_SIM)) for k, (n, d) in MULTI.items()}},
            sparse_vectors_config={k: m.SparseVectorParams(modifier=v) for k, v in SPARSE.items()})
        client.create_collection(OTHER,
                                 vectors_config=m.VectorParams(size=8, distance=m.Distance.COSINE))
        client.upsert(COLLECTION, self.points, wait=True)
        client.upsert(OTHER, self.other, wait=True)
        for path, kind in INDEXES.items():
            client.create_payload_index(COLLECTION, path, kind, wait=True)

    # ---- parts of questions ----
    def an_id(self):
        return self.rng.choice(self.ids) if self.rng.random() < 0.97 else 5000

    def condition(self, depth=0):
        rng = self.rng
        makers = [
            lambda: m.FieldCondition(key="city", match=m.MatchValue(value=rng.choice(CITIES))),
            lambda: m.FieldCondition(key="city", match=m.MatchAny(any=rng.sample(CITIES, 2))),
            lambda: m.FieldCondition(key="n", match=m.MatchExcept(**{"except": [1, 2, rng.randint(3, 9)]})),
            lambda: m.FieldCondition(key="n", range=m.Range(gte=rng.randint(-5, 20), lt=rng.randint(5, 35))),
            lambda: m.FieldCondition(key="x", range=m.Range(gt=round(rng.uniform(-3, 1), 2))),
            lambda: m.FieldCondition(key="t", range=m.DatetimeRange(gte="2024-03-01T00:00:00Z")),
            lambda: m.FieldCondition(key="flag", match=m.MatchValue(value=rng.random() < 0.5)),
            lambda: m.FieldCondition(key="tags", values_count=m.ValuesCount(gte=rng.randint(0, 3))),
            lambda: m.FieldCondition(key="geo", geo_radius=m.GeoRadius(
                center=m.GeoPoint(lat=rng.uniform(-60, 60), lon=rng.uniform(-100, 100)), radius=4e6)),
            lambda: m.IsEmptyCondition(is_empty=m.PayloadField(key=rng.choice(["tags", "n", "city"]))),
            lambda: m.IsNullCondition(is_null=m.PayloadField(key="flag")),
            lambda: m.HasIdCondition(has_id=rng.sample(self.ids, 30)),
            lambda: m.HasVectorCondition(has_vector=rng.choice([*DENSE, *SPARSE])),
            lambda: m.NestedCondition(nested=m.Nested(key="deep.list", filter=m.Filter(must=[
                m.FieldCondition(key="p", match=m.MatchValue(value=rng.randint(0, 4))),
                m.FieldCondition(key="q", match=m.MatchValue(value=rng.choice("xyz")))]))),
        ]
        if depth < 2 and rng.random() < 0.15:
            return self.filter(depth + 1)
        return rng.choice(makers)()

    def filter(self, depth=0):
        parts = {}
        for name in ("must", "should", "must_not"):
            if self.rng.random() < 0.45:
                parts[name] = [self.condition(depth) for _ in range(self.rng.randint(1, 2))]
        return m.Filter(**parts)

    def maybe_filter(self):
        return self.filter() if self.rng.random() < 0.4 else None

    def vector_name(self):
        return self.rng.choice([*DENSE, *MULTI, *SPARSE])

    def input(self, name):
        if not self.in_prefetch and self.rng.random() < 0.5:
            return self.an_id()
        return self.vector(name)

    def threshold(self, name, chance=0.25):
        """One that no score is equal to: rounding would decide."""
        if self.rng.random() > chance or name in MULTI:
            return None
        return self.rng.choice([0.1000037, 0.5000037, 1.5000037] if name in ("cos", "sp", "dot")
                               else [1.0000037, 2.5000037, 4.0000037])

    def with_payload(self):
        paths = ["city", "deep", "deep.k", "deep.list[].p", "deep.list[]", "geo.lat", "nothing",
                 "tags[]", "tags[0]", '"city"', "n.m"]
        return self.rng.choice([True, False, self.rng.sample(paths, 2),
                                m.PayloadSelectorInclude(include=self.rng.sample(paths, 3)),
                                m.PayloadSelectorExclude(exclude=self.rng.sample(paths, 2))])

    def with_vectors(self):
        return self.rng.choice([True, False, ["cos", "sp"], ["mcos"], []])

    def shown(self):
        return {"with_payload": self.with_payload(), "with_vectors": self.with_vectors()}

    def pair(self, name):
        """Of two different examples: rounding decides which of two equal ones is nearer."""
        positive = negative = self.input(name)
        while negative == positive:
            negative = self.input(name)
        return m.ContextPair(positive=positive, negative=negative)

    def pairs(self, name, least):
        return [self.pair(name) for _ in range(self.rng.randint(least, 3))]

    def lookup(self, name):
        """Sometimes ids mean points of the other collection."""
        if name == "cos" and self.rng.random() < 0.3:
            return m.LookupLocation(collection=OTHER, vector="")
        return None

    def query(self, name, kinds=("nearest", "plain", "recommend", "best", "sum", "discover",
                                 "context", "mmr", "feedback"), refusable=True):
        """A query on the vector `name`, and whether its scores may have a threshold. `refusable`:
        perhaps one without examples, which the reference refuses only where it has points to rank."""
        rng = self.rng
        kind = rng.choice(kinds)
        if kind == "plain":
            return self.input(name), True
        if kind == "nearest":
            return m.NearestQuery(nearest=self.input(name)), True
        if kind == "mmr":
            # Half relevance, half distance to what is chosen: with Manhattan distances that is the same
            # for all points between the two, exactly, so rounding would choose.
            diversity = [0.0, 0.3, 1.0] + [None] * (name != "man")
            return m.NearestQuery(nearest=self.input(name), mmr=m.Mmr(
                diversity=rng.choice(diversity), candidates_limit=rng.choice([None, 5, 30]))), True
        if kind in ("recommend", "best", "sum"):
            strategy = {"recommend": rng.choice([None, m.RecommendStrategy.AVERAGE_VECTOR]),
                        "best": m.RecommendStrategy.BEST_SCORE,
                        "sum": m.RecommendStrategy.SUM_SCORES}[kind]
            least = 0 if refusable and rng.random() < 0.2 else 1
            positive = [self.input(name) for _ in range(rng.randint(least, 3))]
            # One that is both would be nearest on both sides, and rounding choose the side.
            negative = [x for x in (self.input(name) for _ in range(rng.randint(0, 2)))
                        if x not in positive]
            return m.RecommendQuery(recommend=m.RecommendInput(
                positive=positive, negative=negative, strategy=strategy)), kind == "recommend"
        if kind == "context":
            return m.ContextQuery(context=self.pairs(name, 1)), False
        if kind == "feedback" and name in DENSE:
            return m.RelevanceFeedbackQuery(relevance_feedback=m.RelevanceFeedbackInput(
                target=self.input(name),
                feedback=[m.FeedbackItem(example=self.input(name), score=round(rng.uniform(0, 1), 2))
                          for _ in range(rng.randint(0, 3))],
                strategy=m.NaiveFeedbackStrategy(naive=m.NaiveFeedbackStrategyParams(
                    a=0.5, b=rng.choice([0.0, 0.5, 2.0]), c=0.3)))), False
        return m.DiscoverQuery(discover=m.DiscoverInput(
            target=self.input(name), context=self.pairs(name, 1))), False

    def params(self, name):
        """Sometimes the document frequencies are those of a part of the points."""
        if name != "idf" or self.rng.random() < 0.6:
            return None
        return m.SearchParams(idf=self.rng.choice(
            [m.IdfScope.GLOBAL, m.IdfCorpusParams(corpus=self.filter())]))

    def prefetch(self, depth=0):
        """Without ids: one that a prefetch uses is left out of the whole query's result, in the
        reference of the prefetch's alone. Without context: where many scores are equal, their
        order, which is free, decides about ranks."""
        kinds = ("nearest", "plain", "recommend", "best", "sum", "discover")
        name = self.vector_name()
        if name in SPARSE:  # which share few indices, so that many scores are 0
            kinds = ("nearest", "plain", "recommend")
        self.in_prefetch = True
        if depth < 2 and self.rng.random() < 0.25:
            inner = [self.prefetch(depth + 1) for _ in range(self.rng.randint(1, 2))]
            self.in_prefetch = True
            where = self.maybe_filter()
            made = self.rng.choice([
                m.Prefetch(prefetch=inner, query=m.FusionQuery(fusion=m.Fusion.DBSF), limit=40,
                           filter=where),
                m.Prefetch(prefetch=inner, query=self.query(name, kinds, refusable=False)[0],
                           using=name, limit=40, filter=where, params=self.params(name))])
        else:
            query, bounded = self.query(name, kinds, refusable=False)
            made = m.Prefetch(query=query, using=name, limit=self.rng.choice([None, 5, 30, 100]),
                              filter=self.maybe_filter(), params=self.params(name),
                              score_threshold=self.threshold(name) if bounded else None)
        self.in_prefetch = False
        return made

    def expression(self, depth=0):
        rng = self.rng
        leaves = [lambda: round(rng.uniform(-2, 3), 2), lambda: "$score", lambda: "$score[1]",
                  lambda: "x", lambda: "deep.k", lambda: self.condition(2),
                  lambda: m.GeoDistance(geo_distance=m.GeoDistanceParams(
                      origin=m.GeoPoint(lat=50, lon=8), to="geo")),
                  lambda: m.DatetimeExpression(datetime="2024-05-01T00:00:00Z"),
                  lambda: m.DatetimeKeyExpression(datetime_key="t")]
        if depth > 2 or rng.random() < 0.3:
            return rng.choice(leaves)()

        def inner():
            return self.expression(depth + 1)

        def decay():
            return m.DecayParamsExpression(x=inner(), target=rng.choice([None, 1.0]),
                                           scale=rng.choice([None, 2.0, 1e6]),
                                           midpoint=rng.choice([None, 0.3]))

        return rng.choice([
            lambda: m.SumExpression(sum=[inner(), inner()]),
            lambda: m.MultExpression(mult=[inner(), inner()]),
            lambda: m.NegExpression(neg=inner()), lambda: m.AbsExpression(abs=inner()),
            lambda: m.DivExpression(div=m.DivParams(left=inner(), right=inner(),
                                                    by_zero_default=rng.choice([None, 1.0]))),
            lambda: m.SqrtExpression(sqrt=m.AbsExpression(abs=inner())),
            lambda: m.PowExpression(pow=m.PowParams(base=m.AbsExpression(abs=inner()), exponent=0.5)),
            lambda: m.ExpExpression(exp=inner()), lambda: m.LnExpression(ln=inner()),
            lambda: m.Log10Expression(log10=m.AbsExpression(abs=inner())),
            lambda: m.LinDecayExpression(lin_decay=decay()),
            lambda: m.ExpDecayExpression(exp_decay=decay()),
            lambda: m.GaussDecayExpression(gauss_decay=decay())])()

    def formula(self):
        defaults = {"x": 0.5, "deep.k": 2, "geo": {"lat": 1.0, "lon": 2.0}, "$score[1]": 0.25,
                    "t": "2024-01-01T00:00:00Z"}
        for key in list(defaults):
            if self.rng.random() < 0.15:
                del defaults[key]
        return m.FormulaQuery(formula=self.expression(), defaults=defaults)

    # ---- questions: (name, function of a client) ----
    def question(self):
        kind = self.rng.choice(["ask_get", "ask_scroll", "ask_order", "ask_count", "ask_facet",
                                "ask_query", "ask_query", "ask_query", "ask_fusion", "ask_rescore",
                                "ask_formula", "ask_groups", "ask_batch", "ask_by_order",
                                "ask_by_id", "ask_sample", "ask_matrix"])
        return kind, getattr(self, kind)()

    def ask_get(self):
        ids = list(dict.fromkeys(self.an_id() for _ in range(self.rng.randint(1, 6))))
        shown = self.shown()
        return lambda c: c.retrieve(COLLECTION, ids, **shown)

    def ask_scroll(self):
        args = dict(limit=self.rng.randint(1, 30), scroll_filter=self.maybe_filter(), **self.shown())
        if self.rng.random() < 0.5:
            args["offset"] = self.an_id()
        return lambda c: c.scroll(COLLECTION, **args)

    def order(self):
        key = self.rng.choice(["n", "x", "t", "deep.k"])
        start = {"n": 3, "x": 0.5, "t": "2024-03-05T00:00:00Z", "deep.k": 1}[key]
        return m.OrderBy(key=key, direction=self.rng.choice([None, "asc", "desc"]),
                         start_from=start if self.rng.random() < 0.4 else None)

    def ask_order(self):
        args = dict(limit=self.rng.randint(1, 30), scroll_filter=self.maybe_filter(),
                    order_by=self.order(), **self.shown())
        return lambda c: c.scroll(COLLECTION, **args)

    def ask_by_order(self):
        args = dict(query=m.OrderByQuery(order_by=self.order()), limit=self.rng.randint(1, 20),
                    offset=self.rng.choice([None, 3]), query_filter=self.maybe_filter(), **self.shown())
        return lambda c: c.query_points(COLLECTION, **args)

    def ask_by_id(self):
        args = dict(limit=self.rng.randint(1, 20), offset=self.rng.choice([None, 3, 200]),
                    query_filter=self.maybe_filter(), **self.shown())
        return lambda c: c.query_points(COLLECTION, **args)

    def ask_count(self):
        where = self.maybe_filter()
        return lambda c: c.count(COLLECTION, count_filter=where, exact=True)

    def ask_facet(self):
        key, limit, where = (self.rng.choice(["city", "flag", "u", "tags", "n", "deep.k"]),
                             self.rng.choice([2, 10, 50]), self.maybe_filter())
        return lambda c: c.facet(COLLECTION, key, facet_filter=where, limit=limit, exact=True)

    def query_arguments(self, names=(*DENSE, *MULTI, *SPARSE), **kinds):
        name = self.rng.choice(names)
        query, bounded = self.query(name, **kinds)
        feedback = isinstance(query, m.RelevanceFeedbackQuery)  # the reference knows no lookup there
        return dict(query=query, using=name, limit=self.rng.randint(1, 25),
                    offset=self.rng.choice([None, None, 2, 100]), query_filter=self.maybe_filter(),
                    score_threshold=self.threshold(name) if bounded else None,
                    lookup_from=None if feedback else self.lookup(name),
                    search_params=self.params(name))

    def ask_query(self):
        args = dict(**self.query_arguments(), **self.shown())
        return lambda c: c.query_points(COLLECTION, **args)

    def ask_fusion(self):
        prefetch = [self.prefetch() for _ in range(self.rng.randint(1, 3))]
        query = self.rng.choice([
            m.FusionQuery(fusion=m.Fusion.RRF), m.FusionQuery(fusion=m.Fusion.DBSF),
            m.RrfQuery(rrf=m.Rrf(k=self.rng.choice([None, 1, 60]))),
            m.RrfQuery(rrf=m.Rrf(weights=[round(self.rng.uniform(0.5, 3), 2)
                                          for _ in range(self.rng.choice([len(prefetch)] * 9 + [4]))]))])
        args = dict(prefetch=prefetch, query=query, limit=self.rng.randint(1, 25),
                    offset=self.rng.choice([None, 2]), query_filter=self.maybe_filter(),
                    score_threshold=self.rng.choice([None, None, 0.3000037]), **self.shown())
        return lambda c: c.query_points(COLLECTION, **args)

    def ask_rescore(self):
        """Without feedback, whose ids the reference leaves out of the last stage alone."""
        kinds = ("nearest", "plain", "recommend", "best", "sum", "discover", "context", "mmr")
        args = dict(**self.query_arguments(kinds=kinds, refusable=False), **self.shown(),
                    prefetch=[self.prefetch() for _ in range(self.rng.randint(1, 2))])
        return lambda c: c.query_points(COLLECTION, **args)

    def ask_formula(self):
        args = dict(prefetch=[self.prefetch() for _ in range(self.rng.randint(1, 2))],
                    query=self.formula(), limit=self.rng.randint(1, 25), **self.shown())
        return lambda c: c.query_points(COLLECTION, **args)

    def ask_groups(self):
        """Of queries whose scores are all different: the groups depend on the order of equals."""
        prefetched = self.rng.random() < 0.2  # after which, as in ask_rescore, nothing is refusable
        args = self.query_arguments((*DENSE, "sp"), kinds=("nearest", "plain", "recommend"),
                                    refusable=not prefetched)
        del args["offset"], args["lookup_from"]
        args.update(group_by=self.rng.choice(["group", "city", "who", "deep.k", "tags"]),
                    group_size=self.rng.randint(1, 4), limit=self.rng.randint(1, 6),
                    with_payload=self.with_payload())
        if self.rng.random() < 0.3:
            args["with_lookup"] = self.rng.choice([OTHER, m.WithLookup(
                collection=OTHER, with_payload=["of"], with_vectors=True)])
        if prefetched:
            args["prefetch"] = [m.Prefetch(query=self.dense(8), using="cos", filter=self.maybe_filter())]
        return lambda c: c.query_points_groups(COLLECTION, **args)

    def ask_batch(self):
        requests = []
        for _ in range(self.rng.randint(1, 3)):
            args = self.query_arguments()
            args["filter"] = args.pop("query_filter")
            args["params"] = args.pop("search_params")
            requests.append(m.QueryRequest(with_payload=True, **args))
        return lambda c: c.query_batch_points(COLLECTION, requests)

    def ask_sample(self):
        """At random: compared by what every sample has to have."""
        limit, where = self.rng.randint(1, 200), self.maybe_filter()
        query = m.SampleQuery(sample=m.Sample.RANDOM)

        def ask(c):
            drawn = [p.id for p in c.query_points(COLLECTION, query=query, limit=limit,
                                                  query_filter=where).points]
            passing = {p.id for p in c.scroll(COLLECTION, where, limit=10000)[0]}
            return len(drawn), len(set(drawn)), set(drawn) <= passing

        return ask

    def ask_matrix(self):
        """With a sample of all points there is nothing random in it."""
        args = dict(query_filter=self.maybe_filter(), limit=self.rng.randint(1, 4), sample=1000,
                    using=self.vector_name())
        pairs = self.rng.random() < 0.5

        def ask(c):
            if pairs:
                found = c.search_matrix_pairs(COLLECTION, **args).pairs
                return [(str(p.a), p.score) for p in found]
            found = c.search_matrix_offsets(COLLECTION, **args)
            return [(str(found.ids[r]), str(found.ids[q]) != str(found.ids[r]), s) for r, q, s in
                    zip(found.offsets_row, found.offsets_col, found.scores)]

        return ask


# ---- comparison --------------------------------------------------------------------------------

def plain(value):
    """Models to plain data, without what was not set."""
    if hasattr(value, "model_dump"):
        return {k: plain(getattr(value, k)) for k in value.model_fields_set | set(value.__dict__)
                if getattr(value, k) is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def same(a, b):
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= TOLERANCE * max(1.0, abs(a))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def is_ranking(value):
    return isinstance(value, list) and value and all(
        isinstance(v, dict) and "score" in v and "id" in v for v in value)


def key_of(point):
    return point.get("order_value", point["score"])


def difference_of_rankings(a, b):
    """Equal scores in any order; who is among the first and the last equals may differ."""
    if len(a) != len(b):
        return f"{len(a)} points, not {len(b)}: {[p['id'] for p in a]} / {[p['id'] for p in b]}"
    for x, y in zip(a, b):
        if not same(key_of(x), key_of(y)):
            return f"scores {[(p['id'], key_of(p)) for p in a]} / {[(p['id'], key_of(p)) for p in b]}"
    ours = {str(p["id"]): p for p in a}
    first, last = key_of(a[0]), key_of(a[-1])
    for y in b:
        x = ours.get(str(y["id"]))
        if x is None:
            if not same(key_of(y), last) and not same(key_of(y), first):
                return f"point {y['id']} is missing"
        elif "order_value" not in y:
            for name in (x.keys() | y.keys()) - {"version", "score"}:
                if not same(x.get(name), y.get(name)):
                    return f"point {y['id']}, {name}: {x.get(name)} / {y.get(name)}"
    return ""


def difference_of(a, b):
    if is_ranking(a) and is_ranking(b):
        return difference_of_rankings(a, b)
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return "; ".join(filter(None, (difference_of(a[k], b[k]) for k in a)))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return "; ".join(filter(None, map(difference_of, a, b)))
    return "" if same(a, b) else f"{a} / {b}"


def outcome(ask, client):
    try:
        return plain(ask(client)), None
    except Exception as error:  # noqa: BLE001: either client's refusal, compared as such
        return None, error


def has_tie(ranking, limit):
    """Whether two neighbours among the first `limit` and one more have nearly the same score."""
    scores = [p.score for p in ranking[:limit + 1]]
    return any(abs(a - b) <= TIE * max(1, abs(a)) for a, b in zip(scores, scores[1:]))


@contextlib.contextmanager
def wrapped(thing, name, make):
    """thing.name is make(what it was)."""
    was = getattr(thing, name)
    setattr(thing, name, make(was))
    try:
        yield
    finally:
        delattr(thing, name)


class Judge:
    """Compares a client's answers with those of local mode."""

    def __init__(self, ours, reference):
        self.ours, self.reference = ours, reference
        self.undecided = 0

    def difference(self, kind, ask):
        (a, refused), (b, reference_refused) = outcome(ask, self.ours), outcome(ask, self.reference)
        if bool(refused) != bool(reference_refused):
            return f"ours: {refused!r}; reference: {reference_refused!r}"
        found = "" if refused else difference_of(a, b)
        if found and self.depends_on_ties(kind, ask):
            self.undecided += 1
            return ""
        return found

    def depends_on_ties(self, kind, ask):
        """Whether a ranking that another stage, or the grouping, goes by has a tie."""
        collection = self.reference._client.collections[COLLECTION]
        ties = []

        def spy_prefetch(was):
            def prefetch(p, propagated=None):
                limit = 10 if p.limit is None else p.limit
                more = was(p.model_copy(update={"limit": limit + 1}), propagated)
                ties.append(has_tie(more, limit))
                return more[:limit]
            return prefetch

        def spy_query(was):
            def query_points(*args, **kwargs):
                found = was(*args, **kwargs)
                ties.append(has_tie(found.points, len(found.points)))
                return found
            return query_points

        with contextlib.ExitStack() as stack:
            stack.enter_context(wrapped(collection, "_prefetch", spy_prefetch))
            if kind == "ask_groups":
                stack.enter_context(wrapped(collection, "query_points", spy_query))
            ask(self.reference)
        return any(ties)
