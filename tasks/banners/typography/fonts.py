"""Font files, what they cover, and which of them sets a text."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import freetype
import uharfbuzz as hb

from tasks.banners.typography.characters import is_chinese, is_emoji, is_right_to_left, is_wide
from tasks.errors import ConfigurationError

Weight = Literal["regular", "bold"]
WEIGHTS: tuple[Weight, ...] = ("regular", "bold")
FAMILIES = ("sans", "serif")
_FILES = {"sans": "ShangxinSans", "serif": "ShangxinSerif", "latin": "ShangxinLatin"}
# Larger coverage where the system has it: Noto Sans CJK as Debian's fonts-noto-cjk installs it, Simplified Chinese.
SYSTEM = Path("/usr/share/fonts/opentype/noto")
_SIMPLIFIED = 2  # index of CJK SC in the collection


@dataclass(frozen=True)
class Face:
    """One font file, opened for shaping and for drawing when it is first needed."""

    path: Path
    index: int = 0

    @cached_property
    def shaping(self) -> Any:
        return hb.Font(hb.Face(hb.Blob.from_file_path(str(self.path)), self.index))

    @cached_property
    def drawing(self) -> Any:
        return freetype.Face(str(self.path), self.index)

    @cached_property
    def units(self) -> int:
        return int(self.shaping.face.upem)

    @cached_property
    def covered(self) -> frozenset[int]:
        return frozenset(self.shaping.face.unicodes)

    def __hash__(self) -> int:
        return hash((self.path, self.index))


class Problem(NamedTuple):
    """Why a text cannot be set: in words for the person who wrote it."""

    kind: Literal["direction", "emoji", "glyph"]
    characters: str
    reason: str


class Chosen(NamedTuple):
    """The faces that set one text: Chinese and Latin."""

    wide: Face
    narrow: Face
    from_system: bool = False

    def face(self, character: str) -> Face:
        if not is_wide(character) and ord(character) in self.narrow.covered:
            return self.narrow
        return self.wide


class FontBook:
    """The fonts under `folder` (templates/fonts). ConfigurationError names a file that is missing."""

    def __init__(self, folder: Path, *, system: Path | None = SYSTEM) -> None:
        self._folder, self._system = folder, system
        for path in (folder / f"{name}-{weight}.otf" for name in _FILES.values() for weight in ("Regular", "Bold")):
            if not path.is_file():
                raise ConfigurationError(
                    f"{path}: this font is missing, and copy is set in it. Restore templates/fonts from the project."
                )

    def faces(self) -> Iterator[tuple[str, Weight, Face]]:
        """Family, weight and face of every font file of the folder."""
        for family, name in _FILES.items():
            for weight in WEIGHTS:
                yield family, weight, self._face(name, weight)

    def problem(self, text: str) -> Problem | None:
        """The first reason why no font here can set this text, None where one can."""
        if is_right_to_left(text):
            return Problem("direction", text, "is written from right to left, which layouts do not set yet")
        missing = "".join(
            dict.fromkeys(
                character
                for character in text
                if not character.isspace() and not any(ord(character) in face.covered for face in self._all("bold"))
            )
        )
        if not missing:
            return None
        shown = " ".join(f"{each} (U+{ord(each):04X})" for each in missing)
        if any(map(is_emoji, missing)):
            return Problem("emoji", missing, f"holds emoji, which are not set in banners: {shown}")
        return Problem("glyph", missing, f"holds characters that no font here has: {shown}")

    @lru_cache(maxsize=4096)  # noqa: B019  one book lives as long as its process
    def choose(self, text: str, family: str, weight: Weight) -> Chosen:
        """The faces for a whole text: another family rather than a single character out of style."""
        wide = {ord(character) for character in text if is_wide(character)}
        if family != "serif" and not is_chinese(text) and wide <= self._face(_FILES["latin"], weight).covered:
            latin = self._face(_FILES["latin"], weight)
            return Chosen(latin, latin)
        candidates = (family, *(name for name in FAMILIES if name != family))
        for name in candidates:
            face = self._face(_FILES[name], weight)
            if wide <= face.covered:
                narrow = face if name == "serif" else self._face(_FILES["latin"], weight)
                return Chosen(face, narrow)
        for face in self.system_faces(weight):
            return Chosen(face, self._face(_FILES["latin"], weight), from_system=True)
        return Chosen(self._face(_FILES["sans"], weight), self._face(_FILES["latin"], weight))

    def _all(self, weight: Weight) -> Iterator[Face]:
        for name in _FILES.values():
            yield self._face(name, weight)
        yield from self.system_faces(weight)

    def _face(self, name: str, weight: Weight) -> Face:
        return _open(self._folder / f"{name}-{weight.capitalize()}.otf", 0)

    def system_faces(self, weight: Weight) -> Iterator[Face]:
        """What the system has beyond the folder's fonts."""
        if self._system:
            path = self._system / f"NotoSansCJK-{weight.capitalize()}.ttc"
            if path.is_file():
                yield _open(path, _SIMPLIFIED)


@lru_cache(maxsize=32)
def _open(path: Path, index: int) -> Face:
    return Face(path, index)
