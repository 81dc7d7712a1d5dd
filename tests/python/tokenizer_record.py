#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/tokenizer: small tokenizers trained on the sentences of tokenizer_lines.py, and
for each a sample of lines with the ids that Python's `tokenizers` gives them.

    tokenizer_record.py            trains and records all (needs also sentencepiece, protobuf)
    tokenizer_record.py --builtin  records the built-in model's, with a fingerprint of the file

A line of a sample is the text in hex, a tab, and the ids."""
import base64
import io
import json
import pathlib
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

from tokenizer_lines import FOREIGN, SENTENCES, Lines

HERE = pathlib.Path(__file__).resolve().parents[1] / "data/tokenizer"
SAMPLE = 300
# Rules of a character map: what it replaces and by what. Long, short, empty, overlapping keys.
RULES = [("ﬁ", "fi"), ("ﬂ", "fl"), ("™", "TM"), ("…", "..."), ("½", "1⁄2"), ("ª", "a"),
         ("\u00a0", " "),
         ("\u3000", " "), ("\u200b", " "), ("\t", " "), ("\n", " "), ("\r", " "), ("\u0001", ""),
         ("\u0008", ""), ("\u00ad", ""), ("e\u0301", "é"), ("a\u0308", "ä"), ("o\u0308", "ö"),
         ("u\u0308", "ü"), ("n\u0303", "ñ"), ("\u1100\u1161", "가"), ("\u0958", "\u0915\u093c"),
         ("か\u3099", "が"), ("ｶﾞ", "ガ"), ("ﾊ", "ハ"), ("ﷺ", "صلى الله عليه وسلم"), ("❤\ufe0f", "❤"),
         ("Ａ", "A"), ("Ｂ", "B"), ("１", "1"), ("¨", " \u0308"), ("ß", "ss"), ("№", "No")]


def train(pieces, **options):
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder, "rules.tsv")
        rules.write_text("".join(
            " ".join(f"{ord(c):x}" for c in a) + "\t" + " ".join(f"{ord(c):x}" for c in b) + "\n"
            for a, b in RULES))
        if options.pop("own_rules", False):
            options["normalization_rule_tsv"] = str(rules)
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter((SENTENCES + FOREIGN) * 4), model_writer=model,
            vocab_size=pieces, model_type="unigram", hard_vocab_limit=False,
            character_coverage=0.98, minloglevel=2, num_threads=1, **options)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto


def vocabulary(proto, before):
    pieces = [[p.piece, p.score] for p in proto.pieces if p.type == 1 or p.type == 6]
    known = {p for p, _ in pieces}
    return [[p, s] for p, s in before if p not in known] + pieces


def token(content, **flags):
    base = {"id": 0, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True}
    return base | flags


def charsmap(proto):
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def file_of(vocab, unk_id, added, normalizer, pre_tokenizer, post_processor, byte_fallback=False):
    ids = {p: i for i, (p, _) in enumerate(vocab)}
    extra = len(vocab)
    for t in added:
        if t["content"] not in ids:
            ids[t["content"]] = extra
            extra += 1
        t["id"] = ids[t["content"]]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
            "post_processor": post_processor, "decoder": None,
            "model": {"type": "Unigram", "unk_id": unk_id, "vocab": vocab,
                      "byte_fallback": byte_fallback}}


def template(before, after):
    special = {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in before + after}
    items = [{"SpecialToken": {"id": t, "type_id": 0}} for t, _ in before]
    items.append({"Sequence": {"id": "A", "type_id": 0}})
    items += [{"SpecialToken": {"id": t, "type_id": 0}} for t, _ in after]
    pair = items + [{"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": items, "pair": pair, "special_tokens": special}


def like_xlmr():
    """Precompiled, Metaspace always, TemplateProcessing, a mask that swallows spaces."""
    proto = train(700, own_rules=True)
    vocab = vocabulary(proto, [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]])
    vocab.append(["<mask>", 0.0])
    return file_of(
        vocab, 3,
        [token(t) for t in ("<s>", "<pad>", "</s>", "<unk>")] + [token("<mask>", lstrip=True)],
        {"type": "Precompiled", "precompiled_charsmap": charsmap(proto)},
        {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
        template([("<s>", 0)], [("</s>", 2)]))


def like_siglip():
    """Lowercase, regular expressions, Strip, Metaspace first, bytes for the unknown, odd tokens."""
    proto = train(500, normalization_rule_name="nmt_nfkc_cf")
    before = [["</s>", 0.0], ["<unk>", 0.0]] + [[f"<0x{i:02X}>", -20.5] for i in range(256)]
    vocab = vocabulary(proto, before)
    punctuation = "[!\"\\#\\$%\\&'\\(\\)\\*\\+,\\-\\.:;=\\?@\\[\\\\\\]\\^_`\\{\\|\\}\\~]"
    steps = [{"type": "Lowercase"},
             {"type": "Replace", "pattern": {"Regex": punctuation}, "content": ""},
             {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
             {"type": "Replace", "pattern": {"String": "``"}, "content": "\""},
             {"type": "Strip", "strip_left": True, "strip_right": True},
             {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]
    return file_of(
        vocab, 1,
        [token("</s>"), token("<unk>"),
         token("Word", special=False, normalized=True, single_word=True),
         token("<extra>", rstrip=True, lstrip=True),
         token("[CLS]", special=False, normalized=True)],
        {"type": "Sequence", "normalizers": steps},
        {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}]},
        template([], [("</s>", 0)]), True)


def like_none():
    """Normal forms, StripAccents, Nmt, Prepend, Whitespace, two processors in a row."""
    proto = train(400, normalization_rule_name="identity")
    vocab = vocabulary(proto, [["<unk>", 0.0], ["[CLS]", 0.0], ["[SEP]", 0.0]])
    steps = [{"type": "NFKC"}, {"type": "NFD"}, {"type": "Nmt"}, {"type": "StripAccents"},
             {"type": "NFC"}, {"type": "Prepend", "prepend": "▁"}, {"type": "NFKD"},
             {"type": "Strip", "strip_left": False, "strip_right": True}]
    bert = {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}
    roberta = {"type": "RobertaProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1],
               "trim_offsets": True, "add_prefix_space": False}
    return file_of(vocab, 0,
                   [token("[CLS]"), token("[SEP]"),
                    token("<mask>", special=False, normalized=True)],
                   {"type": "Sequence", "normalizers": steps}, {"type": "Whitespace"},
                   {"type": "Sequence", "processors": [roberta, bert]})


def sample(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    generator = Lines(1)
    fixed = [line for line in generator.fixed() if len(line) < 1000]
    lines = fixed[::2] + [generator.line() for _ in range(SAMPLE)]
    for line in lines:
        ids = tokenizer.encode(line.decode("utf-8", "replace")).ids
        yield line.hex() + "\t" + " ".join(map(str, ids)) + "\n"


def fingerprint(path):
    """FNV-1a: what the unit test holds its file against."""
    total = 0xcbf29ce484222325
    for byte in path.read_bytes():
        total = (total ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{total:016x}\n"


def main():
    if sys.argv[1:] == ["--builtin"]:
        path = HERE.parents[2] / "build/model/builtin/tokenizer.json"
        (HERE / "builtin.ids").write_text("".join(sample(path)))
        (HERE / "builtin.fnv").write_text(fingerprint(path))
        return
    HERE.mkdir(parents=True, exist_ok=True)
    for make in (like_xlmr, like_siglip, like_none):
        name = make.__name__
        path = HERE / f"{name}.json"
        path.write_text(json.dumps(make(), ensure_ascii=False, separators=(",", ":")) + "\n")
        (HERE / f"{name}.ids").write_text("".join(sample(path)))
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
