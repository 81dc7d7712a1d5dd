#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Multimodal semantic search, step by step, with the official clients of Aleph Alpha and Qdrant.

    latent serve &
    examples/tutorial/tutorial.py PHOTOS --query Surfing --image query.jpg --html hits.html

Both clients talk to one `latent serve`: the only thing that differs from their own services is the
address. README.md beside this file walks through the steps.
"""
import argparse
import asyncio
import collections
import pathlib
import sys

from aleph_alpha_client import (
    AsyncClient, Client, Image, Prompt, SemanticEmbeddingRequest, SemanticRepresentation)
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.models import Batch, Distance, VectorParams

import page

MODEL = "luminous-base"
KINDS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".heic", ".avif"}
BATCH = 1000  # points in one upsert
TOP = 3

Hit = collections.namedtuple("Hit", "filename score")
Question = collections.namedtuple("Question", "shown prompt picture")


# ---- step 1: what is asked of the embedding service ------------------------------------------------

def request(prompt, size):
    """One vector of `size` numbers for a prompt. Texts and pictures share one space, so the same
    request serves for both, and for photos and questions alike."""
    return SemanticEmbeddingRequest(prompt=prompt, compress_to_size=size,
                                    representation=SemanticRepresentation.Symmetric)


def picture_prompt(path):
    return Prompt([Image.from_file(str(path))])


def report_unreadable(photo, error):
    """The client raises ValueError(status, body) for what the service cannot read."""
    print(f"left out: {photo}: {error.args[-1]}", file=sys.stderr)


def questions(options):
    for text in options.query:
        yield Question(f"“{text}”", Prompt.from_text(text), None)
    for path in options.image:
        yield Question(f"like {path.name}", picture_prompt(path), path)


# ---- step 2: what is asked of the vector database --------------------------------------------------

def collection_config(size):
    return VectorParams(size=size, distance=Distance.COSINE)


def batches(embedded):
    """All points, numbered from 0, their payload the photo's name."""
    for first in range(0, len(embedded), BATCH):
        photos, vectors = zip(*embedded[first:first + BATCH], strict=True)
        yield Batch(ids=list(range(first, first + len(photos))), vectors=vectors,
                    payloads=[{"filename": str(photo)} for photo in photos])


def to_hits(points):
    return [Hit(point.payload["filename"], point.score) for point in points]


# ---- step 3: the clients, one call at a time, or many at once --------------------------------------

def run_sync(options, photos):
    """Yields each question with its hits."""
    models = Client(token=options.token, host=options.host)
    qdrant = QdrantClient(url=options.host, api_key=options.key, check_compatibility=False)

    def embed(prompt):
        return models.semantic_embed(request(prompt, options.size), model=MODEL).embedding

    embedded = []
    for photo in photos:
        try:
            embedded.append((photo, embed(picture_prompt(photo))))
        except ValueError as error:
            report_unreadable(photo, error)
    qdrant.delete_collection(options.collection)
    qdrant.create_collection(options.collection, vectors_config=collection_config(options.size))
    for points in batches(embedded):
        qdrant.upsert(options.collection, points=points)
    for question in questions(options):
        vector = embed(question.prompt)
        if hasattr(qdrant, "query_points"):
            found = qdrant.query_points(options.collection, query=vector, limit=TOP).points
        else:  # clients before 1.10
            found = qdrant.search(options.collection, query_vector=vector, limit=TOP)
        yield question, to_hits(found)


async def run_async(options, photos):
    """As run_sync, but with up to options.concurrency photos under way."""
    qdrant = AsyncQdrantClient(url=options.host, api_key=options.key, check_compatibility=False)
    at_once = asyncio.Semaphore(options.concurrency)
    async with AsyncClient(token=options.token, host=options.host) as models:

        async def embed(prompt):
            answer = await models.semantic_embed(request(prompt, options.size), model=MODEL)
            return answer.embedding

        async def embed_photo(photo):
            async with at_once:  # so that only a few photos are in memory
                try:
                    return photo, await embed(picture_prompt(photo))
                except ValueError as error:
                    return report_unreadable(photo, error)

        embedded = [e for e in await asyncio.gather(*map(embed_photo, photos)) if e]
        await qdrant.delete_collection(options.collection)
        await qdrant.create_collection(options.collection,
                                       vectors_config=collection_config(options.size))
        for points in batches(embedded):
            await qdrant.upsert(options.collection, points=points)
        answers = []
        for question in questions(options):
            found = await qdrant.query_points(options.collection, limit=TOP,
                                              query=await embed(question.prompt))
            answers.append((question, to_hits(found.points)))
    await qdrant.close()
    return answers


# ---- the command -----------------------------------------------------------------------------------

def show(question, found):
    print(f"\n{question.shown}")
    for rank, hit in enumerate(found, 1):
        print(f"{rank:3}  {hit.score:.3f}  {hit.filename}")


def parse():
    parser = argparse.ArgumentParser(description="Searches a folder of photos by meaning.")
    parser.add_argument("photos", type=pathlib.Path, help="the folder; those below it count too")
    parser.add_argument("--query", action="append", default=[], help="words to look for (again)")
    parser.add_argument("--image", action="append", default=[], type=pathlib.Path,
                        help="a picture to find the like of (again)")
    parser.add_argument("--host", default="http://127.0.0.1:6333", help="where latent serve is")
    parser.add_argument("--token", default="any", help="its API key, where it has one")
    parser.add_argument("--collection", default="tutorial", help="made anew each time")
    parser.add_argument("--size", type=int, default=128, help="numbers in a vector (default: 128)")
    parser.add_argument("--sync", action="store_true", help="one photo after the other")
    parser.add_argument("--concurrency", type=int, default=16, help="photos under way at once")
    parser.add_argument("--html", type=pathlib.Path, help="also write the hits as a page")
    options = parser.parse_args()
    options.key = None if options.token == "any" else options.token
    if not options.query and not options.image:
        options.query = ["Surfing"]
    return options


def main():
    options = parse()
    photos = sorted(p for p in options.photos.rglob("*") if p.suffix.lower() in KINDS)
    if not photos:
        sys.exit(f"tutorial: no photos in {options.photos}")
    print(f"{len(photos)} photos")
    if options.sync:
        answers = list(run_sync(options, photos))
    else:
        answers = asyncio.run(run_async(options, photos))
    for answer in answers:
        show(*answer)
    if options.html:
        page.write(options.html, answers)
        print(f"\nAs pictures: {options.html}")


if __name__ == "__main__":
    main()
