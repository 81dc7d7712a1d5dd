# SPDX-License-Identifier: Apache-2.0
"""The embedding side of `latent serve`, through the official clients of Aleph Alpha and OpenAI, held
against what `latent embed` gives; every bad input by name."""
import asyncio
import base64
import concurrent.futures
import contextlib
import io
import json
import re
import struct
import zlib

import numpy
import openai
import pytest
import requests
import tokenizers
from aleph_alpha_client import (
    AsyncClient, BatchSemanticEmbeddingRequest, Client, DetokenizationRequest, EmbeddingRequest,
    Image, ImageControl, Prompt, SemanticEmbeddingRequest, SemanticRepresentation, Text,
    TextControl, TokenizationRequest, Tokens)
from aleph_alpha_client.aleph_alpha_client import BusyError
from aleph_alpha_client.embedding import EmbeddingV2Request, InstructableEmbeddingRequest
import PIL.Image
import PIL.ImageOps

from conftest import Latent
from serving import file_server, serving

DIMS = 384
MODEL = "luminous-base"
CAPTIONS = ["a dog runs over the beach", "Ein Hund läuft über den Strand",
            "un chien court sur la plage", "un cane corre sulla spiaggia",
            "un perro corre por la playa", "SURFING", "日本の写真 🐶"]


@pytest.fixture(scope="module")
def server(binary, home, tmp_path_factory):
    with serving(binary, home, tmp_path_factory.mktemp("serve")) as s:
        yield s


@pytest.fixture(scope="module")
def client(server):
    return Client(token="any", host=server.url, total_retries=0)


@pytest.fixture(scope="module")
def openai_client(server):
    return openai.OpenAI(api_key="any", base_url=server.url + "/v1", max_retries=0)


@pytest.fixture(scope="module")
def offline(binary, home, tmp_path_factory):
    """The vectors that `latent embed` gives for texts and files."""
    program = Latent(binary, tmp_path_factory.mktemp("offline"), home)

    def embed(*inputs, texts=()):
        words = [w for t in texts for w in ("--text", t)]
        lines = program("embed", *words, *inputs).out.splitlines()
        return numpy.array([json.loads(line)["embedding"] for line in lines])
    return embed


@pytest.fixture(scope="module")
def pictures(photos, tmp_path_factory):
    """One picture in many guises: formats, alpha, palette, grey, 16 bits, CMYK, EXIF turns."""
    folder = tmp_path_factory.mktemp("guises")
    source = PIL.Image.open(sorted(photos.rglob("*.png"))[0])
    rgb = PIL.Image.new("RGB", source.size, "white")
    rgb.paste(source, mask=source.convert("RGBA").getchannel("A"))
    rgb.save(folder / "plain.png")
    rgb.save(folder / "photo.jpg", quality=90)
    rgb.save(folder / "progressive.jpg", quality=90, progressive=True)
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    rgb.convert("L").save(folder / "grey.jpg")
    rgb.convert("P").save(folder / "palette.png")
    source.convert("RGBA").save(folder / "alpha.png")
    rgb.save(folder / "anim.gif")
    rgb.save(folder / "photo.webp")
    rgb.save(folder / "photo.tiff")
    deep = numpy.asarray(rgb.convert("L"), dtype=numpy.uint16) * 257
    PIL.Image.fromarray(deep).save(folder / "deep.png")
    exif = PIL.Image.Exif()
    for turn in range(1, 9):
        exif[0x0112] = turn
        rgb.save(folder / f"turned{turn}.jpg", exif=exif, quality=95)
    return folder


@contextlib.contextmanager
def raises(kind, pattern=""):
    """As pytest.raises, but the pattern is searched in the text as the client got it."""
    with pytest.raises(kind) as info:
        yield info
    text = " ".join(map(str, info.value.args))
    assert re.search(pattern, text), f"{pattern!r} is not in {text!r}"


