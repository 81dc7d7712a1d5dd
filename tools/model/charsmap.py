# SPDX-License-Identifier: Apache-2.0
"""The `precompiled_charsmap` of a tokenizer.json: a map from strings to strings.

Its bytes, as SentencePiece writes and the `tokenizers` library reads them:

    u32 size of the array in bytes | u32 array[] | replacements, each ended by a zero byte

The array is a double array over the keys' UTF-8 (the layout of darts-clone). A walk stands on a
base and steps to cell base ^ byte, which must carry that byte as its label:

    inner cell   bits 0-7 label, bit 8 "a key ends here", bits 10-31 (own index ^ the next base)
    value cell   at (next base ^ 0): bit 31 set, bits 0-30 where the replacement begins

Bit 9 would shift the offset by 8; the maps here are small enough not to need it.
"""
import base64
import struct

import numpy as np

ENDS_KEY = 1 << 8
VALUE = 1 << 31
OFFSET_SHIFT = 10
OFFSET_LIMIT = 1 << 21
PAGE = 256  # a base and its 256 steps lie in one page, so whole pages keep every step inside


def encode(mapping):
    """The charsmap (bytes) of a dict from str to str; keys must not be empty nor hold U+0000."""
    if any(not key or "\0" in key for key in mapping):
        raise ValueError("a key is empty or holds a zero")
    replacements, starts = bytearray(), {}
    for text in sorted(set(mapping.values())):
        starts[text] = len(replacements)
        replacements += text.encode() + b"\0"
    root = {}
    for key in sorted(mapping):
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[VALUE] = starts[mapping[key]]
    array = _DoubleArray().fill(root)
    return struct.pack("<I", array.nbytes) + array.tobytes() + bytes(replacements)


def encode_base64(mapping):
    return base64.b64encode(encode(mapping)).decode()


class _DoubleArray:
    """Places the nodes of the trie, each at the first base where all its steps are free."""

    def __init__(self):
        self._cells = np.zeros(PAGE, "<u4")
        self._taken = np.zeros(PAGE, bool)
        self._bases = np.zeros(PAGE, bool)  # a base serves one node, so labels tell nodes apart
        self._first = 0                     # every cell below is taken
        self._taken[0] = True               # the root

    def fill(self, root):
        waiting = [(0, root)]
        while waiting:
            cell, node = waiting.pop()
            steps = [0 if step == VALUE else step for step in node]
            base = self._find_base(steps)
            self._bases[base] = True
            self._taken[[base ^ step for step in steps]] = True
            if cell ^ base >= OFFSET_LIMIT:
                raise ValueError("the character map is too large")
            self._cells[cell] |= (cell ^ base) << OFFSET_SHIFT
            for step, child in node.items():
                if step == VALUE:
                    self._cells[cell] |= ENDS_KEY
                    self._cells[base] = VALUE | child
                else:
                    self._cells[base ^ step] = step
                    waiting.append((base ^ step, child))
        return self._cells

    def _find_base(self, steps):
        while True:
            while self._first < len(self._taken) and self._taken[self._first]:
                self._first += 1
            for cell in np.flatnonzero(~self._taken[self._first:]) + self._first:
                base = int(cell) ^ steps[0]
                if not self._bases[base] and not any(self._taken[base ^ step] for step in steps):
                    return base
            self._grow()

    def _grow(self):
        self._cells = np.concatenate([self._cells, np.zeros(PAGE, "<u4")])
        self._taken = np.concatenate([self._taken, np.zeros(PAGE, bool)])
        self._bases = np.concatenate([self._bases, np.zeros(PAGE, bool)])
