"""The pictures on the page: found by what the ledger knows, never by what a request names."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from PIL import Image

from tasks.catalog.brief import CampaignBrief
from tasks.catalog.picture import open_product_image
from tasks.delivery.thumbnails import make_thumbnail
from tasks.errors import ShangxinError
from tasks.workplace import Workplace

THUMB_SIDE = 200
ORIGINAL_SIDE = 900
DECODERS = 2  # at once: an original of 60 million pixels takes 240 MB while it is looked at
KEPT_BYTES = 96 * 2**20
TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


class Shelf:
    """The latest pictures made, up to so many bytes."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most, self._bytes = most, 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._bytes += len(made) - len(self._kept.pop(key, b""))
            self._kept[key] = made
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return made


class Pictures:
    """Bytes and media type of what the page shows; None where there is nothing to show."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._shelf = Shelf()
        self._decoding = threading.BoundedSemaphore(DECODERS)

    def thumb(self, job_id: str, take: int) -> bytes | None:
        """WebP for the list."""
        return self._of_master(job_id, take, "thumb", lambda data: make_thumbnail(data, side=THUMB_SIDE))

    def master(self, job_id: str, take: int) -> bytes | None:
        """JPEG at full size: a tenth of the PNG's weight, and no eye tells them apart."""
        return self._of_master(job_id, take, "master", _as_jpeg)

    def master_file(self, job_id: str, take: int) -> bytes | None:
        """The PNG as it is stored."""
        found = self._workplace.ledger.master(job_id, take)
        return self._workplace.store.get(found.key) if found else None

    def original(self, run_id: str, job_id: str) -> bytes | None:
        """WebP of the product's own picture, as it was when the job was planned."""
        return self._kept((run_id, job_id), lambda: self._original(run_id, job_id))

    def rendition(self, job_id: str, take: int, placement: str) -> tuple[bytes, str] | None:
        """A delivered file as it is, and its media type."""
        for made in self._workplace.ledger.renditions(job_id, take):
            if made.placement == placement and made.key and made.format in TYPES:
                return self._workplace.store.get(made.key), TYPES[made.format]
        return None

    def _of_master(self, job_id: str, take: int, kind: str, convert: Callable[[bytes], bytes]) -> bytes | None:
        found = self._workplace.ledger.master(job_id, take)
        if found is None:
            return None
        return self._kept((kind, found.sha256), lambda: convert(self._workplace.store.get(found.key)))

    def _kept(self, key: Hashable, make: Callable[[], bytes]) -> bytes | None:
        try:
            with self._decoding:
                return self._shelf.get(key, make)
        except (ShangxinError, OSError, ValueError, SyntaxError):
            return None  # missing, truncated, changed or unreadable: the page says so in the picture's place

    def _original(self, run_id: str, job_id: str) -> bytes:
        ledger = self._workplace.ledger
        record = ledger.record(run_id, job_id)
        if record is None:
            raise ValueError("not a job of this run")
        images = self._workplace.images(CampaignBrief.model_validate_json(ledger.run(run_id).brief).catalog)
        if images.digest(record.image) != record.job.product_image:
            raise ValueError("not the picture that was rendered")
        picture = open_product_image(images.read(record.image), images.limits)
        picture.thumbnail((ORIGINAL_SIDE, ORIGINAL_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
        return _saved(picture, "WEBP", quality=88, method=2)


def _as_jpeg(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return _saved(image.convert("RGB"), "JPEG", quality=92, subsampling=0)


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
