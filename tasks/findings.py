"""Findings and the verdict they add up to. Rejection is a value, breakage is an exception."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, TypeAdapter

from tasks.shapes import Box

Status = Literal["approved", "review", "rejected"]


class Finding(BaseModel, frozen=True, extra="forbid"):
    """One check's value against its limit. `value` None means: could not be measured, which is never a pass."""

    check: str
    value: float | None
    limit: float | None
    passed: bool
    cause: str = ""  # why it failed, one of the causes in templates/quality
    severity: Literal["reject", "review", "note"] = "review"  # what a failure leads to
    box: Box | None = None  # where in the picture, if it can point
    detail: str = ""


FINDINGS = TypeAdapter(tuple[Finding, ...])


def read_findings(text: str) -> tuple[Finding, ...]:
    """From JSON as `findings_text` writes it."""
    return FINDINGS.validate_json(text)


def findings_text(findings: Sequence[Finding]) -> str:
    """As JSON, the way the ledger holds them: the same findings are the same text."""
    return FINDINGS.dump_json(tuple(findings)).decode()


class Verdict(BaseModel, frozen=True, extra="forbid"):
    """What is to happen with a picture, and why."""

    status: Status
    findings: tuple[Finding, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.passed)


def judge(findings: Iterable[Finding]) -> Verdict:
    """Rejected if any failure says so, else review if any failure says so, else approved."""
    findings = tuple(findings)
    failed = {finding.severity for finding in findings if not finding.passed}
    status: Status = "rejected" if "reject" in failed else "review" if "review" in failed else "approved"
    return Verdict(status=status, findings=findings)