def picture_of(data):
    return Image(base64.b64encode(data).decode() if isinstance(data, bytes) else data,
                 cropping=None, controls=[])


def semantic(prompt, **more):
    more.setdefault("representation", SemanticRepresentation.Symmetric)
    return SemanticEmbeddingRequest(prompt=prompt, **more)


def vector(client, prompt, **more):
    reply = client.semantic_embed(semantic(prompt, **more), model=MODEL)
    assert isinstance(reply.num_tokens_prompt_total, int) and reply.num_tokens_prompt_total > 0
    return numpy.array(reply.embedding)


def same(a, b, tolerance=2e-6):
    numpy.testing.assert_allclose(a, b, atol=tolerance, rtol=0)


def unit(v):
    return v / numpy.linalg.norm(v)


# ---- what it is ----------------------------------------------------------------------------------


def test_versions_and_models(client, server):
    client.validate_version()
    names = [m["name"] for m in client.models()]
    assert "luminous-base" in names and "latent-builtin" in names
    assert all(m["semantic_embedding_enabled"] and m["multimodal"] for m in client.models())
    assert json.loads(server.get("/model-settings")) == client.models()
    assert "passed" in server.get("/healthz") and "ready" in server.get("/readyz")
    assert json.loads(server.get("/"))["title"]
    metrics = server.get("/metrics")
    assert 'endpoint="/version",status="2xx"} ' in metrics
    assert "process_resident_memory_bytes" in metrics


def test_tokens(client):
    reference = client.tokenizer(MODEL)
    assert isinstance(reference, tokenizers.Tokenizer)
    for text in CAPTIONS + ["  two  spaces ", "line\nbreak", "<s> is special", "x" * 5000]:
        got = client.tokenize(TokenizationRequest(text, tokens=True, token_ids=True), MODEL)
        want = reference.encode(text, add_special_tokens=False)
        assert got.token_ids == want.ids
        assert got.tokens == [reference.id_to_token(i) for i in want.ids]
        back = client.detokenize(DetokenizationRequest(got.token_ids), MODEL)
        assert back.result == reference.decode(want.ids)
    only = client.tokenize(TokenizationRequest("a dog", tokens=False, token_ids=True), MODEL)
    assert only.tokens is None and only.token_ids
    with raises(ValueError, "99999999 is not in the vocabulary"):
        client.detokenize(DetokenizationRequest([99999999]), MODEL)
    with raises(ValueError, "-1 is not in the vocabulary"):
        client.detokenize(DetokenizationRequest([-1]), MODEL)
    with raises(RuntimeError, "unknown model 'no-such-model'"):
        client.tokenizer("no-such-model")


# ---- vectors -------------------------------------------------------------------------------------


def test_texts_as_offline(client, offline):
    want = offline(texts=CAPTIONS)
    for text, row in zip(CAPTIONS, want, strict=True):
        for representation in SemanticRepresentation:
            same(vector(client, Prompt.from_text(text), representation=representation), row)
        same(vector(client, Prompt.from_text(text), normalize=True), row)


def test_pictures_as_offline(client, offline, pictures):
    files = sorted(pictures.iterdir())
    assert len(files) >= 19
    for path, row in zip(files, offline(*files), strict=True):
        same(vector(client, Prompt.from_image(Image.from_file(path))), row)


def test_picture_from_url(client, offline, pictures):
    with file_server(pictures) as url:
        image = Image.from_url(f"{url}/photo.jpg")
        got = vector(client, Prompt.from_image(image))
    same(got, offline(pictures / "photo.jpg")[0])


