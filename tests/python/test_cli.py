# SPDX-License-Identifier: Apache-2.0
"""Drives the program as a user does: every command, bad input, interruption, two processes."""
import io
import json
import math
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import zlib

import numpy
import pytest
from PIL import Image

from conftest import LONG, ROOT, Latent

pytestmark = pytest.mark.filterwarnings("error")

EXIT_INPUT, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_BUSY, EXIT_FAILED = 1, 2, 3, 4, 5


def colour(path, rgb, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, rgb).save(path)
    return path


def many_pictures(folder, n):
    """n small pictures, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(n)
    for i in range(n):
        picture = Image.new("RGB", (8, 6))
        picture.putdata([tuple(rng.randrange(256) for _ in range(3)) for _ in range(48)])
        picture.resize((96, 72), Image.BICUBIC).save(folder / f"p{i:04d}.png")


def png_bomb(path, side=30000):
    """A valid PNG of side x side black pixels in a few kilobytes (1 bit a pixel, deflated)."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)
                     + chunk(b"IEND", b""))
    return path


def events(result, kind):
    return [e for e in map(json.loads, result.stdout.splitlines()) if e["event"] == kind]


def read_events(process, wanted, seconds=60):
    """Reads events line by line until wanted(event); returns all of them."""
    seen, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        line = process.stdout.readline()
        assert line, f"ended early: {process.stderr.read().decode()}"
        seen.append(json.loads(line))
        if wanted(seen[-1]):
            return seen
    raise AssertionError(f"not within {seconds} s: {seen[-3:]}")


# ---- index ------------------------------------------------------------------------------------


def test_index_and_summary(latent, photos):
    n = sum(1 for _ in photos.rglob("*.png"))
    result = latent("index", photos)
    assert re.fullmatch(rf"{n} pictures: {n} added, 0 unchanged, in .*\n", result.out)
    assert "\033" not in result.out + result.err
    again = latent("index", photos)
    assert again.out.startswith(f"{n} pictures: 0 added, {n} unchanged")
    assert latent.points() == {str(p) for p in photos.rglob("*.png")}


def test_index_json_events(latent, photos):
    result = latent("index", "--json", photos)
    stored = {e["filename"] for e in events(result, "stored")}
    assert stored == {str(p) for p in photos.rglob("*.png")} == latent.points()
    (summary,) = events(result, "summary")
    assert summary["added"] == summary["found"] == summary["done"] == len(stored)
    assert summary["failed"] == summary["unchanged"] == summary["removed"] == 0
    assert summary["stopped"] is False
    assert not result.err


def test_index_changed_and_touched(latent, tmp_path):
    a = colour(tmp_path / "p" / "a.png", (255, 0, 0))
    b = colour(tmp_path / "p" / "b.png", (0, 0, 255))
    latent("index", tmp_path / "p")
    colour(a, (0, 255, 0), (30, 30))
    os.utime(b, (1e9, 1e9))
    (summary,) = events(latent("index", "--json", tmp_path / "p"), "summary")
    assert (summary["added"], summary["unchanged"]) == (1, 1)
    payloads = {h["filename"]: h["payload"] for h in latent.json("search", "green")}
    assert (payloads[str(a)]["width"], payloads[str(a)]["height"]) == (30, 30)
    assert payloads[str(b)]["mtime"].startswith("2001-09-09T01:46:40")


def test_index_one_file_and_relative_paths(latent, tmp_path):
    a = colour(tmp_path / "p" / "a.png", (255, 0, 0))
    colour(tmp_path / "p" / "b.png", (0, 0, 255))
    latent("index", "./../p/a.png", cwd=tmp_path / "p")
    assert latent.points() == {str(a)}
    latent("index", ".", cwd=tmp_path / "p")
    assert len(latent.points()) == 2


def test_index_exclude(latent, tmp_path):
    for name in ("keep/a.png", "thumbs/b.png", "keep/tmp-c.png"):
        colour(tmp_path / "p" / name, (9, 9, 9))
    latent("index", tmp_path / "p", "--exclude", "thumbs", "-x", "tmp-*")
    assert latent.points() == {str(tmp_path / "p" / "keep" / "a.png")}


def test_index_prune(latent, tmp_path):
    a = colour(tmp_path / "p" / "a.png", (255, 0, 0))
    b = colour(tmp_path / "p" / "b.png", (0, 0, 255))
    other = colour(tmp_path / "q" / "c.png", (0, 255, 0))
    latent("index", tmp_path / "p", tmp_path / "q")
    b.unlink()
    other.unlink()
    latent("index", tmp_path / "p")
    assert len(latent.points()) == 3
    result = latent("index", "--prune", tmp_path / "p")
    assert "1 removed" in result.out
    # What lies elsewhere is not looked at.
    assert latent.points() == {str(a), str(other)}


def test_index_quiet(latent, photos):
    result = latent("index", "-q", photos)
    assert result.out == result.err == ""


def test_index_collections(latent, photos, tmp_path):
    latent("--collection", "one", "index", photos / "fruit")
    latent("index", photos / "animals", "--collection=two")
    assert len(latent.names("x", "-k", "99", "--collection", "one")) == 12
    result = latent("search", "x", code=EXIT_NOT_FOUND)
    assert "no collection 'photos'" in result.err and "one, two" in result.err


