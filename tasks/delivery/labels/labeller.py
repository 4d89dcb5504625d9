"""Labels for the renditions of one master: written last, read back at once."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.delivery.labels.credentials import Certificate, growth, read_credentials, sign
from tasks.delivery.labels.fields import COMPOSITE, Aigc, FileRecipe, Labels
from tasks.delivery.labels.files import Container, container_of, digest_picture, insert_packet, read_labels
from tasks.delivery.labels.mark import Marker, check_legible
from tasks.delivery.labels.packet import pad_packet, write_packet
from tasks.errors import LabelError
from tasks.findings import Finding
from tasks.rendering.job import RenderJob, take_seed
from tasks.shapes import Box

# Raised whenever the same rendition would be labelled otherwise because our own code changed.
LABELLING = 1

# What a container needs around a packet: 34 bytes in PNG, about a hundred in AVIF. The rest is the packet's padding,
# so that a file grows by the same bytes in every format, and the encoder can be told beforehand.
AROUND = 128
USUAL_AROUND: dict[Container, int] = {"jpeg": 33, "png": 34, "webp": 8, "avif": 92}
_NO_DIGEST = "sha256:" + "0" * 64
# Stand for what tells the placements of one master apart, in the packet that is written once for all of them.
_PLACEMENT, _RULE = "any-placement-of-it", "any-rule-of-it"
_PLAIN = re.compile("[A-Za-z0-9._-]+")  # needs no escape, in JSON or in XML


class Credits(NamedTuple):
    """Who answers for the files: `producer` is the business code or name for TC260, the rest is the brand's."""

    producer: str
    creator: str = ""
    rights: str = ""
    owner: str = ""


class Origin(NamedTuple):
    """Which master a file comes from."""

    job: RenderJob
    job_id: str
    take: int
    sku: str
    scene: str
    variant: int

    @property
    def generated(self) -> bool:
        """Whether any pixel comes from a model: on plain white nothing was diffused."""
        return self.job.background != "white"


def describe(origin: Origin, credits_: Credits, *, placement: str, rule: str) -> Labels:
    """The labels of one file, but for its picture's digest.

    A generated background gets TC260:AIGC and the IPTC type for a composite. A cut-out on white holds nothing
    generated: neither is claimed, and what kind of picture the product photograph is we cannot know.
    """
    job = origin.job
    aigc = Aigc(
        label="1",
        content_producer=credits_.producer,
        produce_id=f"{origin.job_id}-{origin.take}",
        reserved_code_1=_NO_DIGEST,
    )
    recipe = FileRecipe(
        job_id=origin.job_id,
        take=origin.take,
        sku=origin.sku,
        scene=origin.scene,
        variant=origin.variant,
        placement=placement,
        rule=rule,
        model=job.model,
        seed=take_seed(job.seed, origin.take),
        product_image=job.product_image,
        generated=origin.generated,
    )
    labels = Labels(
        aigc=aigc if origin.generated else None,
        source_type=COMPOSITE if origin.generated else "",
        creator=credits_.creator,
        rights=credits_.rights,
        owner=credits_.owner,
        recipe=recipe,
    )
    return labels.with_picture(_NO_DIGEST)


class _Written(NamedTuple):
    placement: str
    labels: Labels
    packet: bytes