def test_crops(client, offline, pictures, tmp_path):
    """A crop is the picture of that part, in pixels of the upright picture: nearer to it than to
    the same part a few pixels beside. Where the turn swaps the axes, they are resized in another
    order, and rounding differs."""
    for name in ("plain.png", "turned1.jpg", "turned3.jpg", "turned5.jpg", "turned6.jpg",
                 "turned8.jpg"):
        upright = PIL.ImageOps.exif_transpose(PIL.Image.open(pictures / name)).convert("RGB")
        width, height = upright.size
        size = min(width, height) // 2
        x, y = width // 3, height // 4
        parts = []
        for i, (left, top) in enumerate(((x, y), (x + 3, y), (x - 3, y), (x, y + 3), (x, y - 3))):
            parts.append(tmp_path / f"part{i}.png")
            upright.crop((left, top, left + size, top + size)).save(parts[-1])
        image = Image.from_file_with_cropping(pictures / name, x, y, size)
        right, *beside = offline(*parts) @ vector(client, Prompt.from_image(image))
        swapped = name in ("turned5.jpg", "turned6.jpg", "turned8.jpg")
        assert right > (0.98 if swapped else 0.9999), name
        assert right > max(beside) + 0.002, name
        for left, top in ((width - size + 1, 0), (0, height - size + 1), (1 << 16, 0)):
            with raises(ValueError, f"not within its {width} x {height} pixels"):
                vector(client, Prompt.from_image(
                    Image.from_file_with_cropping(pictures / name, left, top, size)))


def test_mixed_prompts(client, offline, pictures):
    text, = offline(texts=["at night"])
    image, = offline(pictures / "photo.jpg")
    mixed = Prompt([Image.from_file(pictures / "photo.jpg"), Text.from_text("at night")])
    same(vector(client, mixed), unit(text + image))
    # Texts side by side are one text.
    parts = Prompt([Text.from_text("a dog "), Text.from_text("on the beach")])
    same(vector(client, parts), offline(texts=["a dog on the beach"])[0])
    # So are token ids.
    reply = client.tokenize(TokenizationRequest("at night", tokens=False, token_ids=True), MODEL)
    same(vector(client, Prompt([Tokens.from_token_ids(reply.token_ids)])), text)


def test_controls_are_weights(client, offline, pictures):
    text, = offline(texts=["at night"])
    image, = offline(pictures / "photo.jpg")

    def mixed(text_controls=(), image_controls=()):
        with open(pictures / "photo.jpg", "rb") as file:
            picture = Image.from_bytes(file.read(), controls=list(image_controls))
        return vector(client, Prompt([picture, Text("at night", controls=list(text_controls))]))

    same(mixed([TextControl(0, 8, 3.0)]), unit(3 * text + image))
    same(mixed([TextControl(0, 4, 3.0)]), unit(2 * text + image))
    same(mixed([TextControl(0, 8, 0.0)]), image)
    same(mixed([], [ImageControl(0, 0, 1, 1, 0.5)]), unit(text + 0.5 * image))
    same(mixed([], [ImageControl(0, 0, 0.5, 0.5, 3.0)]), unit(text + 1.5 * image))
    with raises(ValueError, "factor"):
        mixed([TextControl(0, 8, -1.0)])
    with raises(ValueError, "'rect'"):
        mixed([], [ImageControl(0.5, 0, 0.6, 1, 2.0)])
    with raises(ValueError, "controls leave nothing"):
        vector(client, Prompt([Text("at night", controls=[TextControl(0, 8, 0.0)])]))


def test_sizes(client, offline):
    full, = offline(texts=["a dog"])
    for n in (1, 2, 64, 128, 383, 384):
        got = vector(client, Prompt.from_text("a dog"), compress_to_size=n)
        assert got.shape == (n,)
        same(got, unit(full[:n]))
    for n in (0, -1, -128, 385, 5120, 2**40, 128.5, "128", True, [128]):
        with raises(ValueError, "compress_to_size.* from 1 to 384"):
            vector(client, Prompt.from_text("a dog"), compress_to_size=n)


