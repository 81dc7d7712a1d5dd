#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the word lists under train/data: python3 train/check_data.py [folder]

classes.tsv and concepts.tsv have six columns, parallel.tsv has five; the last five are English, German,
French, Italian and Spanish. Prints one line per fault and exits 1 if there is any.
"""
import pathlib
import re
import sys
import unicodedata

LANGUAGES = ("en", "de", "fr", "it", "es")
CLASS_COUNT = 1000


def parse_classes(text):
    """The set of class indices that `text` ("-", or "1,5-9") names; raises ValueError."""
    if text == "-":
        return set()
    found = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not match:
            raise ValueError(f"not an index or a range: {part!r}")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first or last >= CLASS_COUNT:
            raise ValueError(f"range out of order or past {CLASS_COUNT - 1}: {part!r}")
        found.update(range(first, last + 1))
    return found


def cell_fault(cell, names):
    """What is wrong with one cell, or None; `names`: the cell is a list divided by '|'."""
    if not cell:
        return "empty cell"
    if unicodedata.normalize("NFC", cell) != cell:
        return f"not NFC: {cell!r}"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in cell):
        return f"control character: {cell!r}"
    parts = cell.split("|") if names else [cell]
    for part in parts:
        if not part or part != part.strip() or "  " in part:
            return f"stray space or empty name: {cell!r}"
        if any(unicodedata.category(c) == "Zs" and c != " " for c in part):
            return f"unusual space: {cell!r}"
        if names and re.search(r"[();\"]", part):
            return f"mark that no name needs: {cell!r}"
    if len(set(parts)) != len(parts):
        return f"name twice in a cell: {cell!r}"
    return None


def check_file(path, keyed):
    """The faults in one file; `keyed`: the first column holds class indices."""
    faults = []
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"{path}: not UTF-8: {error}"], []
    if not text.endswith("\n"):
        faults.append(f"{path}: no newline at the end")
    rows = [line.split("\t") for line in text.rstrip("\n").split("\n")]
    want = len(LANGUAGES) + (1 if keyed else 0)
    seen = {}
    for number, row in enumerate(rows, 1):
        where = f"{path}:{number}"
        if len(row) != want:
            faults.append(f"{where}: {len(row)} columns, not {want}")
            continue
        cells = row[1:] if keyed else row
        for language, cell in zip(LANGUAGES, cells):
            fault = cell_fault(cell, names=keyed)
            if fault:
                faults.append(f"{where}: {language}: {fault}")
            key = (language, cell.casefold())
            # Two English cells must differ; the other languages may share one word for two things.
            if language == "en" and key in seen:
                faults.append(f"{where}: {language}: same cell as line {seen[key]}: {cell!r}")
            seen.setdefault(key, number)
        if not keyed and not 3 <= len(cells[0].split()) <= 16:
            faults.append(f"{where}: en: not 3 to 16 words: {cells[0]!r}")
    return faults, rows


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"
    faults = []
    for name, keyed in (("classes.tsv", True), ("concepts.tsv", True), ("parallel.tsv", False)):
        path = folder / name
        if not path.is_file():
            faults.append(f"{path}: missing")
            continue
        found, rows = check_file(path, keyed)
        faults += found
        print(f"{path}: {len(rows)} lines")
        if name == "classes.tsv":
            if [row[0] for row in rows] != [str(i) for i in range(CLASS_COUNT)]:
                faults.append(f"{path}: first column is not 0 to {CLASS_COUNT - 1} in order")
        elif keyed:
            for number, row in enumerate(rows, 1):
                try:
                    parse_classes(row[0])
                except ValueError as error:
                    faults.append(f"{path}:{number}: {error}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
