# SPDX-License-Identifier: Apache-2.0
"""Reads a state dict saved by torch, without torch and without trusting the file.

A .pth holds pickles, and a pickle can name any Python function to be called. The unpickler here
admits the three names that a plain state dict needs and refuses everything else, so a hostile file
gives an error and not a running program. Two containers exist: a zip archive (torch 1.6 and later)
and the older sequence of pickles followed by the raw storages.
"""
import collections
import io
import pickle
import struct
import zipfile
from dataclasses import dataclass

import numpy as np

from . import BuildError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
STORAGE_TYPES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ByteStorage": "u1",
}


@dataclass(frozen=True)
class _StorageType:
    dtype: str


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: str


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple
    stride: tuple


def _tensor(storage, offset, shape, stride, *_unused):
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in STORAGE_TYPES:
            return _StorageType(STORAGE_TYPES[name])
        raise pickle.UnpicklingError(f"refused to load {module}.{name}")

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise pickle.UnpicklingError("unknown persistent object")
        return _Storage(str(pid[2]), pid[1].dtype)


def load(data):
    """The tensors of a .pth given as bytes: a dict from name to array. BuildError if it is none."""
    try:
        return _load_zip(data) if data[:2] == b"PK" else _load_legacy(io.BytesIO(data))
    except (pickle.UnpicklingError, zipfile.BadZipFile, struct.error, AttributeError, EOFError,
            IndexError, KeyError, StopIteration, TypeError, ValueError) as e:
        raise BuildError(f"not a state dict that torch saved: {e}") from None


def _load_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        index = next(n for n in sorted(archive.namelist()) if n.endswith("/data.pkl"))
        root = index[:-len("data.pkl")]
        state = _Unpickler(io.BytesIO(archive.read(index))).load()
        return {name: _array(t, np.frombuffer(archive.read(f"{root}data/{t.storage.key}"),
                                              t.storage.dtype))
                for name, t in state.items()}


def _load_legacy(stream):
    if _Unpickler(stream).load() != LEGACY_MAGIC or _Unpickler(stream).load() != LEGACY_PROTOCOL:
        raise ValueError("wrong magic number")
    _Unpickler(stream).load()  # the writer's word sizes; x86 and ARM agree on them
    state = _Unpickler(stream).load()
    dtypes = {t.storage.key: np.dtype(t.storage.dtype) for t in state.values()}
    storages = {}
    for key in _Unpickler(stream).load():
        n_items, = struct.unpack("<q", stream.read(8))
        storages[key] = np.frombuffer(stream.read(n_items * dtypes[key].itemsize), dtypes[key])
    return {name: _array(t, storages[t.storage.key]) for name, t in state.items()}


def _array(tensor, storage):
    """Copies a tensor out of its storage; its strides must stay inside."""
    if len(tensor.shape) != len(tensor.stride) or min((0, *tensor.shape, *tensor.stride)) < 0:
        raise ValueError("a tensor has impossible strides")
    last = tensor.offset + sum(stride * (size - 1)
                               for size, stride in zip(tensor.shape, tensor.stride))
    if not 0 <= tensor.offset <= last < storage.size:
        raise ValueError("a tensor reaches outside its storage")
    strides = [stride * storage.itemsize for stride in tensor.stride]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset:], tensor.shape, strides).copy()