def test_batch(client, offline, pictures):
    prompts = [Prompt.from_text(t) for t in CAPTIONS]
    prompts.insert(3, Prompt.from_image(Image.from_file(pictures / "photo.jpg")))
    want = list(offline(texts=CAPTIONS))
    want.insert(3, offline(pictures / "photo.jpg")[0])
    request = BatchSemanticEmbeddingRequest(prompts, SemanticRepresentation.Document)
    for model in (MODEL, None):
        reply = client.batch_semantic_embed(request, model=model)
        same(numpy.array(reply.embeddings), numpy.array(want))
    # More than a hundred: the client splits.
    many = BatchSemanticEmbeddingRequest([Prompt.from_text(f"photo {i}") for i in range(230)],
                                         SemanticRepresentation.Document, compress_to_size=16)
    reply = client.batch_semantic_embed(many, model=MODEL)
    assert len(reply.embeddings) == 230 and reply.num_tokens_prompt_total > 460
    same(reply.embeddings[117], vector(client, Prompt.from_text("photo 117"), compress_to_size=16))


def test_instructable(client, offline):
    request = InstructableEmbeddingRequest(input=Prompt.from_text("a dog"), instruction="")
    same(client.instructable_embed(request, model=MODEL).embedding, offline(texts=["a dog"])[0])
    request = InstructableEmbeddingRequest(input=Prompt.from_text("a dog"), instruction="Find cats")
    with raises(ValueError, "takes no instructions"):
        client.instructable_embed(request, model=MODEL)


def test_async(server, offline, pictures):
    want = offline(texts=CAPTIONS)
    picture, = offline(pictures / "photo.jpg")

    async def run():
        async with AsyncClient(token="any", host=server.url, total_retries=0, nice=True,
                               hosting="aleph-alpha") as client:
            await client.validate_version()
            assert await client.models()
            assert (await client.tokenizer(MODEL)).encode("a dog").ids
            replies = await asyncio.gather(*[
                client.semantic_embed(semantic(Prompt.from_text(t)), model=MODEL)
                for t in CAPTIONS * 10])
            image = await client.semantic_embed(
                semantic(Prompt.from_image(Image.from_file(pictures / "photo.jpg"))), model=MODEL)
            batch = await client.batch_semantic_embed(
                BatchSemanticEmbeddingRequest([Prompt.from_text(t) for t in CAPTIONS * 20],
                                              SemanticRepresentation.Query),
                model=MODEL, num_concurrent_requests=4, batch_size=9)
            with raises(ValueError, "unknown model"):
                await client.semantic_embed(semantic(Prompt.from_text("a")), model="gpt-5")
        return replies, image, batch
    replies, image, batch = asyncio.run(run())
    for i, reply in enumerate(replies):
        same(reply.embedding, want[i % len(CAPTIONS)])
    same(image.embedding, picture)
    same(numpy.array(batch.embeddings), numpy.tile(want, (20, 1)))


def test_old_clients(server):
    """Clients before 4.0 make their reply object of the very fields that come."""
    body = {"model": MODEL, "prompt": "a dog", "representation": "query"}
    for version, counted in (("2.17.0", False), ("3.5.0", False), ("4.0.0", True),
                             ("11.5.1", True), ("30.1.0", True)):
        reply = requests.post(server.url + "/semantic_embed", json=body, timeout=30,
                              headers={"User-Agent": f"Aleph-Alpha-Python-Client-{version}"})
        names = {"model_version", "embedding"} | ({"num_tokens_prompt_total"} if counted else set())
        assert set(reply.json()) == names


# ---- OpenAI's form -------------------------------------------------------------------------------


