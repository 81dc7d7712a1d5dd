# SPDX-License-Identifier: Apache-2.0
"""JSON Web Tokens with Qdrant's claims: what each lets do, and what does not pass for one."""
import base64
import hashlib
import hmac
import json
import time

import pytest
import requests
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from conftest import Latent
from serving import serving

KEY = "the key that signs"


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims, key=KEY, header=None, digest=hashlib.sha256):
    claims = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = part(json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode()) + "." + part(claims)
    return text + "." + part(hmac.new(key.encode(), text.encode(), digest).digest())


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("access"), "--jwt-rbac",
                 env={"LATENT_API_KEY": KEY}) as s:
        client = QdrantClient(url=s.url, api_key=KEY)
        for name in ("a", "b", "users"):
            client.create_collection(name, vectors_config=models.VectorParams(size=2, distance="Dot"))
            client.upsert(name, points=[models.PointStruct(id=1, vector=[1, 2],
                                                           payload={"name": "x", "n": 7})])
        yield s
        client.close()


def ask(server, claims, method, path, body=None, **more):
    """The status that a request with such a token gets."""
    headers = {"Authorization": "Bearer " + (claims if isinstance(claims, str) else token(claims))}
    if body is not None:
        headers["Content-Type"] = "application/json"
        more["data"] = body if isinstance(body, str) else json.dumps(body)
    return requests.request(method, server.url + path, headers=headers, timeout=30, **more)


COUNT = ("POST", "/collections/a/points/count", {})
UPSERT = ("PUT", "/collections/a/points", {"points": [{"id": 2, "vector": [1, 2]}]})
CREATE = ("PUT", "/collections/new", {"vectors": {"size": 2, "distance": "Dot"}})
OTHER = ("POST", "/collections/b/points/count", {})
EMBED = ("POST", "/v1/embeddings", {"model": "latent", "input": "x"})


def of(collection, access):
    return {"access": [{"collection": collection, "access": access}]}


@pytest.mark.parametrize("claims, want", [
    ({}, [200, 200, 200, 200, 200]), ({"access": "m"}, [200, 200, 200, 200, 200]),
    ({"access": "r"}, [200, 403, 403, 200, 200]), (of("a", "r"), [200, 403, 403, 403, 200]),
    (of("a", "rw"), [200, 200, 403, 403, 200]), (of("a", "prw"), [200, 200, 403, 403, 200]),
    ({"access": []}, [403, 403, 403, 403, 200]), (of("A", "rw"), [403, 403, 403, 403, 200])],
    ids=str)
def test_what_a_token_allows(server, claims, want):
    got = [ask(server, claims, *request).status_code
           for request in (COUNT, UPSERT, CREATE, OTHER, EMBED)]
    assert got == want
    requests.delete(server.url + "/collections/new", headers={"api-key": KEY}, timeout=30)


def test_a_token_for_one_collection(server):
    claims = of("a", "rw")
    listed = ask(server, claims, "GET", "/collections").json()["result"]["collections"]
    assert listed == [{"name": "a"}]
    for method, path in (("GET", "/aliases"), ("GET", "/telemetry"), ("GET", "/metrics"),
                         ("GET", "/cluster"), ("GET", "/quotas"), ("DELETE", "/collections/a"),
                         ("PATCH", "/collections/a"), ("POST", "/collections/aliases"),
                         ("POST", "/collections/a/snapshots"), ("GET", "/collections/%61%62"),
                         ("PUT", "/collections/a/snapshots/recover"),
                         ("POST", "/collections/a/snapshots/upload")):
        assert ask(server, claims, method, path, {}).status_code == 403, path
    for method, path in (("GET", "/collections/a"), ("GET", "/collections/%61"),
                         ("GET", "/collections/a/points/1"), ("GET", "/collections/a/exists"),
                         ("GET", "/collections/a/snapshots"), ("GET", "/"), ("GET", "/readyz")):
        assert ask(server, claims, method, path).status_code == 200, path


@pytest.mark.parametrize("body", [
    {"query": 1, "lookup_from": {"collection": "b"}},
    {"prefetch": [{"query": 1, "lookup_from": {"collection": "b", "vector": ""}}], "query": 1},
    '{"query": 1, "\\u006cookup_from": {"collection": "b"}}',
    '{"query": 1, "lookup_from": {"\\u0063ollection": "b"}}',
    '{"query": 1, "lookup_from": {"collection": "a"}, "lookup_from": {"collection": "b"}}'])
