# SPDX-License-Identifier: Apache-2.0
"""Settings of `latent serve`: options, two families of variables, a file, and which of them counts."""
import json

import pytest
import requests

from conftest import Latent
from serving import serving


def shown(latent, *options, env=None):
    """{name: (key, value, source)} as --print-config says it."""
    lines = latent("serve", "--print-config", *options, env=env).out.splitlines()
    return {name: (key, value, source) for name, key, value, source in
            (line.split(None, 3) for line in lines)}


@pytest.fixture
def file(tmp_path):
    def write(what):
        path = tmp_path / "config.json"
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return path
    return write


def test_the_order_of_precedence(latent, file):
    path = file({"service": {"http_port": 1}})
    env = {"QDRANT__SERVICE__HTTP_PORT": "2", "LATENT_PORT": "3"}
    for options, more, want in (
            ((), {}, ("6333", "default")), (("--config", path), {}, ("1", str(path))),
            (("--config", path), {"QDRANT__SERVICE__HTTP_PORT": "2"},
             ("2", "QDRANT__SERVICE__HTTP_PORT")),
            (("--config", path), env, ("3", "LATENT_PORT")),
            (("--config", path, "--port", "4"), env, ("4", "option")),
            ((), {"LATENT_PORT": ""}, ("6333", "default"))):
        key, *got = shown(latent, *options, env=more)["port"]
        assert (key, *got) == ("service.http_port", *want)


def test_every_setting_in_every_place(latent, file):
    """Each setting gets another value by its variable of either family, and by the file."""
    for name, (key, value, _) in shown(latent).items():
        if name == "data":
            continue
        other = {"false": "true"}.get(value, "7" if value.isdigit() else "/x")
        seen = "(secret)" if "api-key" in name else other
        variables = ("LATENT_" + name.upper().replace("-", "_"),
                     "QDRANT__" + key.upper().replace(".", "__"))
        for variable in variables:
            assert shown(latent, env={variable: other})[name] == (key, seen, variable)
        section, _, member = key.partition(".")
        path = file({section: {member: other if other == "/x" else json.loads(other)}})
        assert shown(latent, "--config", path)[name] == (key, seen, str(path))


def test_bad_settings(latent, file):
    for what, message in (
            ({"service": {"http_prt": 1}}, "service.http_prt: there is no such setting"),
            ({"service": 5}, "service: there is no such setting"),
            ({"service": {"http_port": "1"}}, "service.http_port: a number is expected, not string"),
            ({"service": {"http_port": 65536}}, "'65536': a number from 0 to 65535 is expected"),
            ({"service": {"http_port": -1}}, "a number is expected"),
            ({"service": {"host": 1}}, "service.host: a string is expected"),
            ({"latent": {"insecure": 1}}, "latent.insecure: true or false is expected"),
            ('{"service": {', "line 1"), ("[]", "a JSON object"), ("", "config.json")):
        path = file(what)
        result = latent("serve", "--print-config", "--config", path, code=1)
        assert str(path) in result.err and message in result.err, result.err
    assert "/none: No such file" in latent("serve", "--config", "/none", code=3).err
    for variable, value, message in (
            ("LATENT_PORT", "x", "'x': a number from 0 to 65535"),
            ("LATENT_WORKERS", "0", "a number from 1 to 512"),
            ("QDRANT__SERVICE__HTTP_PORT", "1e3", "a number from 0 to 65535"),
            ("LATENT_INSECURE", "yes", "true or false is expected")):
        err = latent("serve", env={variable: value}, code=1).err
        assert f"{variable}: " in err and message in err, err


def test_a_server_set_by_its_environment(binary, home, tmp_path):
    """As a user of Qdrant's container would."""
    env = {"QDRANT__SERVICE__API_KEY": "all", "QDRANT__SERVICE__READ_ONLY_API_KEY": "read",
           "QDRANT__SERVICE__MAX_REQUEST_SIZE_MB": "1"}
    with serving(binary, home, tmp_path, env=env) as s:
        url = s.url + "/collections"
        assert requests.get(url, timeout=30).status_code == 401
        assert requests.get(url, headers={"api-key": "read"}, timeout=30).status_code == 200
        answer = requests.post(url + "/c/points/count", data=b" " * (2 << 20), timeout=30,
                               headers={"api-key": "all", "Content-Type": "application/json"})
        assert answer.status_code == 400 and "larger than 1048576" in answer.text


def test_the_data_directory(binary, home, tmp_path):
    latent = Latent(binary, tmp_path / "unused", home)
    del latent.env["LATENT_DATA"]
    assert shown(latent)["data"][1:] == ("-", "default")
    assert shown(latent, env={"QDRANT__STORAGE__STORAGE_PATH": "/q"})["data"][1] == "/q"
    assert shown(latent, env={"QDRANT__STORAGE__STORAGE_PATH": "/q", "LATENT_DATA": "/l"})["data"][1:] \
        == ("/l", "LATENT_DATA")
    assert shown(latent, "--data", "/o", env={"LATENT_DATA": "/l"})["data"][1:] == ("/o", "option")
