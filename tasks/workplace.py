"""What a verb works with: store, ledger, templates, product pictures, renderer; opened on first use, once a process."""

import re
import threading
from functools import cached_property
from pathlib import Path

from tasks.banners.placement import Placement, load_placements, select_placements
from tasks.catalog.copy_file import CopyFile, parse_copy_file, read_copy_file
from tasks.catalog.images import ImageResolver
from tasks.catalog.picture import ImageLimits
from tasks.catalog.source import TableSource, local_source
from tasks.confinement import confine, roots_of
from tasks.delivery.ledger import Ledger, open_ledger
from tasks.errors import ConfigurationError, ImageError, StorageError, StorageUnavailable
from tasks.prompts.library import Library, load_library
from tasks.quality.models import Models
from tasks.quality.outgrowth import Segments
from tasks.quality.repair import RepairTable, load_repairs
from tasks.quality.thresholds import ThresholdBook, load_thresholds
from tasks.rendering.job import RenderJob
from tasks.rendering.modelset import ModelSet, find_model_set
from tasks.rendering.renderer import Renderer
from tasks.rendering.sleeping import SleepRenderer
from tasks.runs import this_process
from tasks.settings import BucketSettings, Settings, get_settings
from tasks.storage.base import ObjectStore
from tasks.storage.open import AccessOptions, is_s3, open_binary, open_store, parse_s3, read_bytes
from tasks.telemetry import MeteredStore, start_telemetry

# A "model" that only sleeps so many milliseconds a job: for measuring everything else.
MOST_COPY = 64 << 20  # bytes of a copy file
SLEEPER = re.compile(r"sleep-(\d+)ms")


