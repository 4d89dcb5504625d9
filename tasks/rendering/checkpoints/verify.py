"""A published set judged as a whole: files, headers, sizes, digests against the lock and the table."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tasks.rendering.checkpoints.check import Remark, check_repository
from tasks.rendering.checkpoints.layout import Located
from tasks.rendering.checkpoints.lock import LOCK, Lock, file_sha256, read_lock
from tasks.rendering.checkpoints.table import Repository

REFETCH = "run `shangxin models fetch` to get the pinned file again, or `fetch --update` to accept the new one"


def verify(located: Located, *, deep: bool = False) -> Iterator[Remark]:
    """Every repository of a set: what is missing, what is wrong, what is right. `deep` reads digests too."""
    lock = read_lock(located.folder)
    for repo in located.published.repositories:
        place = located.places.get(repo.folder)
        if place is None:
            yield _missing(repo, located)
            continue
        yield from check_repository(repo, place)
        yield from _known_sizes(repo, place)
        locked = lock.repositories.get(repo.folder) if lock else None
        if lock is not None and locked is not None:
            yield from against_lock(lock, repo.folder, place, deep=deep)
        elif deep:
            yield from _known_digests(repo, place)
    if lock is None:
        text = "not pinned: no digests to compare with"
        yield Remark(
            "note", located.folder / LOCK, text, remedy="`shangxin models fetch` or `verify --pin` writes them"
        )


def against_lock(lock: Lock, folder: str, place: Path, *, deep: bool) -> Iterator[Remark]:
    """Files of one repository against their pins: there, as long, and (`deep`) the same bytes."""
    locked = lock.repositories[folder]
    for name, file in locked.files.items():
        path = place / name
        if not path.is_file() and name in locked.converted:
            continue
        if not path.is_file():
            yield Remark("wrong", path, "missing", f"{file.size:,} bytes as pinned", REFETCH)
        elif path.stat().st_size != file.size:
            yield Remark("wrong", path, f"{path.stat().st_size:,} bytes", f"{file.size:,} as pinned", REFETCH)
        elif deep and (found := file_sha256(path)) != file.sha256:
            yield Remark("wrong", path, f"sha256 {found[:12]}…", f"{file.sha256[:12]}… as pinned", REFETCH)


def known_mismatch(repo: Repository, name: str, sha256: str) -> str | None:
    """The start of the digest that the table knows for a file, where `sha256` does not have it."""
    known = repo.sha256_starts.get(name, "")
    return known if not sha256.startswith(known) else None


def _missing(repo: Repository, located: Located) -> Remark:
    where = located.folder / repo.folder
    remedy = f"run `shangxin models fetch {located.published.name} --only {repo.folder}`"
    if repo.required:
        return Remark("wrong", where, "missing", repo.repo_id, remedy)
    return Remark("note", where, f"not there, so no {repo.use}", remedy=remedy)


def _known_sizes(repo: Repository, place: Path) -> Iterator[Remark]:
    """A size other than the listing's is noted only: an fp32 copy is as good, and headers are checked anyway."""
    sizes: Mapping[str, int] = repo.sizes
    for name, size in sizes.items():
        path = place / name
        if path.is_file() and path.stat().st_size != size:
            yield Remark("note", path, f"{path.stat().st_size:,} bytes, the published file has {size:,}")


def _known_digests(repo: Repository, place: Path) -> Iterator[Remark]:
    for name in repo.sha256_starts:
        path = place / name
        if path.is_file() and (known := known_mismatch(repo, name, found := file_sha256(path))):
            yield Remark("note", path, f"sha256 {found[:12]}…, the published file has {known}…")