def data_url(path, kind="jpeg"):
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("encoding", ["float", "base64", openai.NOT_GIVEN])
def test_openai(openai_client, offline, pictures, encoding):
    inputs = [*CAPTIONS, data_url(pictures / "photo.jpg"), data_url(pictures / "plain.png", "png")]
    want = numpy.vstack([offline(texts=CAPTIONS),
                         offline(pictures / "photo.jpg", pictures / "plain.png")])
    reply = openai_client.embeddings.create(model="latent", input=inputs, encoding_format=encoding)
    assert [d.index for d in reply.data] == list(range(len(inputs)))

    def decoded(v):  # asked for base64, the client hands it on; asked for nothing, it decodes
        return v if isinstance(v, list) else numpy.frombuffer(base64.b64decode(v), dtype="<f4")
    same(numpy.array([decoded(d.embedding) for d in reply.data]), want)
    assert reply.usage.total_tokens == reply.usage.prompt_tokens > 0
    short = openai_client.embeddings.create(model="latent", input="SURFING", dimensions=100,
                                            encoding_format=encoding)
    same(decoded(short.data[0].embedding), unit(want[5][:100]))


def test_openai_models_and_errors(openai_client):
    assert "luminous-base" in [m.id for m in openai_client.models.list()]
    assert openai_client.models.retrieve("latent-builtin").object == "model"
    with raises(openai.NotFoundError, "unknown model 'gpt-5'"):
        openai_client.models.retrieve("gpt-5")
    create = openai_client.embeddings.create
    with raises(openai.NotFoundError, "unknown model 'gpt-5'"):
        create(model="gpt-5", input="a")
    for inputs, message in (
            ("", "input 0: the text is empty"), ([], "missing or empty"),
            (["a", " "], "input 1: the text is empty"), ([[1, 2]], "send text"),
            (["a\0b"], "zero character"), (["x" * (2 << 20)], "2097152 bytes"),
            (["a"] * 2049, "at most 2048"), ("data:image/png;base64,iVB?", "base64"),
            ("data:image/png;base64,aGVsbG8=", "not a picture")):
        with raises(openai.BadRequestError, message):
            create(model="latent", input=inputs)
    for n in (0, -1, 385):
        with raises(openai.BadRequestError, "'dimensions' .* from 1 to 384"):
            create(model="latent", input="a", dimensions=n)
    with raises(openai.BadRequestError, "encoding_format"):
        create(model="latent", input="a", encoding_format="hex")


def test_embeddings_of_aleph_alpha(client, offline):
    reply = client.embeddings(EmbeddingV2Request(input=["a dog", "a cat"]), model=MODEL)
    same(numpy.array([d.embedding for d in reply.data]), offline(texts=["a dog", "a cat"]))
    with raises(ValueError, "unknown model"):
        client.embeddings(EmbeddingV2Request(input="a dog"), model="gpt-5")


# ---- bad input: the right exception, and what to change ------------------------------------------