def test_another_collection_is_not_read_by_the_back_door(server, body):
    path = "/collections/a/points/query"
    assert ask(server, {"access": "r"}, "POST", path, body).status_code == 200
    assert ask(server, of("a", "r"), "POST", path, body).status_code == 403
    both = {"access": of("a", "r")["access"] + of("b", "r")["access"]}
    assert ask(server, both, "POST", path, body).status_code == 200


def test_groups_do_not_look_up_elsewhere(server):
    path = "/collections/a/points/query/groups"
    for lookup in ("b", {"collection": "b"}):
        body = {"query": [1, 2], "group_by": "n", "with_lookup": lookup}
        assert ask(server, of("a", "r"), "POST", path, body).status_code == 403
        assert ask(server, {"access": "r"}, "POST", path, body).status_code == 200
    for lookup in ("a", None):
        body = {"query": [1, 2], "group_by": "n", "with_lookup": lookup}
        assert ask(server, of("a", "r"), "POST", path, body).status_code == 200


def test_a_token_bound_to_a_point(server):
    claims = {"access": "r", "value_exists": {"collection": "users", "matches": [
        {"key": "name", "value": "x"}, {"key": "n", "value": 7}]}}
    assert ask(server, claims, *COUNT).status_code == 200
    body = {"payload": {"name": "y"}, "points": [1]}
    headers = {"api-key": KEY}
    requests.post(server.url + "/collections/users/points/payload", json=body, headers=headers,
                  timeout=30)
    answer = ask(server, claims, *COUNT)
    assert (answer.status_code, answer.text) == (401, "Invalid API key or JWT")
    body["payload"]["name"] = "x"
    requests.post(server.url + "/collections/users/points/payload", json=body, headers=headers,
                  timeout=30)
    assert ask(server, claims, *COUNT).status_code == 200
    claims["value_exists"]["collection"] = "none"
    assert ask(server, claims, *COUNT).status_code == 401


@pytest.mark.parametrize("given", [
    token({}, key="another key"), token({}, header={"alg": "none"}), token({}, header={"alg": "HS512"}),
    token({}, digest=hashlib.sha512), token({}, header={"typ": "JWT"}),
    token({"exp": time.time() - 1}), token({"exp": "tomorrow"}), token({"nbf": time.time() + 1e6}),
    token({"access": "rw"}), token({"access": 5}), token({"access": {"collection": "a"}}),
    token({"access": [{"collection": "a"}]}), token({"access": [{"collection": "a", "access": "m"}]}),
    token({"access": [{"collection": "a", "access": "r", "payload": {"n": 1}}]}),
    token({"value_exists": {"collection": "users"}}), token({"value_exists": 1}),
    token({"value_exists": {"collection": "users", "matches": [{"key": "name"}]}}),
    token(b"[]"), token(b"{"), token(b""), token({})[:-1], token({}) + "A", token({}).rsplit(".", 1)[0],
    token({}).rsplit(".", 1)[0] + ".", "a.b.c", "..", ".", token({"pad": "x" * 9000}),
    token({"access": "r"}).split(".")[0] + "." + token({}).split(".")[1] + "."
    + token({"access": "r"}).split(".")[2]], ids=lambda text: text[-24:])
def test_what_is_no_token(server, given):
    answer = ask(server, given, *COUNT)
    assert (answer.status_code, answer.text) == (401, "Invalid API key or JWT")


def test_until_it_expires(server):
    claims = {"exp": time.time() + 5}
    assert ask(server, claims, *COUNT).status_code == 200
    time.sleep(claims["exp"] - time.time() + 1.1)
    assert ask(server, claims, *COUNT).status_code == 401


def test_the_official_client_with_a_token(server):
    client = QdrantClient(url=server.url, api_key=token(of("a", "r")))
    assert client.query_points("a", query=[1, 2]).points[0].id == 1
    with pytest.raises(UnexpectedResponse, match="Forbidden"):
        client.upsert("a", points=[models.PointStruct(id=2, vector=[1, 2])])
    client.close()


def test_tokens_are_not_taken_unless_asked_for(binary, home, tmp_path):
    with serving(binary, home, tmp_path, env={"LATENT_API_KEY": KEY}) as s:
        assert ask(s, {}, "GET", "/collections").status_code == 401
    err = Latent(binary, tmp_path, home)("serve", "--jwt-rbac", code=1).err
    assert "tokens need an API key" in err
