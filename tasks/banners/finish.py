"""What may be done to a rendition beyond composing it. Who does it is no concern of this package."""

from collections.abc import Sequence
from typing import Protocol

from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.findings import Finding
from tasks.shapes import Box


class Finisher(Protocol):
    """Marks the picture before it is encoded and labels the file afterwards; CompositionError refuses the placement."""

    def mark(self, canvas: Pixels, keep_off: Sequence[Box], placement: Placement) -> tuple[Pixels, tuple[Finding, ...]]:
        """The canvas with what is to be seen on it (the same one where nothing is), and what was measured.

        `keep_off` are boxes that nothing may be drawn on: the product, and copy where there is some.
        """
        ...

    def reserve(self, placement: Placement) -> int:
        """By how many bytes exactly `label` makes a file longer, whatever its format."""
        ...

    def label(self, data: bytes, placement: Placement) -> tuple[bytes, tuple[Finding, ...]]:
        """The same file, longer by `reserve`, with its labels read back."""
        ...
