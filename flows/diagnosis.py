"""What `shangxin doctor` says of one thing that it looked at."""

from typing import Literal, NamedTuple

State = Literal["ok", "note", "missing"]


class Diagnosis(NamedTuple):
    """One thing looked at. `missing` means that a run cannot work."""

    subject: str
    state: State
    text: str
