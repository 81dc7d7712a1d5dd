# SPDX-License-Identifier: Apache-2.0
"""examples/tutorial against one `latent serve`, on real photos whose captions say what is right."""
import json
import os
import pathlib
import re
import subprocess
import sys

import PIL.Image
import pytest
import requests

from conftest import ROOT
from serving import serving

sys.path.insert(0, str(ROOT / "tools"))
import eval_sets  # noqa: E402

TUTORIAL = ROOT / "examples" / "tutorial" / "tutorial.py"
COCO = ROOT.parent / "shared" / "data" / "coco-train2017-80"

# Single words. All photos whose caption in the word's language has it (up to three) must be found
# among the three best, and one of them first.
STAMP_WORDS = {
    "en": ["elephant", "tricycle", "violin", "tiger"],
    "de": ["Elefant", "Trompete", "Zebra", "Erdbeere"],
    "fr": ["avion", "tigre", "renard", "violon"],
    "it": ["volpe", "cavallo", "violino", "aeroplano"],
    "es": ["caballo", "avión", "cámara", "fresa"],
}
# COCO's captions are English: the word, and what they must say.
COCO_WORDS = {"Surfing": "surf(?!ace)", "Elefanten": "elephant", "pizza": "pizza", "Zebras": "zebra",
              "Pferde": "horse", "treno": "train|subway", "tenis": "tennis"}


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("tutorial")) as s:
        yield s


def altered(photo, path):
    """What somebody might search with: the middle of a photo, smaller, compressed again."""
    photo = PIL.Image.open(photo)
    if photo.mode != "RGB":
        base = PIL.Image.new("RGB", photo.size, "white")
        base.paste(photo, mask=photo.convert("RGBA").getchannel("A"))
        photo = base
    w, h = photo.size
    photo = photo.crop((w // 20, h // 20, w - w // 20, h - h // 20))
    photo.resize((w * 2 // 3, h * 2 // 3)).save(path, quality=60)
    return path


def run(server, folder, *options, code=0):
    """Runs the tutorial; gives what it prints as {question: [(score, path)]}."""
    done = subprocess.run(
        [sys.executable, str(TUTORIAL), str(folder), "--host", server.url, *map(str, options)],
        capture_output=True, text=True, timeout=600, env={**os.environ, "NO_PROXY": "*"})
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    found, hits = {}, None
    for line in done.stdout.splitlines():
        if hit := re.fullmatch(r" +(\d+)  (-?\d\.\d+)  (.*)", line):
            hits.append((float(hit.group(2)), hit.group(3)))
            assert int(hit.group(1)) == len(hits)
        elif line:
            hits = found.setdefault(line, [])
    return found, done.stderr


def check_words(found, right):
    """`right`: per question, the photos that its captions name."""
    wrong = []
    for question, photos in right.items():
        assert 1 <= len(photos) <= 3, question
        hits = [path for _, path in found[f"“{question}”"]]
        assert len(hits) == 3
        scores = [score for score, _ in found[f"“{question}”"]]
        assert scores == sorted(scores, reverse=True)
        if not photos <= set(hits) or hits[0] not in photos:
            wrong.append(f"{question}: {hits}, not {photos}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def photographs(stamps, tmp_path_factory):
    """The demo's photographs as a folder of links; what their captions name for each word."""
    folder = tmp_path_factory.mktemp("photographs")
    rows = list(eval_sets.stamps())
    for row in rows:
        source = pathlib.Path(row["photo"])
        row["link"] = str(folder / "-".join(source.relative_to(stamps).parts))
        os.symlink(source, row["link"])
    right = {word: {row["link"] for row in rows
                    if re.search(rf"\b{word}\b", row["captions"][language], re.IGNORECASE)}
             for language, words in STAMP_WORDS.items() for word in words}
    return folder, right


@pytest.fixture(scope="module")
def asked(server, photographs, tmp_path_factory):
    """The asynchronous run: its answers, the query picture's original, the page."""
    folder, right = photographs
    out = tmp_path_factory.mktemp("asked")
    original = min(right["elephant"])
    query = altered(original, out / "query.jpg")
    options = [w for word in right for w in ("--query", word)]
    found, err = run(server, folder, *options, "--image", query, "--html", out / "hits.html")
    assert err == ""
    return found, original, (out / "hits.html").read_text(encoding="utf-8")


def test_words_of_five_languages_find_what_their_captions_tell(asked, photographs):
    check_words(asked[0], photographs[1])


def test_a_picture_finds_what_it_was_made_of(asked):
    found, original, _ = asked
    assert found["like query.jpg"][0][1] == original
    assert found["like query.jpg"][0][0] > 0.8


def test_page_shows_every_hit(asked):
    found, original, page = asked
    hits = [path for question, of in found.items() if question.startswith(("“", "like"))
            for _, path in of]
    assert len(hits) == 3 * (sum(map(len, STAMP_WORDS.values())) + 1)
    assert page.count("<img") == len(hits) + 1  # and the picture that was searched with
    assert page.count("<section>") == len(hits) // 3
    assert pathlib.Path(original).resolve().as_uri() in page


def test_sync_clients_find_the_same(server, asked, photographs):
    found, _ = run(server, photographs[0], "--sync", "--collection", "sync", "--query", "Elefant",
                   "--query", "avion")
    for question in ("“Elefant”", "“avion”"):
        assert [p for _, p in found[question]] == [p for _, p in asked[0][question]]
        assert [s for s, _ in found[question]] == pytest.approx(
            [s for s, _ in asked[0][question]], abs=2e-3)


def test_search_of_older_clients_gives_the_same(server, asked):
    """The pinned client has no `search` any more: its request as such."""
    vector = requests.post(f"{server.url}/semantic_embed", json={
        "model": "luminous-base", "prompt": [{"type": "text", "data": "Zebra"}],
        "representation": "symmetric", "compress_to_size": 128}, timeout=60).json()["embedding"]
    answer = requests.post(f"{server.url}/collections/tutorial/points/search", timeout=60, json={
        "vector": vector, "limit": 3, "with_payload": True}).json()
    assert [(round(h["score"], 3), h["payload"]["filename"]) for h in answer["result"]] == [
        (pytest.approx(s, abs=2e-3), p) for s, p in asked[0]["“Zebra”"]]


def test_photo_that_cannot_be_read_is_named_and_left_out(server, photographs, tmp_path):
    os.symlink(min(photographs[1]["elephant"]), tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    for mode in ([], ["--sync"]):
        found, err = run(server, tmp_path, *mode, "--collection", "small", "--query", "elephant")
        assert len(found["“elephant”"]) == 1
        assert re.fullmatch(r"left out: .*bad\.jpg: .*\n", err)
    _, err = run(server, tmp_path / "none", code=1)
    assert "no photos in" in err


def test_coco(server, tmp_path):
    if not COCO.is_dir():
        pytest.skip(f"{COCO} is not on this machine")
    captions = json.loads((COCO / "captions.json").read_text(encoding="utf-8"))
    names = {image["id"]: str(COCO / image["file_name"]) for image in captions["images"]}
    right = {word: {names[a["image_id"]] for a in captions["annotations"]
                    if re.search(said, a["caption"], re.IGNORECASE)}
             for word, said in COCO_WORDS.items()}
    found, _ = run(server, COCO, "--collection", "coco",
                   *[w for word in right for w in ("--query", word)])
    check_words(found, right)
