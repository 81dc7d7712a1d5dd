# SPDX-License-Identifier: Apache-2.0
"""Snapshots over Qdrant's interface: made, listed, downloaded, deleted, recovered from."""
import hashlib
import io
import os
import threading

import pytest
import requests
from qdrant_client import QdrantClient, models

from serving import serving


@pytest.fixture
def server(binary, home, tmp_path):
    with serving(binary, home, tmp_path / "data") as s:
        yield s


@pytest.fixture
def client(server):
    c = QdrantClient(url=server.url)
    c.create_collection("kept", vectors_config=models.VectorParams(size=3, distance="Dot"),
                        metadata={"of": "me"})
    c.upsert("kept", points=models.Batch(ids=list(range(100)), vectors=[[i, 1, 2] for i in range(100)],
                                         payloads=[{"n": i} for i in range(100)]))
    c.create_payload_index("kept", "n", "integer")
    yield c
    c.close()


def everything(client, collection="kept"):
    return (client.scroll(collection, limit=1000, with_vectors=True),
            client.get_collection(collection).config, client.get_collection(collection).payload_schema)


def upload(server, data, collection="kept", query="", field="snapshot", **more):
    return requests.post(f"{server.url}/collections/{collection}/snapshots/upload{query}",
                         files={field: ("a.snapshot", data)}, timeout=60, **more)


def download(server, name, collection="kept"):
    return requests.get(f"{server.url}/collections/{collection}/snapshots/{name}", timeout=60)


def expect(answer, status, message):
    assert answer.status_code == status, answer.text
    assert message in answer.json()["status"]["error"], answer.text


def test_there_and_back(server, client):
    before = everything(client)
    made = client.create_snapshot("kept")
    assert [s.name for s in client.list_snapshots("kept")] == [made.name]
    got = download(server, made.name)
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert (len(got.content), hashlib.sha256(got.content).hexdigest()) == (made.size, made.checksum)

    client.delete("kept", points_selector=list(range(50)))
    client.update_collection_aliases([models.CreateAliasOperation(
        create_alias=models.CreateAlias(collection_name="kept", alias_name="also"))])
    answer = upload(server, got.content, query=f"?priority=snapshot&checksum={made.checksum}")
    assert answer.json()["result"] is True
    assert everything(client) == before == everything(client, "also")
    client.upsert("kept", points=[models.PointStruct(id=1000, vector=[1, 2, 3])])
    assert client.count("kept").count == 101
    # Under another name, also without the one that it was made of.
    client.delete_collection("kept")
    assert upload(server, got.content, "other", "?wait=false").status_code == 202
    assert everything(client, "other") == before


def test_recover_from_a_file_here(server, client, tmp_path):
    before = everything(client)
    made = client.create_snapshot("kept")
    path = tmp_path / "data" / "snapshots" / "kept" / made.name
    assert path.stat().st_size == made.size
    client.delete("kept", points_selector=[5])
    assert client.recover_snapshot("kept", location=f"file://{path}", checksum=made.checksum)
    assert everything(client) == before
    assert client.recover_snapshot("second", location=f"file://{path}")
    assert everything(client, "second") == before
    assert client.delete_snapshot("kept", made.name)
    assert client.list_snapshots("kept") == []


def test_what_lies_elsewhere_is_left_alone(server, client, tmp_path):
    made = client.create_snapshot("kept")
    outside = tmp_path / "outside.snapshot"
    outside.write_bytes(download(server, made.name).content)
    snapshots = tmp_path / "data" / "snapshots"
    os.symlink(outside, snapshots / "kept" / "link.snapshot")
    url = f"{server.url}/collections/kept/snapshots"
    for location in (f"file://{outside}", f"file://{snapshots}/../../outside.snapshot",
                     f"file://{snapshots}/%2e%2e/%2e%2e/outside.snapshot",
                     f"file://{snapshots}/kept/link.snapshot", "file:///etc/passwd",
                     f"file://{snapshots}", "file://"):
        expect(requests.put(url + "/recover", json={"location": location}, timeout=30), 403, "Forbidden")
    for location in ("http://127.0.0.1:1/x", "https://example.org/x", str(outside), ""):
        expect(requests.put(url + "/recover", json={"location": location}, timeout=30), 400, "location")
    for name in ("..%2F..%2Fcatalog.mdb", "%2Fetc%2Fpasswd", "none", "..%2Fkept%2F" + made.name):
        expect(download(server, name), 404, "not found")
        expect(requests.delete(f"{url}/{name}", timeout=30), 404, "not found")
    assert client.count("kept").count == 100


def test_what_is_no_snapshot(server, client):
    before = everything(client)
    made = client.create_snapshot("kept")
    good = download(server, made.name).content
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 1
    for data in (b"", b"hello", good[:-1000], bytes(damaged), os.urandom(5000)):
        answer = upload(server, data)
        expect(answer, 400, "Wrong input: ")
        assert "snapshot" in answer.text and "/proc" not in answer.text, answer.text
    expect(upload(server, good, query="?checksum=" + "0" * 64), 400, "checksum")
    expect(upload(server, good, query="?priority=mine"), 400, "priority")
    expect(upload(server, good, field="file"), 400, "no field `snapshot`")
    expect(upload(server, good, "a%3Cb"), 422, "collection_name")
    url = f"{server.url}/collections/kept/snapshots/upload"
    expect(requests.post(url, data=good, timeout=30), 400, "multipart/form-data is expected, not none")
    expect(requests.post(url, data=b"x", headers={"Content-Type": "multipart/form-data"}, timeout=30),
           400, "without a boundary")
    expect(requests.post(url, files=[("snapshot", good), ("snapshot", good)], timeout=30), 400,
           "two fields `snapshot`")
    expect(requests.post(f"{server.url}/collections/none/snapshots", timeout=30), 404, "`none`")
    expect(requests.get(f"{server.url}/collections/none/snapshots", timeout=30), 404, "`none`")
    assert everything(client) == before


def test_uploads_larger_than_a_body_may_be(binary, home, tmp_path):
    """A form goes to disk as it comes: neither the limit of bodies nor memory holds it up."""
    with serving(binary, home, tmp_path, "--max-body", "1") as s:
        before = s.memory()
        answer = upload(s, io.BytesIO(os.urandom(1 << 20) * 80))
        expect(answer, 400, "the snapshot: ")
        assert s.memory() - before < 32 << 20
        assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size > 16 << 20]


def test_reads_go_on_while_a_collection_is_replaced(server, client):
    made = client.create_snapshot("kept")
    data = download(server, made.name).content
    stop, wrong = threading.Event(), []

    def read():
        session = requests.Session()
        while not stop.is_set():
            answer = session.post(f"{server.url}/collections/kept/points/count", json={}, timeout=30)
            if answer.status_code != 200 or answer.json()["result"]["count"] != 100:
                wrong.append(answer.text)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        assert upload(server, data).json()["result"] is True
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong, wrong[:3]