def png(width, height, rows=b""):
    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_bad_pictures(client, pictures, server):
    jpeg = (pictures / "photo.jpg").read_bytes()
    for data, message in (
            (b"", "the picture is empty"), (b"hello, I am text", "not a picture"),
            (jpeg[:len(jpeg) // 2], "truncated"), (jpeg[:30], "truncated|damaged"),
            (b"%PDF-1.7 and so on", "PDF"), (b"BM" + bytes(60), "BMP|known format"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (png(100001, 10), "100001 x 10 pixels, at most 100000 a side"),
            (png(60000, 60000), "60000 x 60000 pixels, at most 256 million")):
        before = server.memory()
        with raises(ValueError, message):
            vector(client, Prompt([picture_of(data)]))
        assert server.memory() < before + (64 << 20)  # refused before memory is taken


def test_bad_base64(client):
    for data, message in (
            ("not base64!", "not valid base64"), ("aGVsbG8*", "not valid base64"),
            ("a", "not valid base64"), ("data:image/png,aGVsbG8=", "a data: URL .* has the form"),
            ("http://127.0.0.1/a.png", "pictures are not fetched from URLs")):
        with raises(ValueError, f"prompt item 0: {message}"):
            vector(client, Prompt([picture_of(data)]))


def test_bad_prompts(client):
    for prompt, message in (
            (Prompt([]), "the prompt is empty"), (Prompt.from_text(""), "the text is empty"),
            (Prompt.from_text(" \n\t "), "the text is empty"),
            (Prompt.from_text("x" * (10 << 20)), "10485760 bytes, at most 1048576.*shorten"),
            (Prompt.from_text("a\0b"), "zero character"),
            (Prompt([Text.from_text("a")] * 65), "at most 64 items"),
            (Prompt([Tokens.from_token_ids([])]), "list of ids"),
            (Prompt([Tokens.from_token_ids([1 << 40])]), "not in the vocabulary")):
        with raises(ValueError, message):
            vector(client, prompt)
    request = BatchSemanticEmbeddingRequest([Prompt.from_text("a"), Prompt.from_text("")],
                                            SemanticRepresentation.Document)
    with raises(ValueError, "prompt 1: the text is empty"):
        client.batch_semantic_embed(request, model=MODEL)


def test_unknown_model(client):
    with raises(ValueError, "unknown model 'gpt-5'; GET /models_available lists"):
        client.semantic_embed(semantic(Prompt.from_text("a")), model="gpt-5")


BODIES = [
    (b"", "body"), (b"{", "line 1"), (b"[1]", "object"), (b"\xff\xfe", "body"),
    ({"prompt": "a", "representation": "query"}, "'model' must be a string"),
    ({"model": 7, "prompt": "a", "representation": "query"}, "'model' must be a string"),
    ({"model": MODEL, "prompt": "a"}, "'representation' must be"),
    ({"model": MODEL, "prompt": "a", "representation": "best"}, "unknown representation 'best'"),
    ({"model": MODEL, "representation": "query"}, "'prompt' is missing"),
    ({"model": MODEL, "prompt": 7, "representation": "query"}, "must be a list of items"),
    ({"model": MODEL, "prompt": [7], "representation": "query"}, "item 0: .*'type'"),
    ({"model": MODEL, "prompt": [{"type": "video"}], "representation": "query"}, "'video'"),
    ({"model": MODEL, "prompt": [{"type": "text"}], "representation": "query"}, "'data' of a text"),
    ({"model": MODEL, "prompt": [{"type": "image", "data": "aGVsbG8=", "x": 1}],
      "representation": "query"}, "a crop needs x, y and size"),
    ({"model": MODEL, "prompt": [{"type": "text", "data": "a", "controls": 1}],
      "representation": "query"}, "'controls' must be a list"),
]


@pytest.mark.parametrize("body,message", BODIES)
def test_bad_bodies(server, body, message):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = requests.post(server.url + "/semantic_embed", data=data, timeout=30)
    assert reply.status_code == 400
    assert reply.headers["Content-Type"] == "application/json"
    assert re.search(message, reply.json()["error"]), reply.text


def test_bad_batches(server):
    for prompts, message in ((["a"] * 101, "101 prompts in one batch, at most 100"),
                             ("a", "'prompts' must be a list"), (None, "must be a list")):
        reply = requests.post(server.url + "/batch_semantic_embed", timeout=30,
                              json={"prompts": prompts, "representation": "query"})
        assert reply.status_code == 400 and message in reply.json()["error"]
    empty = requests.post(server.url + "/batch_semantic_embed", timeout=30,
                          json={"prompts": [], "representation": "query"})
    assert empty.status_code == 200 and empty.json()["embeddings"] == []


def test_what_is_not_offered(client, server):
    for path in ("complete", "chat/completions", "evaluate", "explain", "rerank", "translate",
                 "steering_concepts"):
        reply = requests.post(f"{server.url}/{path}", json={}, timeout=30)
        assert reply.status_code == 404 and "not offered" in reply.json()["error"]
    with raises(ValueError, "use /semantic_embed"):
        client.embed(EmbeddingRequest(Prompt.from_text("a"), layers=[-1], pooling=["mean"]), MODEL)
    assert requests.get(server.url + "/no/such/path", timeout=30).status_code == 404
    assert requests.delete(server.url + "/version", timeout=30).status_code == 405
    assert requests.get(server.url + "/models/a%00b/tokenizer", timeout=30).status_code == 400


# ---- keys ----------------------------------------------------------------------------------------


def test_keys(binary, home, tmp_path, pictures):
    picture = Image.from_bytes((pictures / "plain.png").read_bytes() + bytes(8 << 20))
    with serving(binary, home, tmp_path, env={"LATENT_API_KEY": "s3cret",
                                              "LATENT_READ_ONLY_API_KEY": "reader"}) as s:
        for token in ("s3cret", "reader"):
            assert vector(Client(token=token, host=s.url), Prompt.from_text("a dog")).shape == (DIMS,)
        for token in ("wrong", "s3cre", "s3crets", "", "s3cret "):
            wrong = Client(token=token, host=s.url, total_retries=0)
            with raises(PermissionError, "API key"):
                vector(wrong, Prompt.from_text("a dog"))
            # With a body that is still under way when it is refused, too.
            with raises(PermissionError, "API key"):
                vector(wrong, Prompt.from_image(picture))
            with raises(PermissionError):
                wrong.models()
        none = requests.post(s.url + "/semantic_embed", json={}, timeout=30)
        assert none.status_code == 401 and "Must provide an API key" in none.json()["error"]
        with raises(openai.AuthenticationError):
            openai.OpenAI(api_key="wrong", base_url=s.url + "/v1", max_retries=0).models.list()
        assert requests.get(s.url + "/version", timeout=30).status_code == 200
        assert requests.get(s.url + "/metrics", timeout=30).status_code == 401


def test_public_address_needs_a_key(binary, home, tmp_path):
    program = Latent(binary, tmp_path, home)
    assert "--api-key" in program("serve", "--host", "0.0.0.0", "--port", "0", code=1).err
    assert "API key beside it" in program("serve", "--read-only-api-key", "r", code=1).err
    assert "both" in program("serve", "--tls-cert", "x.pem", code=1).err
    assert "cannot listen on 'no.such.host.invalid'" in program(
        "serve", "--host", "no.such.host.invalid", "--insecure", code=1).err


def test_aliases_and_taken_port(binary, home, tmp_path):
    with serving(binary, home, tmp_path, "--alias", "photos", "--alias", "pictures") as s:
        names = [m["name"] for m in requests.get(s.url + "/models_available", timeout=30).json()]
        assert names == ["latent-builtin", "photos", "pictures"]
        client = Client(token="any", host=s.url, total_retries=0)
        client.semantic_embed(semantic(Prompt.from_text("a")), model="pictures")
        with raises(ValueError, "unknown model 'luminous-base'"):
            client.semantic_embed(semantic(Prompt.from_text("a")), model="luminous-base")
        err = Latent(binary, tmp_path / "b", home)("serve", "--port", s.port, code=5).err
        assert f"cannot listen on 127.0.0.1, port {s.port}: Address already in use" in err


def test_body_limit(binary, home, tmp_path, pictures):
    with serving(binary, home, tmp_path, "--max-body", "1") as s:
        client = Client(token="any", host=s.url, total_retries=0)
        big = Image.from_bytes((pictures / "plain.png").read_bytes() + bytes(8 << 20))
        with raises(RuntimeError, "413.*larger than 1048576 bytes"):
            vector(client, Prompt.from_image(big))

        def pieces():  # without a length
            for _ in range(64):
                yield b" " * 65536
        reply = requests.post(s.url + "/semantic_embed", data=pieces(), timeout=30)
        assert reply.status_code == 413
        assert vector(client, Prompt.from_text("a dog")).shape == (DIMS,)


# ---- many at once --------------------------------------------------------------------------------


def test_many_at_once(client, server, offline, pictures):
    """Whatever shares a batch, each gets its own vector."""
    texts = [f"{CAPTIONS[i % len(CAPTIONS)]} {'far away ' * (i % 7)}{i}" for i in range(120)]
    want = offline(texts=texts)
    picture, = offline(pictures / "photo.jpg")
    photo = Prompt.from_image(Image.from_file(pictures / "photo.jpg"))

    def ask(i):
        if i % 6 == 5:
            return numpy.array(vector(client, photo)) - picture
        if i % 6 == 4:
            with raises(ValueError, "the text is empty"):
                vector(client, Prompt.from_text(" "))
            return numpy.zeros(1)
        return vector(client, Prompt.from_text(texts[i])) - want[i]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for difference in pool.map(ask, range(len(texts))):
            assert abs(difference).max() < 2e-5
    assert "rest_responses_total" in server.get("/metrics")


def noise(side):
    """A picture that takes its time: a large PNG that hardly compresses."""
    rng = numpy.random.default_rng(side)
    out = io.BytesIO()
    pixels = rng.integers(0, 255, (side, side, 3), dtype=numpy.uint8)
    PIL.Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return Image.from_bytes(out.getvalue())


def test_slow_pictures_delay_no_text(client, server):
    """Texts asked for after a heap of slow pictures are answered before the heap is done."""
    slow = Prompt.from_image(noise(2400))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        heap = [pool.submit(vector, client, slow) for _ in range(16)]
        concurrent.futures.wait(heap, return_when=concurrent.futures.FIRST_COMPLETED)
        assert sum(f.done() for f in heap) <= 8
        with_texts = Client(token="any", host=server.url, total_retries=0)
        for i in range(5):
            vector(with_texts, Prompt.from_text(f"text {i}"))
        assert not all(f.done() for f in heap)
        for f in heap:
            assert f.result().shape == (DIMS,)


def test_full_queue(binary, home, tmp_path):
    body = {"model": MODEL, "prompt": noise(1200).to_json(), "representation": "query"}
    body["prompt"] = [body["prompt"]]
    with serving(binary, home, tmp_path, "--workers", "1", "--queue", "1") as s:
        def ask(_):
            return requests.post(s.url + "/semantic_embed", json=body, timeout=60)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(ask, range(12)))
        statuses = [r.status_code for r in replies]
        assert set(statuses) == {200, 503}
        refused = next(r for r in replies if r.status_code == 503)
        assert refused.json()["code"] == "QUEUE_FULL" and "try again" in refused.json()["error"]
        assert int(refused.headers["Retry-After"]) >= 1

        def hasty(_):
            try:
                vector(Client(token="any", host=s.url, total_retries=0), Prompt(
                    [picture_of(body["prompt"][0]["data"])]))
            except BusyError as busy:
                return busy
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            assert any(pool.map(hasty, range(12)))

        def patient(i):
            return vector(Client(token="any", host=s.url), Prompt.from_text(f"text {i}"))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(patient, range(8)))) == 8  # the client comes again


def test_deadline(binary, home, tmp_path):
    """What does not have its turn in time is given up, as busy, and the rest is answered."""
    out = io.BytesIO()
    PIL.Image.new("L", (9000, 9000)).save(out, "PNG")  # small, but long to decode
    prompts = [[picture_of(out.getvalue()).to_json()]] * 12
    with serving(binary, home, tmp_path, "--timeout", "1") as s:
        body = {"prompts": prompts, "representation": "query", "model": MODEL}

        def ask(_):
            return requests.post(s.url + "/batch_semantic_embed", json=body, timeout=60)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            replies = list(pool.map(ask, range(3)))
        busy = [r for r in replies if r.status_code == 503]
        assert busy and "too busy" in busy[0].json()["error"]
        assert "its turn did not come" in busy[0].json()["error"]
        assert vector(Client(token="any", host=s.url), Prompt.from_text("a")).shape == (DIMS,)