class Workplace:
    """Everything a verb needs under one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.owner = this_process()
        self._renderers: dict[str, Renderer] = {}
        self._lock = threading.Lock()

    @cached_property
    def store(self) -> ObjectStore:
        store = open_store(self.settings.store_uri, **self.access(self.settings.store_uri))
        return MeteredStore(store) if self.settings.metrics_port else store

    @cached_property
    def ledger(self) -> Ledger:
        self.settings.out.mkdir(parents=True, exist_ok=True)
        return open_ledger(self.settings.database_url, max_attempts=self.settings.max_attempts)

    @cached_property
    def library(self) -> Library:
        return load_library(self.settings.templates)

    @cached_property
    def thresholds(self) -> ThresholdBook:
        return load_thresholds(self.settings.templates / "quality")

    @cached_property
    def quality_models(self) -> Models:
        """The models that some checks need, shared by the threads that judge."""
        return Models(self.settings.models_dir, self._open_segmenter)

    def _open_segmenter(self) -> Segments | None:
        from tasks.rendering.devices import pick_device
        from tasks.rendering.segment import open_segmenter

        return open_segmenter(self.settings.models_dir, device=str(pick_device(self.settings.device)))

    @cached_property
    def repairs(self) -> RepairTable:
        return load_repairs(self.settings.templates / "quality" / "repair.yaml", causes=self.thresholds.cause_titles)

    @cached_property
    def all_placements(self) -> dict[str, Placement]:
        return load_placements(self.settings.templates / "placements")

    def placements(self, names: tuple[str, ...]) -> tuple[Placement, ...]:
        return select_placements(self.all_placements, names)

    def source(self, catalog: str) -> TableSource:
        """The catalogue file; CatalogError where there is none."""
        self.confine(catalog)
        if catalog.startswith("s3://"):
            return TableSource(catalog, lambda: open_binary(catalog, **self.access(catalog)))
        return local_source(catalog)

    def images(self, catalog: str) -> ImageResolver:
        """Product pictures as this catalogue refers to them. A new one each time: files may have changed since."""
        settings = self.settings
        limits = ImageLimits(max_bytes=int(settings.max_image_mb * 2**20), max_side=settings.max_image_side)
        return ImageResolver(
            catalog.rpartition("/")[0] if catalog.startswith("s3://") else Path(catalog).parent,
            limits=limits,
            open_s3=lambda uri: self._read_picture(uri, max_bytes=limits.max_bytes),
        )

    def copy_file(self, address: str) -> CopyFile:
        """The copy in a CSV; ConfigurationError where it cannot be read, or may not be."""
        self.confine(address)
        if not is_s3(address):
            return read_copy_file(Path(address))
        try:
            data = read_bytes(address, max_bytes=MOST_COPY, **self.access(address))
        except StorageUnavailable:
            raise
        except StorageError as error:
            raise ConfigurationError(str(error)) from error
        return parse_copy_file(data, address)

    def reference_pictures(self, job: RenderJob) -> dict[str, bytes]:
        """The bytes of the look that a job refers to, by digest."""
        wanted = set(job.reference.images) if job.reference else set()
        return {
            digest: (self.library.folder / path).read_bytes()
            for path, digest in self.library.references.items()
            if digest in wanted
        }

    def _read_picture(self, uri: str, *, max_bytes: int) -> bytes:
        """ImageError where this one cannot be had; StorageUnavailable where none can be, for now."""
        try:
            self.confine(uri)
            return read_bytes(uri, max_bytes=max_bytes, **self.access(uri))
        except StorageUnavailable:
            raise
        except (StorageError, ConfigurationError) as error:
            raise ImageError(str(error)) from error

    def renderer(self, model: str) -> Renderer:
        """The one resident renderer of this process for that model set, loaded when first asked for."""
        with self._lock:
            if model not in self._renderers:
                self._renderers[model] = self._open_renderer(model)
            return self._renderers[model]

    def model(self, name: str) -> ModelSet:
        """What is known of a model set without loading it: name, revision, precision, and a sampler of its own."""
        if SLEEPER.fullmatch(name):
            return ModelSet(name=name, revision="1", note="a stand-in that only sleeps")
        return find_model_set(name, models_dir=self.settings.models_dir)

    def _open_renderer(self, model: str) -> Renderer:
        sleeper = SLEEPER.fullmatch(model)
        if sleeper:
            return SleepRenderer(int(sleeper[1]) / 1000, name=model)
        from tasks.rendering.engine import open_renderer  # torch: only where something is rendered

        settings = self.settings
        # one thread by default: a draft model's layers are too small to share, the other core judges and encodes
        # meanwhile, and threads that wait for a busy core were measured to cost twenty times what they save
        return open_renderer(
            model, models_dir=settings.models_dir, device=settings.device, threads=settings.cpu_threads
        )

    def confine(self, address: str) -> str:
        """The address where it lies under SHANGXIN_CATALOG_ROOTS, where those are set; else ConfigurationError."""
        return confine(address, roots_of(self.settings, deployed=False))

    def access(self, uri: str) -> AccessOptions:
        """How that address is reached: as its bucket has it, else as all have it. Keys come in pairs."""
        settings = self.settings
        own = settings.s3_buckets.get(parse_s3(uri).bucket, BucketSettings()) if is_s3(uri) else BucketSettings()
        keys = own if own.access_key else None
        return {
            "endpoint": own.endpoint or settings.s3_endpoint,
            "region": own.region or settings.s3_region,
            "access_key": keys.access_key if keys else settings.s3_access_key,
            "secret_key": keys.secret_key if keys else settings.s3_secret_key,
            "encryption": own.encryption or settings.s3_encryption,
            "kms_key": own.kms_key or settings.s3_kms_key,
            "storage_class": own.storage_class or settings.s3_storage_class,
            "tags": tuple(sorted({**settings.s3_tags, **own.tags}.items())),
        }


class _Open:
    workplace: Workplace | None = None
    lock = threading.Lock()


def open_workplace() -> Workplace:
    """The workplace of the settings in force."""
    settings = get_settings()
    with _Open.lock:
        if _Open.workplace is None or _Open.workplace.settings is not settings:
            _Open.workplace = Workplace(settings)
            start_telemetry(settings, lambda: open_workplace().ledger)
        return _Open.workplace
