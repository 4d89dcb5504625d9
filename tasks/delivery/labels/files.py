"""Labels in files: which container a file is, its XMP, and the digest of its coded picture."""

import hashlib
from types import ModuleType
from typing import Literal

from tasks.delivery.labels import avif, jpeg, png, webp
from tasks.delivery.labels.fields import Labels
from tasks.delivery.labels.packet import read_packet
from tasks.errors import LabelError

Container = Literal["jpeg", "png", "webp", "avif"]

_CONTAINERS: dict[Container, ModuleType] = {"jpeg": jpeg, "png": png, "webp": webp, "avif": avif}


def container_of(data: bytes) -> Container:
    """The file's format by its first bytes. Raises LabelError for one that we do not label."""
    if data.startswith(jpeg.SIGNATURE):
        return "jpeg"
    if data.startswith(png.SIGNATURE):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and avif.is_avif(data):
        return "avif"
    raise LabelError(f"found a file that begins with {data[:12]!r}; expected a JPEG, PNG, WebP or AVIF picture.")


def insert_packet(data: bytes, packet: bytes) -> bytes:
    """The same file with this XMP packet in place of any it had; no pixel is coded again."""
    labelled: bytes = _CONTAINERS[container_of(data)].insert(data, packet)
    return labelled


def find_packet(data: bytes) -> bytes | None:
    """The file's XMP packet, None where there is none. Raises LabelError for a damaged file."""
    packet: bytes | None = _CONTAINERS[container_of(data)].find(data)
    return packet


def read_labels(data: bytes) -> Labels:
    """What the file says of itself; empty labels where it says nothing. Raises LabelError for damage."""
    packet = find_packet(data)
    return Labels() if packet is None else read_packet(packet)


def digest_picture(data: bytes) -> str:
    """`sha256:` and the digest of the coded picture and its colour profile.

    Metadata may be added or removed and the digest stays; a pixel coded again, a crop or another profile changes it.
    """
    container = container_of(data)
    digest = hashlib.sha256(container.encode())
    for part in _CONTAINERS[container].picture_parts(data):
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"
