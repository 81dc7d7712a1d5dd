# SPDX-License-Identifier: Apache-2.0
"""A plain Unigram tokenizer: what tokenizer.json describes, written as simply as it can be said.

It is the yardstick for the pruned vocabulary and for tests, not fast and not used by latent.
"""
import re

META = "\u2581"
UNKNOWN_PENALTY = 10.0


class Unigram:
    def __init__(self, pieces, scores, unk, character_map):
        self._ids = {piece: i for i, piece in enumerate(pieces) if i > unk and piece}
        self._scores = [float(score) for score in scores]
        self._unk = unk
        self._unk_score = min(self._scores) - UNKNOWN_PENALTY
        self._longest = max(map(len, self._ids))
        self._map = character_map

    def normalise(self, text):
        """The text as the pieces spell it: mapped characters, single spaces, META for each."""
        text = "".join(self._map.get(c, c) for c in text)
        text = re.sub(" {2,}", " ", text.rstrip())
        text = text.replace(" ", META)
        return text if not text or text.startswith(META) else META + text

    def encode(self, text):
        """The ids of the text's best segmentation, without the special tokens around it."""
        ids = []
        for word in re.findall(f"{META}[^{META}]*", self.normalise(text)):
            for i in self.encode_word(word):
                if i != self._unk or ids[-1:] != [i]:  # neighbouring unknowns are one
                    ids.append(i)
        return ids

    def encode_word(self, word):
        """The best segmentation of a normalised word (Viterbi); unknown characters cost most."""
        end = len(word)
        best = [(0.0, 0, 0)] + [None] * end  # score, start of the last piece, its id
        for start in range(end):
            score = best[start][0]
            for stop in range(start + 1, min(end, start + self._longest) + 1):
                piece = self._ids.get(word[start:stop])
                if piece is None:
                    continue
                total = score + self._scores[piece]
                if best[stop] is None or total > best[stop][0]:
                    best[stop] = (total, start, piece)
            unknown = score + self._unk_score
            if best[start + 1] is None or unknown > best[start + 1][0]:
                best[start + 1] = (unknown, start, self._unk)
        ids = []
        while end:
            _score, end, piece = best[end]
            ids.append(piece)
        return ids[::-1]