def test_failures_are_listed(latent, tmp_path):
    p = tmp_path / "p"
    good = colour(p / "good.png", (10, 200, 30))
    (p / "empty.jpg").touch()
    (p / "paper.jpg").write_bytes(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n")
    (p / "cut.png").write_bytes(good.read_bytes()[:60])
    png_bomb(p / "bomb.png")
    (p / "gone.jpg").symlink_to(p / "nowhere.jpg")
    result = latent("index", p)
    assert result.out.startswith("6 pictures: 1 added, 0 unchanged, 5 failed")
    lines = result.err.splitlines()
    assert lines[0] == "not indexed:"
    reasons = dict(line.strip().split(": ", 1) for line in lines[1:])
    assert set(reasons) == {str(p / n) for n in
                            ("empty.jpg", "paper.jpg", "cut.png", "bomb.png", "gone.jpg")}
    assert all(reasons.values()) and len(set(reasons.values())) == 5
    assert latent.points() == {str(good)}

    result = latent("index", "--json", "--fail-on-error", p, code=EXIT_INPUT)
    failed = {e["filename"]: e for e in events(result, "failed")}
    assert set(failed) == set(reasons)
    assert failed[str(p / "bomb.png")]["code"] == "LT_ELIMIT"
    assert failed[str(p / "gone.jpg")]["code"] == "LT_ENOTFOUND"
    assert failed[str(p / "empty.jpg")]["code"] == "LT_EINVAL"
    (summary,) = events(result, "summary")
    assert (summary["failed"], summary["unchanged"]) == (5, 1)


def test_bomb_is_cheap(latent, tmp_path):
    bomb = png_bomb(tmp_path / "bomb.png")
    assert bomb.stat().st_size < 1_000_000
    began = time.monotonic()
    latent("search", "--image", bomb, code=EXIT_NOT_FOUND)  # no index: nothing is decoded
    latent("index", bomb)
    assert time.monotonic() - began < 30
    assert "bomb.png" in latent("embed", bomb, code=EXIT_INPUT).out


def test_folder_missing_empty_unreadable(latent, tmp_path):
    result = latent("index", tmp_path / "nope", code=EXIT_NOT_FOUND)
    assert result.err == f"latent: {tmp_path}/nope: No such file or directory\n"
    assert not latent.data.exists(), "nothing is made for a mistyped path"
    (tmp_path / "empty").mkdir()
    result = latent("index", tmp_path / "empty")
    assert "0 pictures" in result.out and "no pictures were found" in result.out


@pytest.fixture
def somebody(latent):
    """The program run by a user who may not read everything."""
    if os.geteuid() != 0:
        yield latent, {}
        return
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        latent("version", **as_nobody)
    except (PermissionError, AssertionError):
        pytest.skip("user 65534 may not run the program")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        latent.data = pathlib.Path(folder, "data")
        latent.env.update(LATENT_DATA=str(latent.data), HOME=folder,
                          XDG_CACHE_HOME=folder + "/cache")
        yield latent, as_nobody


def test_unreadable(somebody):
    latent, user = somebody
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        locked, half = pathlib.Path(folder, "locked"), pathlib.Path(folder, "half")
        colour(locked / "a.png", (1, 2, 3))
        good = colour(half / "good.png", (200, 2, 3))
        secret = colour(half / "secret.png", (1, 200, 3))
        colour(half / "in" / "x.png", (1, 2, 200))
        for path in (locked, secret, half / "in"):
            path.chmod(0)
        try:
            assert "Permission denied" in latent("index", locked, code=EXIT_FAILED, **user).err
            result = latent("index", half, **user)
            assert result.out.startswith("3 pictures: 1 added, 0 unchanged, 2 failed")
            assert f"{secret}: Permission denied" in result.err
            assert f"{half / 'in'}: Permission denied" in result.err
            (hit,) = latent.json("search", "x", **user)
            assert hit["filename"] == str(good)
            result = latent("search", "--image", secret, code=EXIT_FAILED, **user)
            assert "Permission denied" in result.err
            latent.data.chmod(0o555)
            assert latent("index", half, **user)  # it is there already: nothing new to make
            latent.env["LATENT_DATA"] = "/proc/latent"
            assert latent("index", half, code=EXIT_FAILED, **user).err
        finally:
            for path in (locked, half / "in"):
                path.chmod(0o755)


def test_loops_of_links(latent, tmp_path):
    p = tmp_path / "p"
    a = colour(p / "a" / "x.png", (200, 0, 0))
    (p / "a" / "up").symlink_to(p)
    (p / "self").symlink_to("self")
    (p / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "q").mkdir()
    b = colour(tmp_path / "q" / "y.png", (0, 200, 0))
    (p / "q").symlink_to(tmp_path / "q")
    (summary,) = events(latent("index", "--json", p), "summary")
    assert (summary["added"], summary["failed"]) == (1, 1)  # self.jpg leads nowhere
    (summary,) = events(latent("index", "--json", "--follow-links", p), "summary")
    assert (summary["added"], summary["unchanged"]) == (1, 1)
    assert latent.points() == {str(a), str(p / "q" / b.name)}


ODD_NAMES = [b"two\nlines.png", b"tab\tand \x1b[31mred.png", b"\xff\xfe not utf8.png",
             "ünïcode 写真 🐶.png".encode(), b"-dash.png", b"quote'\"<b>.png", b"per%cent.png"]


def test_odd_names(latent, tmp_path):
    folder = os.fsencode(tmp_path / "odd")
    os.mkdir(folder)
    for i, name in enumerate(ODD_NAMES):
        with open(os.path.join(folder, name), "wb") as file:
            Image.new("RGB", (40, 40), (i * 30, 255 - i * 30, 99)).save(file, "PNG")
    (summary,) = events(latent("index", "--json", folder), "summary")
    assert (summary["added"], summary["failed"]) == (len(ODD_NAMES), 0)

    hits = latent.json("search", "colour", "-k", "20")
    exact = {bytes.fromhex(h["payload"]["filename_hex"]) if "filename_hex" in h["payload"]
             else h["filename"].encode() for h in hits}
    assert exact == {os.path.join(folder, n) for n in ODD_NAMES}

    shown = latent("search", "colour", "-k", "20", "--min-relevance", "0").out
    assert len(shown.splitlines()) == len(ODD_NAMES)
    assert "\033" not in shown and "\\x1b[31mred" in shown
    assert "two\\nlines.png" in shown and "\\xff\\xfe not utf8" in shown

    sheet = tmp_path / "sheet.html"
    latent("search", "<script>alert('x')</script>", "-k", "20", "--min-relevance", "0", "--html",
           sheet)
    page = sheet.read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;" in page
    assert "%FF%FE%20not%20utf8.png" in page and "%0Alines.png" in page

    # Each can be a query and be forgotten by its own name.
    for name in ODD_NAMES:
        path = os.path.join(folder, name)
        (best,) = latent.json("search", "--image", path, "-k", "1")
        assert best["score"] > 0.999
        latent("forget", "--yes", "--", path)
    assert latent.points() == set()


def test_unchanged_index_is_quick(latent, tmp_path):
    many_pictures(tmp_path / "p", 300)
    latent("index", tmp_path / "p")
    began = time.monotonic()
    latent("index", tmp_path / "p")
    assert time.monotonic() - began < 3


# ---- interruption -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_keeps_what_was_stored(latent, tmp_path, number):
    many_pictures(tmp_path / "p", 400)
    process = latent.start("index", "--json", tmp_path / "p")
    seen = read_events(process, lambda e: e["event"] == "stored")
    process.send_signal(number)
    rest, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    seen += map(json.loads, rest.splitlines())
    assert seen[-1]["event"] == "summary" and seen[-1]["stopped"] is True
    assert not err
    stored = {e["filename"] for e in seen if e["event"] == "stored"}
    assert 0 < len(stored) < 400
    assert latent.points() == stored
    (summary,) = events(latent("index", "--json", tmp_path / "p"), "summary")
    assert summary["added"] == 400 - len(stored) and summary["unchanged"] == len(stored)


def test_killed_at_random(latent, tmp_path):
    """Everything that was reported as stored is there afterwards; the rest is picked up."""
    n, kills = (600, 50) if LONG else (150, 5)
    many_pictures(tmp_path / "p", n)
    rng = random.Random(int(os.environ.get("LT_SEED", "7")))
    reported = set()
    for _ in range(kills):
        process = latent.start("index", "--json", tmp_path / "p")
        time.sleep(rng.uniform(0.02, 1.2))
        process.kill()
        out, _ = process.communicate(timeout=60)
        for line in out.splitlines(keepends=True):
            if line.endswith(b"\n"):
                event = json.loads(line)
                reported |= {event["filename"]} if event["event"] == "stored" else set()
        if reported:
            assert reported <= latent.points()
    latent("index", tmp_path / "p")
    assert latent.points() == {str(p) for p in (tmp_path / "p").iterdir()}
    (summary,) = events(latent("index", "--json", tmp_path / "p"), "summary")
    assert summary["unchanged"] == n


@pytest.fixture
def small_disk(latent):
    """Puts the data directory where little room is: a file system of its own where we may mount
    one, else under a limit on the size of files, which the file of vectors, grown in large steps,
    meets at once. Yields whether something fits, further arguments and what makes room."""
    with tempfile.TemporaryDirectory() as folder:
        latent.data = pathlib.Path(folder, "data")
        latent.env["LATENT_DATA"] = str(latent.data)
        mount = ["mount", "-t", "tmpfs", "-o"]
        mounted = os.geteuid() == 0 and subprocess.run(
            [*mount, "size=400k", "tmpfs", folder], capture_output=True).returncode == 0
        limit = {}
        if not mounted:
            def few_bytes():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
            limit["preexec_fn"] = few_bytes
        try:
            yield mounted, limit, lambda: mounted and subprocess.run(
                [*mount, "remount,size=64m", "tmpfs", folder], check=True)
        finally:
            if mounted:
                subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_while_indexing(latent, small_disk, tmp_path):
    """A clear line; what was reported is there and can be searched; with room the rest joins."""
    some_fit, limit, make_room = small_disk
    n = 300
    many_pictures(tmp_path / "p", n)
    latent.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    result = latent("index", "--json", tmp_path / "p", code=EXIT_FAILED, **limit)
    (line,) = result.err.splitlines()
    assert line.startswith(f"latent: {latent.data}/") and (
        "No space left on device" in line or "File too large" in line)
    stored = {e["filename"] for e in events(result, "stored")}
    assert len(stored) < n and bool(stored) == some_fit
    assert latent.points() >= stored  # the disk is still full
    assert latent("index", tmp_path / "p", code=EXIT_FAILED, **limit).err
    assert latent.points() >= stored
    make_room()
    latent("index", tmp_path / "p")
    assert latent.points() == {str(p) for p in (tmp_path / "p").iterdir()}


def test_cache_that_cannot_be_written(latent, photos, tmp_path):
    """Compiled models are kept for speed only: without a cache everything works, slower."""
    (tmp_path / "file").touch()
    latent("index", photos / "fruit", env={"XDG_CACHE_HOME": str(tmp_path / "file")})
    assert len(latent.names("x", "-k", "5")) == 5


def test_watch(latent, tmp_path):
    p = tmp_path / "p"
    first = colour(p / "a.png", (255, 0, 0))
    process = latent.start("index", "--watch", "--json", p)
    try:
        read_events(process, lambda e: e["event"] == "watching")
        added = colour(p / "b.png", (0, 0, 255))
        read_events(process, lambda e: e.get("filename") == str(added))
        deep = colour(p / "new" / "deep" / "c.png", (0, 255, 0))
        read_events(process, lambda e: e.get("filename") == str(deep))
        first.unlink()
        read_events(process, lambda e: e["event"] == "progress" and e["removed"] == 1)
        # Searching works meanwhile; indexing does not, and says who is at it.
        assert latent.points() == {str(added), str(deep)}
        busy = latent("index", p, code=EXIT_BUSY)
        assert str(process.pid) in busy.err and "in use" in busy.err
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["event"] == "summary"


def test_second_signal_ends_at_once(latent, photos):
    process = latent.start("index", "--watch", "--json", photos)
    read_events(process, lambda e: e["event"] == "stored")
    process.send_signal(signal.SIGSTOP)
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=10)
    # Both at once: whether the first was handled before the second came is chance.
    assert process.returncode in (-signal.SIGINT, -signal.SIGTERM, 130, 143)


