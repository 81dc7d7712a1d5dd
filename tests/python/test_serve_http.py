# SPDX-License-Identifier: Apache-2.0
"""`latent serve` against clients that are slow, half open, rude or gone, and its clean end."""
import base64
import concurrent.futures
import io
import json
import signal
import socket
import ssl
import subprocess
import time

import PIL.Image
import pytest
import requests

from serving import Server, serving

TEXT = {"model": "latent", "prompt": "a dog", "representation": "query"}


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    """Few workers, so that a held one is noticed."""
    with serving(binary, home, tmp_path_factory.mktemp("http"), "--workers", "2") as s:
        yield s


def connect(server):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def request(body, path="/semantic_embed", more=""):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n{more}\r\n").encode() + data


def read_answer(file):
    """Status and body of the next answer."""
    line = file.readline()
    if not line:
        return None, b""
    headers = {}
    while (header := file.readline().strip()):
        name, _, value = header.partition(b":")
        headers[name.lower()] = value.strip()
    return int(line.split()[1]), file.read(int(headers.get(b"content-length", 0)))


def answer(sock):
    """Status and body of the one answer that a raw connection holds."""
    return read_answer(sock.makefile("rb"))


def embed(server, **more):
    reply = requests.post(server.url + "/semantic_embed", json=TEXT, timeout=30, **more)
    assert reply.status_code == 200, reply.text
    return reply.json()["embedding"]


