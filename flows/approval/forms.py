"""What requests may say: every id, filter and decision, checked before anything is asked of the ledger."""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field

from tasks.delivery.ledger import Filter, Place, Wish

RUN = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$"
JOB = r"^[0-9a-f]{8,64}$"

RunId = Annotated[str, Query(pattern=RUN)]
RunPath = Annotated[str, Path(pattern=RUN)]
JobPath = Annotated[str, Path(pattern=JOB)]
TakePath = Annotated[int, Path(ge=0, le=10_000)]
PlacementPath = Annotated[str, Path(pattern=r"^[\w.-]{1,80}$")]
Cause = Annotated[str, Field(pattern=r"^[a-z_-]{0,40}$")]
Who = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
RequestKey = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
Status = Literal["review", "rejected", "approved"]


class Chosen(BaseModel, extra="forbid"):
    """Filters of the list."""

    run: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})?$")] = ""
    status: Status = "review"
    text: Annotated[str, Field(max_length=80)] = ""
    scene: Annotated[str, Field(pattern=r"^[\w.-]{0,80}$")] = ""
    cause: Cause = ""

    @property
    def filter(self) -> Filter:
        return Filter(self.status, self.text.strip(), self.scene, self.cause)


class ListQuery(Chosen):
    """A page of the list; `after` is the place where the one before ended."""

    after: Annotated[str, Field(pattern=r"^(\d{1,12}\.[0-9a-f]{8,64})?$")] = ""
    lang: Literal["", "zh", "en"] = ""

    @property
    def place(self) -> Place | None:
        ordinal, _, job_id = self.after.partition(".")
        return Place(int(ordinal), job_id) if job_id else None


class DecisionForm(BaseModel, extra="forbid"):
    """One decision as the page sends it; `version` is of the picture as it was shown."""

    run: Annotated[str, Field(pattern=RUN)]
    job_id: Annotated[str, Field(pattern=JOB)]
    decision: Literal["approve", "reject", "new_take", "undo"]
    version: Annotated[str, Field(pattern=r"^\d{1,6}-\d{1,15}$")]
    request: RequestKey
    cause: Cause = ""
    words: Annotated[str, Field(max_length=200)] = ""
    who: Who = ""

    def wish(self, *, who: str) -> Wish:
        """What the ledger is asked for; `who` stands in where the person gave no name."""
        return Wish(
            job_id=self.job_id,
            decision=self.decision,
            version=self.version,
            who=self.who.strip() or who,
            request=self.request,
            cause=self.cause,
            words=" ".join(self.words.split()),
        )


class BulkForm(Chosen):
    """Approve all that the filter finds, which the person saw to be `count`."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    request: RequestKey
    who: Who = ""


class RunForm(BaseModel, extra="forbid"):
    """A run to publish."""

    run: Annotated[str, Field(pattern=RUN)]
