"""How the files of one brief are labelled: whose they are, which mark they bear, and what that makes of a placement."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import orjson

from tasks.banners.dress import Dresser
from tasks.banners.placement import Placement
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.labels import FONT, LABELLING, Credits, Labeller, Marker, Origin, check_wording, wording_of
from tasks.delivery.labels.credentials import Certificate, load_certificate
from tasks.delivery.ledger import JobRecord, LeasedJob
from tasks.dressing import Wardrobe, takes_copy
from tasks.errors import ConfigurationError
from tasks.mastering import Masters
from tasks.prompts.scene import Brand
from tasks.settings import Settings
from tasks.workplace import Workplace

# A marked set has folders of its own in the store and lines of its own in ledger and manifest. No placement's id has a
# dot, so no placement can be taken for the marked set of another.
MARKED = ".marked"
NOBODY = "上新 Shangxin"  # the producer where neither settings nor a brand name one


class Labelling:
    """Labels and mark of one brief. ConfigurationError where the mark's font lacks a character of its wording."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief, *, rendered: CampaignBrief | None = None) -> None:
        """`rendered` is the brief whose masters are at hand, where it is another than this one."""
        self._library, self._brief = workplace.library, brief
        self._masters = Masters(workplace, rendered or brief)
        self._producer = workplace.settings.content_producer
        self._certificate = _certificate(workplace.settings)
        self._font = workplace.settings.templates / FONT
        self._wardrobe = Wardrobe(workplace, brief)
        self._dressed: dict[str, tuple[Placement, ...]] = {}
        self._ruled: tuple[tuple[Placement, ...], dict[str, str]] = (), {}
        self._chosen = workplace.placements(brief.placements)
        if brief.visible_mark and brief.mark_text:
            check_wording(brief.mark_text, self._font)

    @cached_property
    def placements(self) -> tuple[Placement, ...]:
        """The brief's placements; of a marked set or another language, under names of their own."""
        suffix = (f".{self._brief.locale}" if self._brief.locale else "") + (MARKED if self._brief.visible_mark else "")
        changes = {"finish": _digest([self._finish, self._wardrobe.everything])}
        return tuple(each.model_copy(update={**changes, "id": each.id + suffix}) for each in self._chosen)

    def served_by(self, entry: LeasedJob | JobRecord) -> tuple[Placement, ...]:
        """The placements that this job's master is to serve: all of them where it is the only one."""
        return self._masters.share_of(entry.job, self.placements_of(entry.sku, entry.facts))

    @cached_property
    def rules(self) -> dict[str, str]:
        """Placement -> digest of all that may shape anybody's renditions beside the product's own facts."""
        return {placement.id: placement.digest for placement in self.placements}

    def placements_of(self, sku: str, facts: Mapping[str, Any]) -> tuple[Placement, ...]:
        """The brief's placements for one product: in each one's digest what this product's copy and look add to it."""
        dressed = self._wardrobe.digest(sku, facts)
        known = self._dressed  # of the last product: its jobs come one after another
        if dressed not in known:
            known = self._dressed = {dressed: self._finished(dressed)}
        return known[dressed]

    def _finished(self, dressed: str) -> tuple[Placement, ...]:
        plain = self._finish
        finishes = {True: _digest([plain, dressed]) if dressed else plain, False: plain}
        return tuple(each.model_copy(update={"finish": finishes[takes_copy(each)]}) for each in self.placements)

    def rules_of(self, record: JobRecord) -> dict[str, str]:
        """Placement -> digest of all that shapes this job's renditions."""
        placements = self.placements_of(record.sku, record.facts)
        if self._ruled[0] is not placements:  # the same for a product's next job
            self._ruled = placements, {each.id: each.digest for each in placements}
        return self._ruled[1]

    def dresser(self, origin: Origin, facts: Mapping[str, Any]) -> Dresser | None:
        """Who sets the copy on the renditions of one master; None where there is none."""
        return self._wardrobe.dresser(origin.sku, facts, origin.scene)

    def labeller(self, origin: Origin, facts: Mapping[str, Any]) -> Labeller:
        """Marks and labels the renditions of one master, for the product of these facts."""
        marker = None
        if self._brief.visible_mark:
            marker = Marker(self._brief.mark_text or wording_of(facts.get("locale", "")), self._font)
        credited = self._credits(facts.get("brand", ""))
        return Labeller(origin, credited, marker=marker, certificate=self._certificate)

    def _credits(self, brand_name: str) -> Credits:
        brand = self._library.brands.get(self._library.brand_id(self._brief.brand or brand_name))
        if brand is None:
            return Credits(self._producer or NOBODY)
        return Credits(self._producer or brand.creator or NOBODY, brand.creator, brand.rights, brand.title.zh)

    @cached_property
    def _finish(self) -> str:
        """Digest of what labels and mark depend on beside the job: other words, other files.

        All brands count, because a placement has one digest a run: a new copyright line makes the files anew.
        """
        brands = [_words(brand) for _, brand in sorted(self._library.brands.items())]
        words = [LABELLING, self._producer, self._brief.brand, brands]
        words.append([self._brief.mark_text] if self._brief.visible_mark else [])
        if self._certificate:
            words.append(self._certificate.fingerprint)
        return _digest(words)


def origin_of(entry: LeasedJob | JobRecord) -> Origin:
    """Which master this is, as its files will say."""
    return Origin(entry.job, entry.job_id, entry.take, entry.sku, entry.scene, entry.variant)


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value)).hexdigest()[:16]


def _words(brand: Brand) -> tuple[str, ...]:
    return brand.id, brand.creator, brand.rights, brand.title.zh


def _certificate(settings: Settings) -> Certificate | None:
    """The user's certificate for C2PA, None where none is set; ConfigurationError where only half of it is."""
    chain, key = settings.c2pa_certificate, settings.c2pa_key
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise ConfigurationError("C2PA needs both SHANGXIN_C2PA_CERTIFICATE and SHANGXIN_C2PA_KEY. Set the other, too.")
    return load_certificate(chain, key, algorithm=settings.c2pa_algorithm, timestamps=settings.c2pa_timestamp_url)
