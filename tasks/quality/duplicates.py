"""Duplicates: the same picture for two jobs, found over a SKU and over a whole run."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.errors import RenderError
from tasks.findings import Finding
from tasks.quality.evidence import Pixels
from tasks.quality.thresholds import Thresholds

HASH_SIDE = 16  # 256 bits: with 64, products of one shape on one background collide by the thousand
BITS = HASH_SIDE**2
TINTS = 4  # cells a side of the colour grid: the hash sees light only, and a red cap is not a blue one
LIKEST = 8  # so many of the nearest by hash are looked at for their colours
SAME_TINT = 6.0  # CIE76 between cells up to which pictures count as one colour


@dataclass(frozen=True)
class Signature:
    """What a picture is recognised by: a perceptual hash (256 bits) and a grid of mean colours (CIELAB, rounded)."""

    bits: NDArray[np.uint64]  # (4,)
    tints: NDArray[np.int8]  # (48,)

    def __str__(self) -> str:
        return self.bits.tobytes().hex() + self.tints.tobytes().hex()

    @classmethod
    def parse(cls, text: str) -> "Signature":
        """From what `str` gave. RenderError where it is not that."""
        try:
            data = bytes.fromhex(text)
            bits, tints = np.frombuffer(data[:32], np.uint64), np.frombuffer(data[32:], np.int8)
        except ValueError:
            raise RenderError(f"signature {text[:40]!r} is not hexadecimal; sign the picture again") from None
        if bits.size != BITS // 64 or tints.size != TINTS * TINTS * 3:
            raise RenderError(f"signature {text[:40]!r} has {len(data)} bytes, expected 80; sign the picture again")
        return cls(bits, tints)


class Match(NamedTuple):
    """The nearest other picture. `distance` is the share of hash bits that differ, 0..1."""

    job_id: str
    sku: str
    distance: float


def sign(pixels: Pixels) -> Signature:
    """Signature of a picture; small changes of size, encoding and noise move it by a few bits."""
    small = cv2.resize(pixels, (256, 256), interpolation=cv2.INTER_AREA)
    bits = imagehash.phash(Image.fromarray(small), hash_size=HASH_SIDE).hash
    grid = cv2.resize(small, (TINTS, TINTS), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    tints = np.clip(np.rint(cv2.cvtColor(grid, cv2.COLOR_RGB2LAB)), -128, 127).astype(np.int8)
    return Signature(np.packbits(bits).view(np.uint64), tints.ravel())


class DuplicateIndex:
    """Signatures of the pictures so far, 80 bytes each; asking costs half a millisecond at 50,000 pictures."""

    def __init__(self) -> None:
        self._bits = np.empty((BITS // 64, 256), np.uint64)  # by word: a run's words of one place lie side by side
        self._tints = np.empty((256, TINTS * TINTS * 3), np.int8)
        self._jobs: list[tuple[str, str]] = []
        self._rows: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, signature: Signature, *, job_id: str, sku: str) -> None:
        """Remember a picture; another take of the same job replaces the earlier one."""
        row = self._rows.setdefault(job_id, len(self._jobs))
        if row == len(self._jobs):
            self._jobs.append((job_id, sku))
            if row == len(self._tints):
                self._bits = np.concatenate([self._bits, np.empty_like(self._bits)], axis=1)
                self._tints = np.concatenate([self._tints, np.empty_like(self._tints)])
        self._bits[:, row], self._tints[row] = signature.bits, signature.tints

    def nearest(self, signature: Signature, *, job_id: str) -> Match | None:
        """The likest picture of another job that has the same colours, or None."""
        count = len(self._jobs)
        apart = np.zeros(count, np.uint16)
        for words, word in zip(self._bits, signature.bits, strict=True):
            apart += np.bitwise_count(words[:count] ^ word)
        if job_id in self._rows:
            apart[self._rows[job_id]] = BITS + 1
        if count > LIKEST:
            rows = np.flatnonzero(apart <= np.partition(apart, LIKEST - 1)[LIKEST - 1])
        else:
            rows = np.arange(count)
        for row in rows[np.argsort(apart[rows], kind="stable")[:LIKEST]]:
            if apart[row] <= BITS and self._tint_distance(int(row), signature) <= SAME_TINT:
                job, sku = self._jobs[row]
                return Match(job, sku, int(apart[row]) / BITS)
        return None

    def _tint_distance(self, row: int, signature: Signature) -> float:
        difference = self._tints[row].astype(np.float32) - signature.tints
        return float(np.linalg.norm(difference.reshape(-1, 3), axis=1).max())


def check_duplicate(index: DuplicateIndex, signature: Signature, thresholds: Thresholds, *, job_id: str) -> Finding:
    """`duplicate`: distance to the likest picture of another job, 0..1; 1 where none is alike."""
    match = index.nearest(signature, job_id=job_id)
    if match is None:
        return thresholds.at_least("duplicate", 1.0)
    return thresholds.at_least("duplicate", match.distance, detail=f"like job {match.job_id} of {match.sku}")
