"""The parts of a placement's requirements: a value, and who says so since when."""

from datetime import date
from typing import Generic, Literal, Self, TypeVar

from pydantic import BaseModel, Field, model_validator

from tasks.findings import Finding

Grade = Literal["A", "B", "C"]
Format = Literal["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif"]
Background = Literal["any", "white", "transparent"]
Severity = Literal["reject", "review", "note"]

SEVERITY: dict[Grade, Severity] = {"A": "reject", "B": "review", "C": "note"}

T = TypeVar("T")


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """Base of the parts of a placement."""


class Evidence(Frozen):
    """Who says so: A the owner's own page, B a report of it, C lore. `source` is an address for A and B."""

    grade: Grade
    source: str = Field(min_length=1)
    checked: date
    note: str = ""

    @model_validator(mode="after")
    def _address(self) -> Self:
        if self.grade != "C" and not self.source.startswith(("https://", "http://")):
            raise ValueError(f"grade {self.grade} needs the address of its source, found {self.source!r}")
        return self

    @property
    def severity(self) -> Severity:
        """What breaking the rule leads to: A fails, B warns, C notes."""
        return SEVERITY[self.grade]


class Rule(Evidence, Generic[T]):
    """One requirement with its evidence."""

    value: T

    def finding(
        self, check: str, *, value: float | None, limit: float | None, passed: bool, detail: str = ""
    ) -> Finding:
        """The measured value against this rule, weighed by its grade."""
        told = f"grade {self.grade}, {self.source}, {self.checked}"
        return Finding(
            check=check,
            value=value,
            limit=limit,
            passed=passed,
            severity=self.severity,
            detail=f"{detail} ({told})" if detail else told,
        )


class Title(Frozen):
    """The name people see."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Insets(Frozen):
    """Pixels at each side, in the placement's own size, that the platform may cover."""

    left: int = Field(default=0, ge=0)
    top: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)


class Shape(Frozen):
    """Which pixel sizes are taken: exactly `size`, its ratio within `tolerance` (a share), or any."""

    kind: Literal["exact", "ratio", "free"]
    tolerance: float = Field(default=0.01, ge=0, le=0.5)
