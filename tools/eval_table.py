#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eval_table.py OUT [--print]: makes tables of what `latent eval` found and writes them between the
marks of docs/MODEL.md. With --print it only prints them."""
import json
import pathlib
import sys

CARD = pathlib.Path(__file__).resolve().parent.parent / "docs" / "MODEL.md"
BEGIN, END = "<!-- figures: begin, written by make eval -->", "<!-- figures: end -->"
SETS = {
    "coco": "COCO train2017, 80 photos",
    "coco+": "COCO train2017, 80 photos among 1,000 of Flickr8k",
    "flickr": "Flickr8k, 1,000 photos that no training saw",
    "stamps": "Tux Paint stamps, 323 cut-out objects",
}
DIRECTIONS = {"text_to_image": "text → photo", "image_to_text": "photo → text"}
ORDER = ["en", "de", "fr", "it", "es"]


def read(path):
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda r: (list(DIRECTIONS).index(r["direction"]),
                                       ORDER.index(r["lang"])))


def cell(row, k):
    low, high = row["ci95"][k]
    return f"{100 * row['recall'][k]:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def table(out, name):
    rows = read(out / f"{name}.result.jsonl")
    short = {(r["lang"], r["direction"]): r for r in read(out / f"{name}@128.result.jsonl")}
    if not rows:
        return []
    lines = [f"### {SETS[name]}", "",
             "| | language | questions | R@1 | R@5 | R@10 | R@10 of the first 128 dimensions |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for r in rows:
        other = short.get((r["lang"], r["direction"]))
        cut = f"{100 * other['recall']['10']:.1f}" if other else "–"
        lines.append(f"| {DIRECTIONS[r['direction']]} | {r['lang']} | {r['n']} | {cell(r, '1')} | "
                     f"{cell(r, '5')} | {cell(r, '10')} | {cut} |")
    return lines + [""]


def copies(out):
    path = out / "copies.json"
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    lines = [f"### Altered copies, {found['sample']} photos among {found['gallery']:,}", "",
             "| alteration | R@1 of `latent search --image` | by vectors alone |",
             "| --- | --- | --- |"]
    lines += [f"| {name} | {of['search']:.1f} | {of['vectors']:.1f} |"
              for name, of in found["recall_at_1"].items()]
    return lines + ["", f"Of {found['strangers']} pictures that are not there, "
                    f"{found['taken_for_copies']} were taken for a copy of one.", ""]


def main():
    out = pathlib.Path(sys.argv[1])
    lines = [line for name in SETS for line in table(out, name)] + copies(out)
    text = "\n".join(lines)
    print(text)
    if "--print" in sys.argv:
        return
    card = CARD.read_text(encoding="utf-8")
    begin, end = card.find(BEGIN), card.find(END)
    if begin < 0 or end < begin:
        sys.exit(f"eval: {CARD.name} lacks the marks for its tables")
    CARD.write_text(card[:begin + len(BEGIN)] + "\n" + text + "\n" + card[end:], encoding="utf-8")
    print(f"eval: written to docs/{CARD.name}")


if __name__ == "__main__":
    main()