def test_slow_and_half_open_clients_hold_no_worker(server):
    """Two hundred connections that stall at every point, and two workers: texts go on."""
    whole = request(TEXT)
    stalls = [b"", b"POST /semantic", whole[:60], whole[:-1], whole[:len(whole) // 2],
              request(b"x" * 100000)[:5000]]
    held = []
    try:
        for i in range(200):
            held.append(connect(server))
            held[-1].sendall(stalls[i % len(stalls)])
        for sock in held[3::6]:
            assert sock.fileno() >= 0
        began = time.monotonic()
        for _ in range(20):
            assert len(embed(server)) == 384
        assert time.monotonic() - began < 10
        # One that was slow is answered when it is done.
        held[3].sendall(whole[-1:])
        status, body = answer(held[3])
        assert status == 200 and json.loads(body)["embedding"] == embed(server)
    finally:
        for sock in held:
            sock.close()


def test_reader_that_does_not_read(server):
    """Answers that nobody takes hold no worker."""
    batch = request({**TEXT, "prompts": ["a dog"] * 40}, "/batch_semantic_embed")
    held = []
    try:
        for _ in range(8):
            sock = connect(server)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(batch)
            held.append(sock)
        for _ in range(10):
            embed(server)
    finally:
        for sock in held:
            sock.close()


def test_clients_that_go(server):
    """Whoever hangs up in the middle, the others are served."""
    for i in range(60):
        sock = connect(server)
        data = request(TEXT)
        sock.sendall(data[:len(data) * i // 50])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # with a reset
        sock.close()
    assert len(embed(server)) == 384


def test_pipelined_and_kept_connections(server):
    sock = connect(server)
    for _ in range(30):
        sock.sendall(request(TEXT))
        assert answer(sock)[0] == 200
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as two:
        two.sendall(request(TEXT) + request({**TEXT, "prompt": "a cat"}))
        file = two.makefile("rb")
        bodies = []
        for _ in range(2):
            status, body = read_answer(file)
            assert status == 200
            bodies.append(json.loads(body)["embedding"])
        assert bodies[0] != bodies[1]
    sock.close()


def test_wild_bytes(server):
    post = b"POST /semantic_embed HTTP/1.1\r\nHost: x\r\n"
    for data in (b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"\x16\x03\x01\x02" * 50, b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 post + b"Content-Length: -5\r\n\r\n",
                 post + b"Content-Length: 99999999999999999999999\r\n\r\n",
                 post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"):
        with connect(server) as sock:
            sock.settimeout(1)  # what may still become a request is waited for
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                status, _ = answer(sock)
            except OSError:  # reset, closed or still waited for
                status = None
            assert status is None or status >= 400, data[:60]
    assert len(embed(server)) == 384


def test_expect_and_chunked(server):
    """curl asks before it sends much; a body may come in chunks."""
    sock = connect(server)
    data = json.dumps(TEXT).encode()
    head = request(TEXT, more="Expect: 100-continue\r\n")[:-len(data)]
    sock.sendall(head)
    assert sock.recv(100).startswith(b"HTTP/1.1 100")
    sock.sendall(data)
    assert answer(sock)[0] == 200
    sock.close()
    reply = requests.post(server.url + "/semantic_embed", timeout=30,
                          data=(data[i:i + 7] for i in range(0, len(data), 7)))
    assert reply.status_code == 200
    refused = connect(server)
    refused.sendall(b"POST /semantic_embed HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n"
                    b"Expect: 100-continue\r\n\r\n")
    assert answer(refused)[0] == 413
    refused.close()


def test_browsers(server):
    reply = requests.options(server.url + "/semantic_embed", timeout=30)
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    reply = requests.options(server.url + "/collections", timeout=30, headers={
        "Origin": "https://example.org", "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "api-key,x-anything"})
    assert (reply.status_code, reply.headers["Access-Control-Allow-Headers"]) == (
        200, "api-key,x-anything")
    head = requests.head(server.url + "/version", timeout=30)
    assert head.status_code == 200 and head.content == b""


def slow_picture():
    out = io.BytesIO()
    PIL.Image.new("L", (9000, 9000)).save(out, "PNG")
    return {**TEXT, "prompt": [{"type": "image", "data": base64.b64encode(out.getvalue()).decode()}]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_answers_what_is_under_way(binary, home, tmp_path, number):
    server = Server(binary, home, tmp_path)
    idle = connect(server)
    half = connect(server)
    half.sendall(request(TEXT)[:-3])
    picture = slow_picture()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(requests.post, server.url + "/semantic_embed", json=picture,
                               timeout=60) for _ in range(6)]
        time.sleep(0.5)
        began = time.monotonic()
        server.stop(number)
        assert time.monotonic() - began < 15
        for reply in waiting:
            assert reply.result().status_code == 200
            assert len(reply.result().json()["embedding"]) == 384
    with pytest.raises(requests.ConnectionError):
        embed(server)
    idle.close()
    half.close()


def test_stop_does_not_wait_for_ever(binary, home, tmp_path):
    """What cannot be done in ten seconds is told to come again."""
    server = Server(binary, home, tmp_path, "--workers", "1")
    picture = slow_picture()
    picture = {**picture, "prompts": [picture["prompt"]] * 30}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(requests.post, server.url + "/batch_semantic_embed", json=picture,
                               timeout=120) for _ in range(4)]
        time.sleep(0.5)
        began = time.monotonic()
        server.stop(timeout=100)
        assert time.monotonic() - began < 30
        statuses = [w.result().status_code for w in waiting]
        assert set(statuses) <= {200, 503} and 503 in statuses
        busy = next(w.result() for w in waiting if w.result().status_code == 503)
        assert busy.json()["code"] == "QUEUE_FULL"


def test_tls(binary, home, tmp_path):
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
         tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl cannot make a certificate")
    with serving(binary, home, tmp_path / "data", "--tls-cert", tmp_path / "cert.pem", "--tls-key",
                 tmp_path / "key.pem", scheme="https") as s:
        assert len(embed(s, verify=str(tmp_path / "cert.pem"))) == 384
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with socket.create_connection(("127.0.0.1", s.port), timeout=30) as raw, \
                context.wrap_socket(raw, server_hostname="localhost") as tls:
            assert tls.version() in ("TLSv1.2", "TLSv1.3")
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"http://127.0.0.1:{s.port}/version", timeout=30)
