"""What a set was pinned to on its first fetch: the commit of each repository and the digest of each file."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tasks.errors import ModelError

LOCK = "set.lock.json"
CHUNK = 8 * 2**20  # bytes


class LockedFile(BaseModel, frozen=True, extra="forbid"):
    """Length in bytes and digest of one file; `made_from` names the pickle beside it that it was converted from."""

    size: int
    sha256: str
    made_from: str = ""


class LockedRepository(BaseModel, frozen=True, extra="forbid"):
    """One repository's files by name. `commit` is the Hub's full hash, or says that the files were put here by hand."""

    repo_id: str
    commit: str
    files: Mapping[str, LockedFile]

    @property
    def converted(self) -> set[str]:
        """Pickles that may be deleted: their converted copy is pinned too."""
        return {file.made_from for file in self.files.values() if file.made_from}


class Lock(BaseModel, frozen=True, extra="forbid"):
    """One set's pins. Only `--update` moves them."""

    name: str
    pinned: dt.datetime
    repositories: Mapping[str, LockedRepository]

    @property
    def commits(self) -> dict[str, str]:
        return {folder: repo.commit for folder, repo in self.repositories.items()}

    @property
    def revision(self) -> str:
        """Twelve digits that change with any file of any repository."""
        lines = sorted(
            f"{folder}/{path}:{file.sha256}"
            for folder, repo in self.repositories.items()
            for path, file in repo.files.items()
            if not file.made_from
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def read_lock(folder: Path) -> Lock | None:
    """The lock of the set at `folder`, None before the first fetch. Raises ModelError where it is damaged."""
    path = folder / LOCK
    try:
        return Lock.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ModelError(
            f"{path} cannot be read: {error.errors()[0]['loc']} {error.errors()[0]['msg']}; restore it, or delete it "
            f"and run `shangxin models fetch` to pin anew"
        ) from error


def write_lock(folder: Path, lock: Lock) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{LOCK}.part"
    part.write_text(lock.model_dump_json(indent=1) + "\n", encoding="utf-8")
    part.replace(folder / LOCK)


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def changed_sizes(lock: Lock, places: Mapping[str, Path]) -> Iterator[tuple[Path, int, int]]:
    """Files that are there with another size than the lock's: (file, found, locked), in bytes."""
    for folder, repo in lock.repositories.items():
        for name, file in repo.files.items() if folder in places else ():
            path = places[folder] / name
            if path.is_file() and path.stat().st_size != file.size:
                yield path, path.stat().st_size, file.size


def assert_unchanged(lock: Lock, places: Mapping[str, Path]) -> None:
    """Raise ModelError where a file is not as long as when it was pinned (digests: `verify --deep`)."""
    for path, found, locked in changed_sizes(lock, places):
        raise ModelError(
            f"{path} has {found} bytes, pinned in {LOCK} are {locked}: it changed since it was fetched. Run "
            f"`shangxin models fetch` to get the pinned file again, or `fetch --update` to accept the new one"
        )
