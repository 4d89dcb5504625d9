"""The header of a safetensors file: names, types and shapes of its tensors, without reading a single weight.

Layout of the format: eight bytes with the header's length (little endian), the header as JSON, then the data; every
tensor gives its offsets in the data, so a file's full length is known from its first kilobytes.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tasks.errors import ModelError

LENGTH_BYTES = 8
MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors library itself
LFS = b"version https://git-lfs"


class TensorInfo(NamedTuple):
    """One tensor as its file describes it; `dtype` in safetensors' names (F32, F16, BF16, ...)."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What one file holds. `size` is its length in bytes."""

    path: Path
    tensors: Mapping[str, TensorInfo]
    size: int


def read_header(path: Path) -> Header:
    """Read a file's header. Raises ModelError where it is missing, a git-lfs pointer, cut off or something else."""
    if not path.is_file():
        beside = ", ".join(sorted(other.name for other in path.parent.glob("*"))[:8]) or "nothing"
        raise ModelError(f"{path} is missing; beside it: {beside}. Fetch this file again")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES)
        _assert_weights(path, start + file.read(len(LFS) - LENGTH_BYTES), size)
        (length,) = struct.unpack("<Q", start)
        if length > min(MAX_HEADER, size - LENGTH_BYTES):
            raise _half(path, size, "its header alone would be longer than the file")
        file.seek(LENGTH_BYTES)
        entries = _parse(path, size, file.read(length))
    end = max((stop for _, stop in entries.values()), default=0)
    if size != LENGTH_BYTES + length + end:
        raise _half(path, size, f"its header says {LENGTH_BYTES + length + end} bytes")
    return Header(path=path, tensors={name: info for name, (info, _) in entries.items()}, size=size)


def _assert_weights(path: Path, start: bytes, size: int) -> None:
    if start.startswith(LFS):
        raise ModelError(
            f"{path} ({size} bytes) is a git-lfs pointer, the weights themselves were not downloaded; run "
            f"`git lfs pull` in the repository, or `shangxin models fetch`"
        )
    if start.startswith((b"PK\x03\x04", b"\x80\x02")):
        raise ModelError(f"{path} is a pickle under the name of a safetensors file; fetch the repository's own file")
    if start.lstrip().startswith(b"<"):
        raise ModelError(f"{path} ({size} bytes) is a web page, not weights; delete it and fetch it again")
    if size < LENGTH_BYTES:
        raise _half(path, size, "it is shorter than any safetensors file")


def _parse(path: Path, size: int, text: bytes) -> dict[str, tuple[TensorInfo, int]]:
    """Every tensor with the end of its data."""
    try:
        entries = json.loads(text)
        return {
            name: (TensorInfo(entry["dtype"], tuple(entry["shape"])), int(entry["data_offsets"][1]))
            for name, entry in entries.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _half(path, size, f"its header cannot be read: {error}") from error


def _half(path: Path, size: int, why: str) -> ModelError:
    return ModelError(f"{path} ({size} bytes) is half a file or none ({why}); delete it and fetch it again")