@pytest.fixture(scope="session")
def builtin_relevance(binary):
    if "LATENT_MODEL" in os.environ:
        pytest.skip("another model than the built-in one is tested")
    path = ROOT / "build" / "model" / "builtin" / "relevance.json"
    return json.loads(path.read_text(encoding="utf-8"))


# ---- search -----------------------------------------------------------------------------------


def test_search_json(indexed, photos):
    hits = indexed.json("search", "an", "animal", "-k", "5")
    assert len(hits) == 5
    for hit in hits:
        assert list(hit) == ["filename", "score", "relevance", "id", "payload"]
        assert pathlib.Path(hit["filename"]).is_file()
        assert hit["payload"]["filename"] == hit["filename"]
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", hit["id"])
        assert hit["payload"]["format"] == "png" and hit["payload"]["size"] > 0
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(indexed.names("x")) == 10, "ten hits where -k is not given"


@pytest.mark.parametrize("words", [
    "fruit to eat", "Früchte zum Essen", "fruits à manger", "frutta da mangiare",
    "fruta para comer"])
def test_search_means_something(indexed, words):
    """Among a dozen animals and a dozen fruits, words for fruits find fruits, in each language."""
    top = indexed.names(words, "-k", "5")
    assert sum("/fruit/" in name for name in top) >= 4, top


def test_search_human_output(indexed):
    lines = indexed("search", "apple", "-k", "3").out.splitlines()
    assert len(lines) == 3
    for rank, line in enumerate(lines, 1):
        assert re.fullmatch(rf" {rank}  [ 1]?[ \d]\d %  -?\d\.\d{{3}}  /.*\.png", line)


