# SPDX-License-Identifier: Apache-2.0
"""docs/COMPATIBILITY.md against Qdrant's REST description, the server's table of routes and the
server itself: nothing is left out, and nothing is said of a path that is not so."""
import json
import re

import pytest
import requests

from conftest import ROOT
from serving import OPENAPI, serving

ROW = re.compile(r"^\| `([A-Z]+) (/[^`]*)` \| (yes|partial|no) \|(.*)\|$", re.M)
ROUTE = re.compile(r'^    (?:READ|WRITE|MANAGE|LIST|UPLOAD)\("([A-Z]+)", "([^"]+)"', re.M)
HEALTH = ("/", "/healthz", "/livez", "/readyz", "/metrics")  # in router.c


def rows():
    """(method, path): (yes, partial or no; why)."""
    text = (ROOT / "docs" / "COMPATIBILITY.md").read_text()
    found = ROW.findall(text)
    assert len(found) == len(re.findall(r"^\| `[A-Z]", text, re.M)), "a row has another form"
    table = {(method, path): (answer, why.strip()) for method, path, answer, why in found}
    assert len(table) == len(found), "an operation is there twice"
    return table


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("compatibility")) as s:
        yield s


def test_every_operation_of_the_description_is_listed():
    if not OPENAPI.exists():
        pytest.skip(f"{OPENAPI} is not there (LT_QDRANT_OPENAPI names it)")
    described = {(method.upper(), path)
                 for path, methods in json.loads(OPENAPI.read_text())["paths"].items()
                 for method in methods if method in ("get", "put", "post", "patch", "delete")}
    assert len(described) > 60
    assert described <= rows().keys(), described - rows().keys()


def test_the_list_says_what_the_router_has():
    routes = set(ROUTE.findall((ROOT / "server/rest/qdrant_routes.c").read_text()))
    routes |= {("GET", path) for path in HEALTH}
    listed = {(method, re.sub(r"\{[^}]*\}", "*", path))
              for (method, path), (answer, _) in rows().items() if answer != "no"}
    assert routes == listed, (routes - listed, listed - routes)


def test_what_differs_is_said():
    silent = [key for key, (answer, why) in rows().items() if answer != "yes" and not why]
    assert not silent


@pytest.mark.parametrize("key", rows(), ids=" ".join)
def test_a_path_is_served_or_not_as_listed(server, key):
    method, path = key
    answer = requests.request(method, server.url + re.sub(r"\{[^}]*\}", "1", path), timeout=30)
    unknown = answer.status_code in (404, 405) and not answer.content
    assert unknown == (rows()[key][0] == "no"), (answer.status_code, answer.text)