class Labeller:
    """A `tasks.banners.finish.Finisher` for the renditions of one master. `marker` draws the visible mark, if any.

    With a `certificate`, what holds generated pixels is signed (C2PA) once it is labelled.
    """

    def __init__(
        self, origin: Origin, credits_: Credits, *, marker: Marker | None = None, certificate: Certificate | None = None
    ) -> None:
        self._origin, self._credits = origin, credits_
        self._certificate = certificate if origin.generated else None
        self._growth = growth(certificate, COMPOSITE) if certificate and origin.generated else {}
        # a mark on a picture in which nothing is generated would be false
        self._marker = marker if origin.generated else None
        self._kept: _Written | None = None

    def mark(self, canvas: Pixels, keep_off: Sequence[Box], placement: Placement) -> tuple[Pixels, tuple[Finding, ...]]:
        """The canvas with the visible mark where the brief asks for one."""
        return self._marker.mark(canvas, keep_off, placement) if self._marker else (canvas, ())

    def reserve(self, placement: Placement) -> int:
        return len(self._written(placement).packet) + AROUND + self._most_growth

    def label(self, data: bytes, placement: Placement) -> tuple[bytes, tuple[Finding, ...]]:
        """The same file with its labels, longer by exactly `reserve`, and the finding of reading them back."""
        written, digest = self._written(placement), digest_picture(data)
        labels = written.labels.with_picture(digest)
        packet = written.packet.replace(_NO_DIGEST.encode(), digest.encode())
        if written.packet.count(_NO_DIGEST.encode()) != 1:  # somebody's SKU reads like our place holder
            packet = _even(write_packet(labels))
        container = container_of(data)
        drawn = self._marker.drawn if self._marker else None
        legible = (check_legible(data, drawn),) if drawn else ()
        # containers differ in what a signature takes: padding makes up for it, so that files grow alike
        spare = self._most_growth - self._growth.get(container, 0)
        labelled = _insert(data, packet, placement, around=AROUND + spare)
        if self._certificate is None:
            return labelled, (*legible, read_back(labelled, labels))
        signed = sign(labelled, container, self._certificate, source_type=COMPOSITE)
        return signed, (*legible, read_back(signed, labels), _signed_finding(signed, container))

    @property
    def _most_growth(self) -> int:
        """By how many bytes a signature makes a file longer in the container that takes most; even, as WebP needs."""
        most = max(self._growth.values(), default=0)
        return most + most % 2

    def _written(self, placement: Placement) -> _Written:
        """Labels and packet without the digest; kept, because they are asked for before and after encoding."""
        if self._kept is None or self._kept.placement != placement.id:
            self._kept = self._filled(placement) or self._described(placement)
        return self._kept

    def _described(self, placement: Placement) -> _Written:
        labels = describe(self._origin, self._credits, placement=placement.id, rule=placement.digest)
        return _Written(placement.id, labels, _even(write_packet(labels)))

    def _filled(self, placement: Placement) -> _Written | None:
        """The one packet with this placement's words; None where they, or a text of the product, forbid it."""
        labels, packet = self._blank
        words = {_PLACEMENT: placement.id, _RULE: placement.digest}
        if labels.recipe is None or not all(_PLAIN.fullmatch(word) for word in words.values()):
            return None
        for blank, word in words.items():
            if packet.count(blank.encode()) != 1:
                return None
            packet = packet.replace(blank.encode(), word.encode())
        recipe = labels.recipe.model_copy(update={"placement": placement.id, "rule": placement.digest})
        return _Written(placement.id, labels.model_copy(update={"recipe": recipe}), _even(packet))

    @cached_property
    def _blank(self) -> tuple[Labels, bytes]:
        labels = describe(self._origin, self._credits, placement=_PLACEMENT, rule=_RULE)
        return labels, write_packet(labels)


def _signed_finding(data: bytes, container: Container) -> Finding:
    """Whether the signature is read back as valid for this very file."""
    found = read_credentials(data, container)
    passed = found is not None and found.state == "valid" and found.source_type == COMPOSITE
    detail = "no manifest" if found is None else "; ".join(found.problems) or f"signed by {found.name or found.issuer}"
    return Finding(check="c2pa", value=float(passed), limit=1, passed=passed, severity="reject", detail=detail)


def _insert(data: bytes, packet: bytes, placement: Placement, *, around: int) -> bytes:
    """The file longer by the packet and `around`, whatever its container needs of that for itself."""
    padding, wanted = around - USUAL_AROUND[container_of(data)], len(data) + len(packet) + around
    labelled = insert_packet(data, pad_packet(packet, padding))
    if len(labelled) == wanted:
        return labelled
    padding += wanted - len(labelled)
    if padding < 0:
        raise LabelError(f"{placement.id}: labels need {-padding} bytes more around them than expected.")
    return insert_packet(data, pad_packet(packet, padding))


def _even(packet: bytes) -> bytes:
    """WebP pads chunks of odd length."""
    return pad_packet(packet, len(packet) % 2)


def read_back(data: bytes, expected: Labels) -> Finding:
    """Whether the file says what was written into it, and whether its picture is the one that was labelled."""
    try:
        found = read_labels(data)
        reason = _difference(found, expected) or _picture_difference(data, expected)
    except LabelError as error:
        reason = str(error)
    passed = not reason
    return Finding(
        check="labels", value=float(passed), limit=1, passed=passed, severity="reject", detail=reason or "read back"
    )


def _difference(found: Labels, expected: Labels) -> str:
    for name in Labels.model_fields:
        if getattr(found, name) != getattr(expected, name):
            return f"{name}: found {getattr(found, name)!r}, written was {getattr(expected, name)!r}"
    return ""


def _picture_difference(data: bytes, expected: Labels) -> str:
    found = digest_picture(data)
    return "" if found == expected.picture else f"picture: found {found}, labelled was {expected.picture}"
