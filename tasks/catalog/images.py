"""Product pictures by the reference that the catalogue writes: found safely, checked once, digested."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from threading import BoundedSemaphore, Lock
from urllib.parse import urlsplit

from tasks.catalog.fetch import FetchPolicy, fetch, shown_url
from tasks.catalog.picture import DEFAULT_LIMITS, ImageFacts, ImageLimits, inspect_image
from tasks.errors import CatalogError, CellError, ImageError

CACHED_REFERENCES = 1 << 16
FETCHERS = 8  # threads: most of their time is waiting
DECODERS = 2  # at once: a picture of 50 million pixels takes 200 MB while it is looked at


class ImageResolver:
    """Finds the pictures of one catalogue and checks each once.

    `folder` is the catalogue's own: a local path, or an `s3://bucket/prefix` for `open_s3` to read from. `policy` says
    what may be fetched by https, `limits` what may be looked at. `open_s3` takes an s3:// address and gives its bytes;
    without it, such references are refused. Digests (and refusals) of the last CACHED_REFERENCES references are kept.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        policy: FetchPolicy | None = None,
        limits: ImageLimits = DEFAULT_LIMITS,
        open_s3: Callable[[str], bytes] | None = None,
        on_note: Callable[[str, str], None] | None = None,
    ) -> None:
        self._remote = str(folder).rstrip("/") if str(folder).startswith("s3://") else ""
        self._folder = Path(folder).resolve()
        self.policy = policy or FetchPolicy(max_bytes=limits.max_bytes)
        self.limits = limits
        self._open_s3 = open_s3
        self._on_note = on_note
        self._known: OrderedDict[str, str | CatalogError] = OrderedDict()
        self._lock = Lock()
        self._decoding = BoundedSemaphore(DECODERS)

    def digest(self, reference: str) -> str:
        """SHA-256 of a picture's bytes. CellError for a reference that may not be followed, ImageError for a picture
        that is missing or cannot be used."""
        known = self._known_or_checked(reference)
        if isinstance(known, str):
            return known
        raise _again(known)

    def digests(self, references: Iterable[str]) -> dict[str, str | CatalogError]:
        """The digest of every distinct reference, or the error that `digest` would raise; several at a time."""
        distinct = list(dict.fromkeys(references))
        new = [reference for reference in distinct if reference not in self._known]
        if len(new) < 2:
            return {reference: self._known_or_checked(reference) for reference in distinct}
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="product-image") as threads:
            return dict(zip(distinct, threads.map(self._known_or_checked, distinct), strict=True))

    def read(self, reference: str) -> bytes:
        """A picture's bytes, checked unless `digest` has done so. Errors as `digest`; ImageError too where the bytes
        are no longer those that were digested."""
        known = self._known_or_checked(reference)
        if not isinstance(known, str):
            raise _again(known)
        data = self._load(reference)
        if hashlib.sha256(data).hexdigest() != known:
            raise ImageError(f"{self.shown(reference)}: changed: the file is no longer the one read before. Run again.")
        return data

    def shown(self, reference: str) -> str:
        """The reference without credentials or query."""
        return shown_url(reference) if "://" in reference else reference

    def _known_or_checked(self, reference: str) -> str | CatalogError:
        with self._lock:
            if reference in self._known:
                self._known.move_to_end(reference)
                return self._known[reference]
        try:
            result: str | CatalogError = self._check(reference)
        except CatalogError as error:
            result = _again(error)  # without the traceback, which would keep the picture in memory
        with self._lock:
            self._known[reference] = result
            while len(self._known) > CACHED_REFERENCES:
                self._known.popitem(last=False)
        return result

    def _check(self, reference: str) -> str:
        data = self._load(reference)
        with self._decoding:
            facts: ImageFacts = inspect_image(data, self.limits, name=urlsplit(reference).path)
        if self._on_note:
            for note in facts.notes:
                self._on_note(self.shown(reference), note)
        return hashlib.sha256(data).hexdigest()

    def _load(self, reference: str) -> bytes:
        scheme = reference.split("://", maxsplit=1)[0].casefold() if "://" in reference else ""
        match scheme:
            case "":
                return self._load_relative(reference)
            case "s3":
                return self._load_s3(reference)
            case "https" | "http":
                return fetch(reference, self.policy)
            case _:
                raise CellError("image", self.shown(reference), f"scheme: {scheme}:// is not fetched; use https://")

    def _load_relative(self, reference: str) -> bytes:
        path = PurePosixPath(reference.replace("\\", "/"))
        if path.is_absolute() or "\0" in reference or reference[1:2] == ":":
            raise CellError("image", reference, "absolute path: use one inside the catalogue's folder (不接受绝对路径)")
        if self._remote:
            if ".." in path.parts:
                raise _outside(reference)
            return self._load_s3(f"{self._remote}/{path}")
        return self._load_local(reference, self._folder / path)

    def _load_local(self, reference: str, path: Path) -> bytes:
        try:
            resolved = path.resolve()
            if not resolved.is_relative_to(self._folder):
                raise _outside(reference)
            if not resolved.is_file():
                raise ImageError("missing: no such file in the catalogue's folder (图片文件不存在)")
            with resolved.open("rb") as file:
                data = file.read(self.limits.max_bytes + 1)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
            raise ImageError(f"unreadable: {getattr(error, 'strerror', None) or error} (图片无法读取)") from error
        return self._within_bytes(data)

    def _load_s3(self, reference: str) -> bytes:
        if self._open_s3 is None:
            raise CellError("image", self.shown(reference), "scheme: s3:// addresses are not set up for this catalogue")
        return self._within_bytes(self._open_s3(reference))

    def _within_bytes(self, data: bytes) -> bytes:
        if len(data) > self.limits.max_bytes:
            raise ImageError(f"too large: over {self.limits.max_bytes:,} bytes (图片文件过大)")
        return data


def _outside(reference: str) -> CellError:
    return CellError("image", reference, "outside: the path leads out of the catalogue's folder (路径超出目录)")


def _again(error: CatalogError) -> CatalogError:
    if isinstance(error, CellError):
        return CellError(error.column, error.value, error.reason)
    return ImageError(str(error))
