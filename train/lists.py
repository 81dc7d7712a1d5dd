# SPDX-License-Identifier: Apache-2.0
"""The word lists under train/data, and what features and heads must agree on.

A text is used as it stands; a note in brackets ("Fuchs (Pferd)") is for the reader and is left out.
"""
import pathlib
import random
import re
from dataclasses import dataclass

from check_data import LANGUAGES, parse_classes

DATA = pathlib.Path(__file__).resolve().parent / "data"
CLASS_COUNT = 1000
# What the image head joins, by the names of tools/model/heads.py.
IMAGE_KEYS = ("f", "max", "s5", "s6", "s7", "d6", "d7")
LOCAL_SHARPNESS = .5
LANGUAGE_COUNT = len(LANGUAGES)


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


def concepts():
    """The concepts that some class shows or looks like."""
    every = named_concepts()
    by_name = {c.names[0][0]: c for c in every}
    result = [c for c in every if c.classes]
    for name, where in _rows("looks_like.tsv"):
        result.append(Concept(tuple(sorted(parse_classes(where))), by_name[name].names))
    return result


def sentences():
    """Sentences that say the same in the five languages."""
    return [tuple(row) for row in _rows("parallel.tsv")]


class Hidden:
    """Words that a training run must not meet, so that words outside its lists can be measured: all
    names of every `of`-th concept of a shuffle, from the `fold`-th on, in every language."""

    def __init__(self, fold=0, of=0):
        every = named_concepts()
        random.Random(0).shuffle(every)
        self.concepts = every[fold::of] if of else []
        self.names = [{n.lower() for c in self.concepts for n in c.names[g]}
                      for g in range(LANGUAGE_COUNT)]

    def __contains__(self, names):
        """Whether a thing (a list of names a language) goes by a hidden name in any language."""
        return any(n.lower() in self.names[g] for g, cell in enumerate(names) for n in cell)

    def said_in(self, text):
        """Whether an English text says a hidden name."""
        said = spoken(text)
        names = map(spoken, self.names[0])
        return any(name in said or name[:-1] + "s " in said for name in names)


def spoken(text):
    """A text in small letters, its words with single spaces between and around them."""
    return " " + " ".join(re.findall(r"\w+", text.lower())) + " "


def all_texts():
    """Every text of the lists once, sorted."""
    texts = {n for names in classes() for cell in names for n in cell}
    texts |= {n for c in named_concepts() for cell in c.names for n in cell}
    texts |= {t for row in sentences() for t in row}
    return sorted(texts)
