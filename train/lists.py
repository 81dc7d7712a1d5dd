# SPDX-License-Identifier: Apache-2.0
"""The word lists under train/data, and what features and heads must agree on.

A text is used as it stands; a note in brackets ("Fuchs (Pferd)") is for the reader and is left out.
"""
import pathlib
import re
from dataclasses import dataclass

from check_data import LANGUAGES, parse_classes

DATA = pathlib.Path(__file__).resolve().parent / "data"
CLASS_COUNT = 1000
# What the image head joins, by the names of tools/model/heads.py.
IMAGE_KEYS = ("f", "max", "s5", "s6", "s7", "d6", "d7")
LOCAL_SHARPNESS = .5


@dataclass(frozen=True)
class Concept:
    """An everyday thing: the classes that show it, and its names, a list a language."""
    classes: tuple
    names: tuple


def _rows(file):
    for line in (DATA / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _names(cell):
    names = (re.sub(r"\s*\(.*?\)", "", name).strip() for name in cell.split("|"))
    return [name for name in names if name]


def classes():
    """The names of each of the 1,000 classes: per class a list a language."""
    return [[_names(cell) for cell in cells] for _index, *cells in _rows("classes.tsv")]


def named_concepts():
    """Every row of concepts.tsv; `classes` is empty where no class shows the thing."""
    return [Concept(tuple(sorted(parse_classes(where))), tuple(map(_names, cells)))
            for where, *cells in _rows("concepts.tsv")]


def concepts(hidden=()):
    """The concepts that some class shows or looks like. Those whose first English name is in
    `hidden` are left out, so that words outside the lists can be measured."""
    every = named_concepts()
    by_name = {c.names[0][0]: c for c in every}
    result = [c for c in every if c.classes]
    for name, where in _rows("looks_like.tsv"):
        result.append(Concept(tuple(sorted(parse_classes(where))), by_name[name].names))
    return [c for c in result if c.names[0][0] not in hidden]


def parallel(hidden=()):
    """Texts that say the same in the five languages: sentences, concepts, classes."""
    rows = [tuple(row) for row in _rows("parallel.tsv")]
    rows += [tuple(n[0] for n in c.names) for c in named_concepts()
             if c.names[0][0] not in hidden]
    rows += [tuple(n[0] for n in names) for names in classes()]
    return rows


def all_texts():
    """Every text of the lists once, sorted."""
    texts = {n for names in classes() for cell in names for n in cell}
    texts |= {n for c in named_concepts() for cell in c.names for n in cell}
    texts |= {t for row in parallel() for t in row}
    return sorted(texts)
