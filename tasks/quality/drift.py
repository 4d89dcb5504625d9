"""Does the golden set still come out as it did on the last accepted night? Pure."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
from pydantic import BaseModel, Field

from tasks.findings import Finding
from tasks.quality.duplicates import BITS, Signature
from tasks.quality.reading import read_model


class DriftLimits(BaseModel, frozen=True, extra="forbid"):
    """How far a night may be from the accepted one. Units as in golden.yaml."""

    acceptance: float = Field(default=0.15, ge=0, le=1)
    colour: float = Field(default=3.0, ge=0)
    hash: float = Field(default=0.12, ge=0, le=1)
    time: float = Field(default=2.5, ge=1)


class GoldenSet(BaseModel, frozen=True, extra="forbid"):
    """Which products in which scenes; `catalog` is an address from the file's folder."""

    catalog: str = Field(min_length=1)
    skus: tuple[str, ...] = Field(min_length=1, max_length=50)
    scenes: tuple[str, ...] = Field(min_length=1, max_length=20)
    variants: int = Field(default=1, ge=1, le=4)
    limits: DriftLimits = DriftLimits()


class GoldenPicture(BaseModel, frozen=True):
    """How one golden picture came out. `signature` is empty where it failed, for that `reason`; `seconds` are the
    renderer's."""

    status: str
    signature: str = ""
    seconds: float = 0.0
    reason: str = ""


class Night(BaseModel, frozen=True):
    """One rendering of the golden set. `machine` is where; `pictures` go by `sku scene variant`."""

    run_id: str
    at: str
    model: str
    revision: str
    machine: str
    pictures: Mapping[str, GoldenPicture]

    @property
    def acceptance(self) -> float:
        return fmean(each.status == "approved" for each in self.pictures.values())


def load_golden(path: Path) -> GoldenSet:
    """Read golden.yaml; TemplateError names the file and the field."""
    golden = read_model(path, GoldenSet, purpose="; it names the products and scenes to watch")
    if golden.catalog.startswith("s3://"):
        return golden
    return golden.model_copy(update={"catalog": str((path.parent / golden.catalog).resolve())})


def compare_nights(tonight: Night, accepted: Night, limits: DriftLimits) -> tuple[Finding, ...]:
    """One finding each for acceptance, colour, hash distance and time, over the pictures that both nights have."""
    both = [(tonight.pictures[name], accepted.pictures[name]) for name in tonight.pictures if name in accepted.pictures]
    drawn = [(new, old) for new, old in both if new.signature and old.signature]
    fall = fmean(old.status == "approved" for _, old in both) - fmean(new.status == "approved" for new, _ in both)
    return (
        _at_most("drift_acceptance", max(fall, 0.0), limits.acceptance),
        _measured("drift_colour", [_colour(new, old) for new, old in drawn], limits.colour),
        _measured("drift_hash", [_hash(new, old) for new, old in drawn], limits.hash),
        _time(tonight, accepted, drawn, limits.time),
    )


def _measured(check: str, values: list[float], limit: float) -> Finding:
    return _at_most(check, fmean(values), limit) if values else _unmeasured(check, limit, "no picture was drawn twice")


def _time(tonight: Night, accepted: Night, drawn: list[tuple[GoldenPicture, GoldenPicture]], limit: float) -> Finding:
    before = sum(old.seconds for _, old in drawn)
    if tonight.machine != accepted.machine:
        return _unmeasured("drift_time", limit, f"{tonight.machine} now, {accepted.machine} then")
    if not before:
        return _unmeasured("drift_time", limit, "no time was taken then")
    return _at_most("drift_time", sum(new.seconds for new, _ in drawn) / before, limit)


def _colour(new: GoldenPicture, old: GoldenPicture) -> float:
    apart = Signature.parse(new.signature).tints.astype(np.float64) - Signature.parse(old.signature).tints
    return float(np.linalg.norm(apart.reshape(-1, 3), axis=1).mean())


def _hash(new: GoldenPicture, old: GoldenPicture) -> float:
    apart = np.bitwise_count(Signature.parse(new.signature).bits ^ Signature.parse(old.signature).bits)
    return float(apart.sum()) / BITS


def _at_most(check: str, value: float, limit: float) -> Finding:
    passed = value <= limit
    cause = "" if passed else "drift"
    return Finding(check=check, value=float(f"{value:.4g}"), limit=limit, passed=passed, cause=cause, severity="reject")


def _unmeasured(check: str, limit: float, why: str) -> Finding:
    detail = f"not measured: {why}"
    return Finding(
        check=check, value=None, limit=limit, passed=False, cause="not_measured", severity="note", detail=detail
    )