def test_search_by_picture(indexed, photos, tmp_path):
    source = sorted((photos / "fruit").iterdir())[3]
    (best,) = indexed.json("search", "--image", source, "-k", "1")
    assert best["filename"] == str(source) and best["score"] > 0.999
    small = tmp_path / "small.jpg"
    with Image.open(source) as picture:
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.convert("RGBA").getchannel("A"))
        flat.resize((picture.width // 2, picture.height // 2)).save(small, quality=70)
    assert indexed.names("--image", small, "-k", "3")[0] == str(source)


def flattened(path):
    with Image.open(path) as picture:
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.convert("RGBA").getchannel("A"))
    return flat


def test_search_by_a_part_of_a_picture(latent, photos, tmp_path):
    """What a picture was cut out of comes first and has relevance 1, while its file is there."""
    files = sorted(photos.rglob("*.png"))
    shutil.copytree(photos, tmp_path / "all")
    latent("index", tmp_path / "all")
    part = tmp_path / "part.jpg"
    for source in files[::5]:
        picture = flattened(source)
        w, h = picture.size
        picture.crop((w // 10, h // 5, w * 4 // 5, h * 9 // 10)).save(part, quality=60)
        best, *others = latent.json("search", "--image", part, "-k", "5")
        copy = tmp_path / "all" / source.relative_to(photos)
        assert best["filename"] == str(copy) and best["relevance"] == 1
        assert all(0 < hit["relevance"] < 1 for hit in others)
        assert [h["score"] for h in others] == sorted((h["score"] for h in others), reverse=True)
        copy.unlink()
        # Another may look just like it: the folder holds several apples a hair apart.
        assert not any(h["relevance"] == 1 and h["filename"] == str(copy)
                       for h in latent.json("search", "--image", part))


def test_search_relevance(indexed, builtin_relevance):
    hits = indexed.json("search", "apple", "-k", "24")
    for hit in hits:
        curve = builtin_relevance["text"]
        expected = 1 / (1 + math.exp(-curve["slope"] * (hit["score"] - curve["center"])))
        assert hit["relevance"] == pytest.approx(expected, abs=2e-3)
    relevance = [hit["relevance"] for hit in hits]
    gaps = [before - after for before, after in zip(relevance, relevance[1:])]
    kept = gaps.index(max(gaps)) + 1
    limit = (relevance[kept - 1] + relevance[kept]) / 2
    assert len(indexed.json("search", "apple", "-k", "24", "--min-relevance", limit)) == kept
    assert "relevance" not in indexed.json("search", "apple", "--minus", "pear")[0], "of mixes"
    result = indexed("search", "apple", "--minus", "pear", "--min-relevance", "0.5",
                     code=EXIT_FAILED)
    assert "relevance is known for one text or one picture" in result.err


def test_search_for_what_is_not_there(indexed, builtin_relevance):
    """Animals and fruits are there. What is below the least relevance is said and not shown."""
    least, refused = builtin_relevance["text"]["least"], 0
    queries = ["a motorbike on a motorway", "ice hockey players", "an office with computers",
               "a laptop", "a steam locomotive", "children in a swimming pool"]
    for query in queries + ["an apple", "ein Elefant", "une pomme rouge"]:
        best = indexed.json("search", query, "-k", "1")[0]["relevance"]
        result = indexed("search", query, "-k", "3")
        if best >= least:
            assert result.out.count("\n") == 3 and not result.err
            continue
        assert query in queries
        refused += 1
        assert result.out == "" and "no picture seems to match" in result.err
        assert f"relevance of {100 * best:.0f} %" in result.err
        assert indexed("search", query, "-k", "3", "--min-relevance", "0").out.count("\n") == 3
    assert refused >= len(queries) // 2


def test_search_without_calibration(latent, photos):
    tiny = ROOT / "tests" / "data" / "models" / "tiny"
    latent("--model", tiny, "index", photos)
    assert "relevance" not in latent.json("search", "ab", "--model", tiny)[0]
    assert re.match(r" 1  -?\d\.\d{3}  /", latent("search", "ab", "--model", tiny).out)
    result = latent("search", "ab", "--model", tiny, "--min-relevance", "0.1", code=EXIT_FAILED)
    assert "calibrated" in result.err


def embedded(program, *args):
    return [numpy.array(line["embedding"]) for line in program.json("embed", *args)]


def test_search_by_parts(indexed, photos):
    """Words, a picture and what is taken away are one vector: the weighted sum, made unit length."""
    source = sorted((photos / "animals").iterdir())[0]
    words, minus, picture = embedded(indexed, "-t", "on grass", "-t", "an animal", source)
    asked = ["on grass", "--image", source, "--minus", "an animal", "-k", "24"]
    for weights, v in (([], words + picture - 0.5 * minus),
                       (["--weight", "image=0.25", "--weight", "minus=1"],
                        words + 0.25 * picture - minus)):
        hits = indexed.json("search", *asked, *weights)
        expected = embedded(indexed, hits[3]["filename"])[0] @ v / numpy.linalg.norm(v)
        assert hits[3]["score"] == pytest.approx(expected, abs=2e-3)
    result = indexed("search", "apple", "--minus", "apple", "--weight", "minus=1", code=EXIT_INPUT)
    assert "leave nothing" in result.err


def test_search_minus(indexed):
    """Away from fruits among a dozen animals and a dozen fruits."""
    def fruits(*more):
        return sum("/fruit/" in name for name in indexed.names("something to eat", "-k", "12", *more))
    assert fruits() > fruits("--minus", "fruit", "--weight", "minus=1")


def test_search_min_score(indexed):
    hits = indexed.json("search", "apple")
    limit = (hits[2]["score"] + hits[3]["score"]) / 2
    assert len(indexed.json("search", "apple", "--min-score", limit)) == 3
    result = indexed("search", "apple", "--min-score", "0.999")
    assert result.out == "" and "none of the 24 pictures passes the filters" in result.err
    assert indexed.json("search", "apple", "--min-score=-1", "-k", "99")


def test_search_in_folder(indexed, photos):
    fruit = indexed.names("x", "-k", "99", "--in", photos / "fruit")
    assert len(fruit) == 12 and all("/fruit/" in n for n in fruit)
    both = indexed.json("search", "x", "-k", "99", "--in", "fruit", "--in", "./animals/../animals/",
                        cwd=photos)
    assert len(both) == 24
    assert len(indexed.names("x", "-k", "99", "--in", "/")) == 24
    one = sorted((photos / "fruit").iterdir())[0]
    assert indexed.names("x", "--in", one) == [str(one)]
    # A name that only begins alike is another folder.
    assert indexed.names("x", "--in", str(photos / "fru")) == []


def exif_photo(path, rgb, taken=None, place=None):
    picture = Image.new("RGB", (80, 60), rgb)
    exif = picture.getexif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    if place:
        gps = exif.get_ifd(0x8825)
        for tag, ref, value, signs in ((1, 2, place[0], "SN"), (3, 4, place[1], "WE")):
            gps[tag] = signs[value >= 0]
            degrees = abs(value)
            gps[ref] = (int(degrees), int(degrees * 60 % 60), degrees * 3600 % 60)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, exif=exif)
    return str(path)


def test_search_dates(latent, tmp_path):
    p = tmp_path / "p"
    may = exif_photo(p / "may.jpg", (200, 10, 10), "2023:05:17 12:00:00")
    july = exif_photo(p / "july.jpg", (10, 200, 10), "2023:07:01 00:00:00")
    plain = exif_photo(p / "plain.jpg", (10, 10, 200))
    os.utime(plain, (1684836000, 1684836000))  # 2023-05-23T10:00:00Z
    latent("index", p)

    def found(*args, **more):
        return {h["filename"] for h in latent.json("search", "x", *args, **more)}

    assert found() == {may, july, plain}
    assert found("--after", "2023", "--before", "2024") == {may, july, plain}
    assert found("--after", "2023-05", "--before", "2023-06") == {may, plain}
    assert found("--after", "2023-05-18") == {july, plain}
    assert found("--before", "2023-05-17") == set()
    assert found("--before", "2023-05-18") == {may}
    assert found("--after", "2023-07-01") == {july}
    assert found("--after", "2023-07-01T00:00:01") == set()
    # A file's time is UTC, a date on the command line is local: 23:30 in UTC is the 24th in Tokyo.
    os.utime(plain, (1684884600, 1684884600))
    latent("index", p)
    assert found("--after", "2023-05-24", "--before", "2023-05-25") == set()
    tokyo = {"TZ": "Asia/Tokyo"}
    if not pathlib.Path("/usr/share/zoneinfo/Asia/Tokyo").exists():
        tokyo = {"TZ": "JST-9"}
    assert found("--after", "2023-05-24", "--before", "2023-05-25", env=tokyo) == {plain}


def test_search_near(latent, tmp_path):
    zurich = exif_photo(tmp_path / "p" / "z.jpg", (200, 10, 10), place=(47.3769, 8.5417))
    rio = exif_photo(tmp_path / "p" / "r.jpg", (10, 200, 10), place=(-22.9068, -43.1729))
    exif_photo(tmp_path / "p" / "n.jpg", (10, 10, 200))
    latent("index", tmp_path / "p")
    assert latent.names("x", "--near", "47.4,8.5,10") == [zurich]
    assert latent.names("x", "--near", "-22.9,-43.2,10") == [rio]
    assert latent.names("x", "--near=47.4,8.5,1") == []


def test_search_filter(indexed):
    big = indexed.json("search", "x", "-k", "99", "--filter",
                       '{"must": [{"key": "width", "range": {"gt": 300}}]}')
    assert big and all(h["payload"]["width"] > 300 for h in big)
    both = indexed.json("search", "x", "-k", "99", "--filter",
                        '{"must_not": [{"key": "folders", "match": {"text": "animals"}}]}')
    assert {("/fruit/" in h["filename"]) for h in both} == {True}
    result = indexed("search", "x", "--filter", "{", code=EXIT_USAGE)
    assert "--filter: not valid JSON" in result.err
    result = indexed("search", "x", "--filter", '{"mustt": []}', code=EXIT_INPUT)
    assert "mustt" in result.err


def test_search_html(indexed, photos, tmp_path):
    sheet = tmp_path / "sheet.html"
    indexed("search", "apple", "-k", "3", "--html", sheet)
    query = sorted((photos / "animals").iterdir())[0]
    indexed("search", "--image", query, "-k", "2", "--html", sheet, "--append", "--json")
    page = sheet.read_text()
    assert page.count("<section>") == page.count("</section>") == 2
    assert page.count("<figure>") == 5
    assert page.count("data:image/jpeg;base64,") == 6  # and the query picture
    assert "<h2>apple</h2>" in page and page.count("<!DOCTYPE") == page.count("</html>") == 1
    assert "http:" not in page and "https:" not in page and "prefers-color-scheme: dark" in page
    indexed("search", "pear", "-k", "1", "--html", sheet)
    assert sheet.read_text().count("<section>") == 1, "without --append it begins anew"

    other = tmp_path / "other.html"
    other.write_text("<html>mine</html>")
    result = indexed("search", "x", "--html", other, "--append", code=EXIT_INPUT)
    assert "not a contact sheet" in result.err and other.read_text() == "<html>mine</html>"
    assert "--html" in indexed("search", "x", "--append", code=EXIT_USAGE).err
    assert indexed("search", "x", "--html", "/nowhere/x.html", code=EXIT_FAILED).err


def test_search_missing_things(latent, photos):
    result = latent("search", "x", code=EXIT_NOT_FOUND)
    assert result.err == (f"latent: no index in {latent.data} yet; make one with: latent index "
                          "PHOTOS\n")
    assert not latent.data.exists(), "searching makes no data directory"
    latent("index", photos / "fruit")
    assert "No such file" in latent("search", "--image", "/no.jpg", code=EXIT_NOT_FOUND).err
    assert "No such file" in latent("search", "x", "--image", "/no.jpg", code=EXIT_NOT_FOUND).err
    assert "not a folder" in latent("search", "--image", photos, code=EXIT_INPUT).err
    latent("forget", "--yes", photos)
    result = latent("search", "x")
    assert "holds no pictures yet" in result.err


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_search_empty_query(indexed, query):
    assert "query is empty" in indexed("search", query, code=EXIT_USAGE).err


def test_search_odd_queries(indexed):
    assert len(indexed.names("word " * 20000)) == 10  # 100,000 characters
    assert len(indexed.names("x" * 100000)) == 10
    assert len(indexed.names("🐶" * 1000, "-k", "10")) == 10
    assert len(indexed.names(b"\xff\xfe\x80")) == 10
    assert len(indexed.names("--", "--image")) == 10


# ---- embed ------------------------------------------------------------------------------------


def test_embed(indexed, photos):
    file = sorted((photos / "fruit").iterdir())[0]
    got = indexed.json("embed", "--text", "an apple", "-t", "ein Apfel", file)
    assert [g["input"] for g in got] == ["an apple", "ein Apfel", str(file)]
    for g in got:
        assert list(g) == ["input", "embedding"]
        assert math.isclose(sum(x * x for x in g["embedding"]), 1, abs_tol=1e-4)
    score = sum(a * b for a, b in zip(got[0]["embedding"], got[2]["embedding"]))
    (hit,) = indexed.json("search", "an apple", "--in", file)
    assert math.isclose(score, hit["score"], abs_tol=2e-3)
    plain = indexed("embed", "--text", "an apple").stdout
    assert json.loads(plain)["embedding"] == pytest.approx(got[0]["embedding"], abs=2e-3)


def test_embed_stdin(indexed, photos):
    files = [str(p) for p in sorted((photos / "fruit").iterdir())[:3]] + ["/no/such.jpg"]
    result = indexed("embed", "--stdin-files", stdin="\n".join(files), code=EXIT_INPUT)
    got = [json.loads(line) for line in result.stdout.splitlines()]
    assert [g["input"] for g in got] == files
    assert ["embedding" in g for g in got] == [True, True, True, False]
    assert "No such file" in got[3]["error"]

    result = indexed("embed", "--stdin-text", stdin="one\n\nthree\n", code=EXIT_INPUT)
    got = [json.loads(line) for line in result.stdout.splitlines()]
    assert [g["input"] for g in got] == ["one", "", "three"]
    assert "embedding" in got[0] and "error" in got[1] and "embedding" in got[2]
    assert indexed("embed", "--stdin-text", stdin="").out == ""


def test_embed_answers_line_by_line(indexed):
    process = subprocess.Popen([indexed.binary, "embed", "--stdin-text"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env=indexed.env)
    for text in ("first", "second"):
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["input"] == text
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    process.stdout.close()


def test_embed_npy(indexed, photos, tmp_path):
    file = sorted((photos / "fruit").iterdir())[0]
    (tmp_path / "no.jpg").write_bytes(b"%PDF-1.4")
    inputs = ["embed", "-t", "an apple", "-t", "", file, tmp_path / "no.jpg", "--dims", "48"]
    lines = [json.loads(line) for line in indexed(*inputs, code=EXIT_INPUT).out.splitlines()]
    result = indexed(*inputs, "--npy", code=EXIT_INPUT)
    array = numpy.load(io.BytesIO(result.stdout), allow_pickle=False)
    assert array.dtype == numpy.float32 and array.shape == (4, 48)
    for row, line in zip(array, lines, strict=True):
        if "error" in line:
            assert numpy.isnan(row).all() and line["error"] in result.err
        else:
            assert row == pytest.approx(numpy.array(line["embedding"]), abs=1e-6)
    none = indexed("embed", "--stdin-files", "--npy")
    assert numpy.load(io.BytesIO(none.stdout)).shape[0] == 0


def test_embed_dims(indexed):
    (model,) = [m for m in indexed.json("model", "list") if m["default"]]
    (full,) = indexed.json("embed", "--text", "a dog")
    assert len(full["embedding"]) == model["dims"]
    assert "not 99999" in indexed("embed", "--text", "x", "--dims", "60000",
                                  code=EXIT_INPUT).err.replace("60000", "99999")
    if not model["dims_ordered"]:
        assert "cannot be shortened" in indexed("embed", "--text", "x", "--dims", "64",
                                                code=EXIT_FAILED).err
        return
    (cut,) = indexed.json("embed", "--text", "a dog", "--dims", "64")
    assert len(cut["embedding"]) == 64
    norm = math.sqrt(sum(x * x for x in full["embedding"][:64]))
    assert cut["embedding"] == pytest.approx([x / norm for x in full["embedding"][:64]], abs=1e-5)


def test_embed_bad_input(indexed, tmp_path):
    (tmp_path / "no.jpg").write_bytes(b"%PDF-1.4")
    result = indexed("embed", "--text", "", "--text", "ok", tmp_path / "no.jpg", "/no.jpg",
                     code=EXIT_INPUT)
    got = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["error" in g for g in got] == [True, False, True, True]
    assert "what to embed" in indexed("embed", code=EXIT_USAGE).err
    assert "not both" in indexed("embed", "--stdin-text", "--stdin-files", code=EXIT_USAGE).err


# ---- info, forget, model ----------------------------------------------------------------------


def test_info(indexed, latent):
    text = indexed("info").out
    assert str(indexed.data) in text and "photos: 24 pictures" in text and "dimensions" in text
    (info,) = indexed.json("info")
    (collection,) = info["collections"]
    assert collection["name"] == "photos" and collection["points"] == 24
    assert collection["dims"] == info["model"]["dims"] and collection["bytes"] > 0
    assert collection["model"] == info["model"]["name"] != ""
    assert "none yet" in latent("info").out
    (info,) = latent.json("info")
    assert info["exists"] is False and info["collections"] == []
    (info,) = indexed.json("info", "--model", "/no/model")
    assert "/no/model" in info["model_error"]


def test_forget(latent, photos, tmp_path):
    copy = tmp_path / "photos"
    shutil.copytree(photos, copy)
    latent("index", copy)
    assert "give --yes" in latent("forget", copy / "fruit", code=EXIT_USAGE).err
    listed = latent("forget", "-n", copy / "fruit").out.splitlines()
    assert sorted(listed) == sorted(str(p) for p in (copy / "fruit").iterdir())
    assert len(latent.points()) == 24
    assert latent("forget", "-y", copy / "fruit").out == "forgot 12 pictures\n"
    assert all("/animals/" in n for n in latent.points())
    shutil.rmtree(copy / "animals")  # paths need not exist any more
    result = latent("forget", "--yes", "../photos/animals", cwd=copy)
    assert result.out == "forgot 12 pictures\n"
    assert "has no picture" in latent("forget", "--yes", copy, code=EXIT_NOT_FOUND).err
    assert sum(1 for _ in (copy / "fruit").iterdir()) == 12, "files are not touched"


def test_forget_all(latent, photos):
    latent("index", photos / "fruit", "--collection", "a")
    latent("index", photos / "fruit", "--collection", "b")
    assert "not both" in latent("forget", "--all", "x", code=EXIT_USAGE).err
    assert "forget which" in latent("forget", code=EXIT_USAGE).err
    latent("forget", "--all", "--yes", "--collection", "a")
    (info,) = latent.json("info")
    assert [c["name"] for c in info["collections"]] == ["b"]
    assert "there are: b" in latent("forget", "--all", "--yes", code=EXIT_NOT_FOUND).err


def test_forget_asks(latent, photos):
    pty = pytest.importorskip("pty")
    latent("index", photos / "fruit")
    for answer, code in ((b"n\n", EXIT_INPUT), (b"y\n", 0)):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([latent.binary, "forget", photos], stdin=theirs,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=latent.env)
        os.close(theirs)
        os.write(ours, answer)
        out, err = process.communicate(timeout=30)
        os.close(ours)
        assert process.returncode == code
        assert b"Forget 12 pictures" in err and b"[y/N]" in err
    assert latent.points() == set()


def test_model(indexed, tmp_path):
    (model,) = [m for m in indexed.json("model", "list") if m["default"]]
    assert model["text"] and model["image"] and model["dims"] > 0
    assert "* " + model["name"] in indexed("model", "list").out
    (check,) = indexed.json("model", "check")
    assert check["ok"] and check["hash"] == model["hash"]
    assert check["text_ms"] > 0 and check["picture_ms"] > 0
    assert "works" in indexed("model", "check", model["directory"]).out
    assert str(tmp_path) in indexed("model", "check", tmp_path, code=EXIT_NOT_FOUND).err
    assert "list and check" in indexed("model", "chekc", code=EXIT_USAGE).err
    assert "list or check" in indexed("model", code=EXIT_USAGE).err


def test_model_damaged(indexed, tmp_path, photos):
    """A folder that lacks a part is refused, and the part is named."""
    (model,) = [m for m in indexed.json("model", "list") if m["default"]]
    source = pathlib.Path(model["directory"])
    for missing in ("config.json", "tokenizer.json", "preprocessor_config.json"):
        broken = tmp_path / missing.split(".")[0]
        broken.mkdir()
        for path in source.iterdir():
            if path.name != missing:
                (broken / path.name).symlink_to(path)
        result = indexed("model", "check", broken, code=EXIT_NOT_FOUND)
        assert missing in result.err
    result = indexed("search", "x", "--model", tmp_path / "nothing", code=EXIT_NOT_FOUND)
    assert "nothing" in result.err


# ---- eval -------------------------------------------------------------------------------------


def write_captions(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_eval(indexed, photos, tmp_path):
    files = sorted((photos / "fruit").iterdir())
    lines = [{"photo": f"fruit/{f.name}", "lang": "en",
              "caption": f.stem.replace("_", " ")} for f in files]
    lines += [{"photo": str(f), "captions": {"de": [f"{f.stem}, eine Frucht", "Obst"]}}
              for f in files[:6]]
    file = write_captions(tmp_path / "c.jsonl", lines)
    rows = {(r["lang"], r["direction"]): r
            for r in indexed.json("eval", file, "--photos", photos)}
    assert set(rows) == {(lang, d) for lang in ("en", "de")
                         for d in ("text_to_image", "image_to_text")}
    assert rows["en", "text_to_image"]["n"] == 12 and rows["de", "text_to_image"]["n"] == 12
    assert rows["de", "image_to_text"]["n"] == 6 and rows["de", "image_to_text"]["captions"] == 12
    for row in rows.values():
        recall, ci = row["recall"], row["ci95"]
        assert 0 <= recall["1"] <= recall["5"] <= recall["10"] <= 1
        assert all(ci[k][0] <= recall[k] <= ci[k][1] for k in recall)
        assert row["median_rank"] >= 1 and row["photos"] == 12
    assert rows["en", "text_to_image"]["recall"]["5"] >= 0.5, "better than chance by far"
    table = indexed("eval", file, "--photos", photos).out
    assert "12 photos, 24 captions" in table and table.count(" to ") == 4


def test_eval_matches_embeddings(indexed, photos, tmp_path):
    """Recall computed here from `latent embed` is what `latent eval` says."""
    files = sorted((photos / "animals").iterdir())
    captions = [f.stem.replace("_", " ") for f in files]
    file = write_captions(photos.parent / f"{tmp_path.name}.jsonl",
                          [{"photo": str(f), "lang": "en", "caption": c}
                           for f, c in zip(files, captions)])
    texts = indexed.json("embed", "--stdin-text", stdin="\n".join(captions))
    pictures = indexed.json("embed", *files)
    dot = [[sum(a * b for a, b in zip(t["embedding"], p["embedding"])) for p in pictures]
           for t in texts]
    n = len(files)
    rank = [1 + sum(dot[i][j] >= dot[i][i] for j in range(n) if j != i) for i in range(n)]
    (row,) = [r for r in indexed.json("eval", file) if r["direction"] == "text_to_image"]
    # A near tie may fall either way: vectors depend on the batch in the last digits.
    for k in (1, 5, 10):
        assert row["recall"][str(k)] == pytest.approx(sum(r <= k for r in rank) / n, abs=1.01 / n)


@pytest.mark.parametrize("line,says", [
    ("{", "not valid JSON"), ("[]", "object"), ('{"lang":"en","caption":"x"}', "'photo'"),
    ('{"photo":"a.png","caption":"x"}', "'lang'"), ('{"photo":"a.png","lang":"en"}', "neither"),
    ('{"photo":"gone.png","lang":"en","caption":"x"}', "gone.png"),
])
def test_eval_names_the_line(indexed, tmp_path, line, says):
    colour(tmp_path / "a.png", (1, 2, 3))
    file = tmp_path / "c.jsonl"
    file.write_text('{"photo":"a.png","lang":"en","caption":"ok"}\n' + line + "\n")
    code = EXIT_NOT_FOUND if "gone" in line else EXIT_INPUT
    err = indexed("eval", file, code=code).err
    assert f"{file}:2:" in err and says in err


def test_eval_photo_alone_is_a_distractor(indexed, photos, tmp_path):
    files = sorted((photos / "fruit").iterdir())
    lines = [{"photo": str(f), "lang": "en", "caption": f.stem.replace("_", " ")} for f in files]
    alone = [{"photo": str(f)} for f in sorted((photos / "animals").iterdir())]
    few, many = (indexed.json("eval", write_captions(tmp_path / f"{len(c)}.jsonl", c))
                 for c in (lines, lines + alone))
    for before, after in zip(few, many):
        assert after["photos"] == before["photos"] + len(alone)
        assert after["captions"] == before["captions"] and after["n"] == before["n"]
        if before["direction"] == "text_to_image":
            assert all(after["recall"][k] <= before["recall"][k] for k in before["recall"])
            assert after["median_rank"] >= before["median_rank"]
        else:
            assert after["recall"] == before["recall"]
    for text in (indexed("help", "eval").out, (ROOT / "docs" / "latent.1").read_text()):
        assert "distractor" in text


def test_eval_missing_file(indexed, tmp_path):
    assert "/no.jsonl" in indexed("eval", "/no.jsonl", code=EXIT_NOT_FOUND).err
    (tmp_path / "empty.jsonl").touch()
    assert "no line" in indexed("eval", tmp_path / "empty.jsonl", code=EXIT_INPUT).err
    assert "which file" in indexed("eval", code=EXIT_USAGE).err


# ---- the command line itself ------------------------------------------------------------------


@pytest.mark.parametrize("args,says", [
    (["serach", "x"], "did you mean 'search'"),
    (["search", "--limt", "3", "x"], "did you mean --limit?"),
    (["search", "-k", "zero", "x"], "--limit: a whole number from 1"),
    (["search", "-k", "0", "x"], "--limit: a whole number from 1"),
    (["search", "x", "-k"], "-k needs a value: -k N"),
    (["search", "x", "--min-score", "high"], "--min-score: a number"),
    (["search", "x", "--after", "tomorrow"], "--after: a date is expected"),
    (["search", "x", "--near", "here"], "--near: LAT,LON,KM"),
    (["search", "--minus", "x"], "--minus takes away"),
    (["search", "x", "--min-relevance", "90"], "a number from 0 to 1"),
    (["search", "x", "--weight", "2"], "--weight: '2' is not words=X"),
    (["search"], "what to look for?"),
    (["embed", "-t", "x", "--npy", "--json"], "--npy or --json"),
    (["index"], "which folder?"),
    (["index", "--treads", "2", "."], "did you mean --threads?"),
    (["index", "--threads", "0", "."], "from 1 to 256"),
    (["info", "more"], "one argument too many"),
    (["--data"], "--data needs a value"),
    (["--json", "info"], "belongs behind the command"),
    (["help", "serch"], "did you mean 'search'"),
    ([], "a command is missing"),
])
def test_usage_errors(latent, args, says):
    result = latent(*args, code=EXIT_USAGE)
    assert result.err.startswith("latent: ") and result.err.count("\n") == 1
    assert says in result.err and result.out == ""


def test_data_directory(binary, home, photos, tmp_path):
    from conftest import Latent
    program = Latent(binary, tmp_path / "unused", home)
    one = sorted((photos / "fruit").iterdir())[0]
    del program.env["LATENT_DATA"]
    program("index", one, env={"XDG_DATA_HOME": str(tmp_path / "xdg")})
    assert (tmp_path / "xdg" / "latent").is_dir()
    program("index", one, env={"XDG_DATA_HOME": "relative", "HOME": str(tmp_path / "h")})
    assert (tmp_path / "h" / ".local" / "share" / "latent").is_dir()
    program("index", one, env={"LATENT_DATA": str(tmp_path / "env")})
    assert (tmp_path / "env").is_dir()
    program("index", one, "--data", tmp_path / "opt", env={"LATENT_DATA": str(tmp_path / "no")})
    assert (tmp_path / "opt").is_dir() and not (tmp_path / "no").exists()
    assert "a folder is expected" in program("info", "--data", "", code=EXIT_INPUT).err
    del program.env["HOME"]
    assert "--data" in program("info", code=EXIT_NOT_FOUND).err
    file = tmp_path / "file"
    file.write_text("x")
    assert program("index", one, "--data", file, code=EXIT_FAILED).err


def test_help(latent):
    table = json.loads(latent("help", "--json").stdout)
    overview = latent("--help").out
    assert latent("help").out == overview
    for command in table["commands"]:
        assert f"  {command['name']} " in overview
        text = latent("help", command["name"]).out
        assert text == latent(command["name"], "--help").out == latent("-h", command["name"]).out
        assert text.startswith(f"Usage: latent {command['name']}")
        for option in command["options"] + table["options"]:
            assert f"--{option['name']}" in text
        assert all(len(line) <= 80 for line in text.split("Examples")[0].splitlines())
    assert latent("search", "--nonsense", "--help").out.startswith("Usage: latent search")


def test_version(latent):
    text = latent("--version").out
    assert re.fullmatch(r"latent \d+\.\d+\.\d+\n", text) and latent("version").out == text
    assert latent.json("version")[0]["version"] in text
    header = (ROOT / "include" / "latent.h").read_text()
    numbers = [re.search(rf"LT_VERSION_{p} (\d+)", header)[1] for p in ("MAJOR", "MINOR", "PATCH")]
    assert text == f"latent {'.'.join(numbers)}\n"


def test_broken_pipe_is_quiet(indexed):
    for args in (["search", "x", "-k", "24", "--json"], ["help"], ["forget", "-n", "/"]):
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.Popen([indexed.binary, *args], stdout=writing, stderr=subprocess.PIPE,
                                   env=indexed.env)
        os.close(writing)
        assert process.communicate(timeout=30)[1] == b""
        assert process.returncode == -signal.SIGPIPE


def test_full_disk_is_told(indexed):
    with open("/dev/full", "wb") as full:
        process = subprocess.run([indexed.binary, "search", "x", "--min-relevance", "0"],
                                 stdout=full, stderr=subprocess.PIPE, env=indexed.env, timeout=30)
    assert process.returncode == EXIT_FAILED and b"No space left" in process.stderr


def on_terminal(program, *args, env=None, columns=80):
    """Runs on a pseudo-terminal; returns what it printed there."""
    import fcntl
    import pty
    import termios
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([program.binary, *map(str, args)], stdout=theirs, stderr=theirs,
                               stdin=subprocess.DEVNULL,
                               env={**program.env, "TERM": "xterm-256color", **(env or {})})
    os.close(theirs)
    out = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0, out
    return out.decode(errors="replace")


def without_escapes(text):
    text = re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\", "", text)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("columns", [30, 60, 100, 200])
def test_terminal_output_fits(indexed, columns):
    text = on_terminal(indexed, "search", "apple", "-k", "6", columns=columns)
    assert text.count("\x1b]8;;file://") == 6, "one link a hit"
    for line in without_escapes(text).replace("\r", "").splitlines():
        assert len(line) <= columns, line
    plain = on_terminal(indexed, "search", "apple", "-k", "6", "--no-pictures", columns=columns)
    assert len(plain.splitlines()) == 6
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        quiet = on_terminal(indexed, "search", "apple", "-k", "6", env=env, columns=columns)
        assert "\x1b" not in quiet and len(quiet.splitlines()) == 6


def test_terminal_progress(latent, tmp_path):
    many_pictures(tmp_path / "p", 80)
    text = on_terminal(latent, "index", tmp_path / "p")
    assert re.search(r"\d+ of \d+\+? pictures", text) and "\r\x1b[K" in text
    assert "80 added" in without_escapes(text).splitlines()[-1]


# ---- check, stat, dump --------------------------------------------------------------------------


def copy_of(program, tmp_path):
    """The same program with a copy of its index."""
    copy = Latent(program.binary, tmp_path / "copy", pathlib.Path(program.env["HOME"]))
    copy.env.update(program.env, LATENT_DATA=str(copy.data))
    shutil.copytree(program.data, copy.data)
    return copy


def vectors_file(program):
    (path,) = program.data.glob("collections/*/vectors.f32")
    return path


def test_check_of_a_sound_index(indexed):
    (result,) = indexed.json("check")
    assert result["collection"] == "photos" and result["faults"] == []
    assert result["points"] == result["vectors"] == len(indexed.points())
    text = indexed("check", "photos").out
    assert text.startswith("photos: ") and text.endswith("all well\n")


def test_check_names_damage(indexed, tmp_path):
    broken = copy_of(indexed, tmp_path)
    path = vectors_file(broken)
    data = bytearray(path.read_bytes())
    data[65536 + 1000] ^= 1
    path.write_bytes(data)
    out = broken("check", code=EXIT_FAILED).out.splitlines()
    assert len(out) == 2 and "its vector '' fails its checksum" in out[0] and "point " in out[0]
    assert out[1].endswith("1 fault")
    (result,) = broken.json("check", code=EXIT_FAILED)
    assert result["n_faults"] == 1 and result["faults"] == [out[0]]
    broken("dump", code=EXIT_FAILED)

    path.write_bytes(b"not vectors")
    assert "is not a vector file" in broken("check", code=EXIT_FAILED).out
    assert "is not a vector file" in broken("stat", code=EXIT_FAILED).err


def test_check_and_stat_want_known_collections(indexed, latent):
    for command in ("check", "stat"):
        assert "'nothing'" in indexed(command, "nothing", code=EXIT_NOT_FOUND).err
        assert "no index" in latent(command, code=EXIT_NOT_FOUND).err


def test_stat(indexed):
    (stat,) = indexed.json("stat")
    n = len(indexed.points())
    assert stat["name"] == "photos" and stat["points"] == n <= stat["slots"]
    (vector,) = stat["vectors"]
    assert vector["kind"] == "dense" and vector["dims"] == 384 and vector["points"] == n
    assert {"points.mdb", "vectors.f32"} <= set(stat["files"])
    assert stat["files"]["vectors.f32"] >= n * 384 * 4
    text = indexed("stat").out
    assert text.startswith("photos: ") and "vector \"\": dense, 384 dimensions" in text


def test_dump(indexed):
    points = [json.loads(line) for line in indexed("dump").out.splitlines()]
    assert {p["payload"]["filename"] for p in points} == indexed.points()
    assert all(len(p["vector"]) == 384 for p in points)
    assert [p["id"] for p in points] == sorted(p["id"] for p in points)
    one = points[0]["payload"]["filename"]
    only = json.dumps({"must": [{"key": "filename", "match": {"value": one}}]})
    (line,) = indexed("dump", "--filter", only, "--no-vectors").out.splitlines()
    assert json.loads(line) == {"id": points[0]["id"], "payload": points[0]["payload"]}
    bare = indexed("dump", "--no-vectors", "--no-payload").out.splitlines()
    assert [json.loads(line) for line in bare] == [{"id": p["id"]} for p in points]


def test_dump_refuses_bad_filters(indexed):
    assert "--filter" in indexed("dump", "--filter", "{", code=EXIT_INPUT).err
    assert "mist" in indexed("dump", "--filter", '{"mist": []}', code=EXIT_INPUT).err
    assert "no collection 'x'" in indexed("dump", "--collection", "x", code=EXIT_NOT_FOUND).err


# ---- completions and the manual page ------------------------------------------------------------


def test_completions_are_current(binary):
    """The committed files are what completions/generate.py makes of the program's own tables."""
    for name in ("latent.bash", "_latent", "latent.fish"):
        made = subprocess.run([str(ROOT / "completions" / "generate.py"), str(binary), name],
                              capture_output=True, text=True, check=True).stdout
        assert made == (ROOT / "completions" / name).read_text(), name


@pytest.mark.parametrize("shell,name", [("bash", "latent.bash"), ("zsh", "_latent"),
                                        ("fish", "latent.fish")])
def test_completions_parse(shell, name):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", str(ROOT / "completions" / name)], check=True)


def complete_bash(line, cwd):
    script = ('source "$1"; read -ra COMP_WORDS <<<"$2"; [[ $2 == *" " ]] && COMP_WORDS+=("");'
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2; COMP_POINT=${#2};'
              '_latent; printf "%s\\n" "${COMPREPLY[@]}"')
    result = subprocess.run(
        ["bash", "-c", script, "bash", str(ROOT / "completions" / "latent.bash"), line],
        capture_output=True, text=True, check=True, cwd=cwd)
    assert not result.stderr
    return set(result.stdout.split())


def test_completions_in_bash(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.jpg").touch()
    assert complete_bash("latent se", tmp_path) == {"search", "serve"}
    assert {"index", "help", "--data"} <= complete_bash("latent ", tmp_path) | complete_bash(
        "latent --", tmp_path)
    assert "--min-score" in complete_bash("latent search x --m", tmp_path)
    assert "--prune" not in complete_bash("latent search x --", tmp_path)
    assert complete_bash("latent --data fo", tmp_path) == {"folder"}
    assert complete_bash("latent --data folder sea", tmp_path) == {"search"}
    assert complete_bash("latent search --image fi", tmp_path) == {"file.jpg"}
    assert complete_bash("latent search --in f", tmp_path) == {"folder"}
    assert complete_bash("latent model ", tmp_path) >= {"list", "check"}
    assert complete_bash("latent help fo", tmp_path) == {"forget"}
    assert {"folder", "file.jpg"} <= complete_bash("latent index f", tmp_path)


def test_completions_know_every_option(binary, tmp_path):
    """What bash and fish offer for each command is what its help lists, no more and no less."""
    table = json.loads(subprocess.run([str(binary), "help", "--json"], capture_output=True,
                                      check=True).stdout)
    always = {f"--{o['name']}" for o in table["options"]}
    zsh = (ROOT / "completions" / "_latent").read_text()
    for command in table["commands"]:
        line = f"latent {command['name']} --"
        wanted = always | {f"--{o['name']}" for o in command["options"]}
        assert complete_bash(line, tmp_path) == wanted, command["name"]
        section = zsh.split(f"\n                {command['name']})\n")[1].split(";;")[0]
        assert set(re.findall(r"'[^'\[]*?(--[a-z-]+)=?\[", section)) == wanted, command["name"]
        if shutil.which("fish"):
            script = f"source {ROOT / 'completions' / 'latent.fish'}; complete -C '{line}'"
            out = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True,
                                 text=True, check=True, cwd=tmp_path,
                                 env={**os.environ, "HOME": str(tmp_path)}).stdout
            assert {row.split("\t")[0] for row in out.splitlines()} == wanted, command["name"]


def options_of_page(section):
    """The options that a part of the page explains, as `-x, --exclude GLOB`."""
    tags = re.findall(r"^\.TP\n\.[A-Z]+ (-.*)$", section, re.M)
    return {re.sub(r"\s+", " ", re.sub(r'"|\\f.', "", t)).replace(" ,", ",") for t in tags}


def options_of_table(options):
    return {(f"-{o['letter']}, " if o["letter"] else "") + f"--{o['name']} {o['value']}".rstrip()
            for o in options}


def test_manual_page(binary):
    page = ROOT / "docs" / "latent.1"
    if shutil.which("man"):
        result = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
                                 str(page)], capture_output=True, text=True,
                                env={**os.environ, "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"})
        assert result.returncode == 0 and result.stderr == ""
    elif shutil.which("groff"):
        result = subprocess.run(["groff", "-man", "-ww", "-z", str(page)], capture_output=True,
                                text=True)
        assert result.returncode == 0 and result.stderr == ""
    source = page.read_text().replace("\\-", "-")
    table = json.loads(subprocess.run([str(binary), "help", "--json"], capture_output=True,
                                      check=True).stdout)
    sections = dict(re.findall(r'^\.SS "?latent (\w+).*?\n(.*?)(?=^\.S[SH])', source, re.S | re.M))
    assert set(sections) == {c["name"] for c in table["commands"]}
    for command in table["commands"]:
        assert options_of_page(sections[command["name"]].split("\n.SH")[0]) == options_of_table(
            command["options"]), command["name"]
    everywhere = source.split(".SH OPTIONS OF ALL COMMANDS")[1].split("\n.SH")[0]
    assert options_of_page(everywhere) == options_of_table(table["options"])
    assert table["version"] in source.splitlines()[2] + source.splitlines()[3]
