"""Fetching a set at pinned commits: the first fetch pins, every later one gets the same bytes or says why not."""

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tasks.errors import ModelError
from tasks.rendering.checkpoints.hub import Hub, Listed, Revision
from tasks.rendering.checkpoints.lock import (
    Lock,
    LockedFile,
    LockedRepository,
    file_sha256,
    read_lock,
    write_lock,
)
from tasks.rendering.checkpoints.present import wanted_files
from tasks.rendering.checkpoints.table import PublishedSet, Repository
from tasks.rendering.checkpoints.verify import known_mismatch

SPARE = 4 * 10**9  # bytes left free: room for the converted pickles (2.3 GB) and for the machine

Say = Callable[[str], None]


class _Wanted(NamedTuple):
    repo: Repository
    revision: Revision
    files: tuple[Listed, ...]


def fetch_set(
    published: PublishedSet, folder: Path, *, hub: Hub, say: Say, only: tuple[str, ...] = (), update: bool = False
) -> Lock:
    """Fetch a set's repositories (`only` those, if named) into `folder` and pin them in its lock.

    A repository in the lock is fetched at its pinned commit unless `update` says to move on. Raises ModelError where
    the disk has too little room, the Hub is out of reach, or a file is not the one that was pinned or listed.
    """
    repos = tuple(published.repository(name) for name in only) or published.repositories
    lock = read_lock(folder)
    wanted = [_resolve(repo, hub, None if update else lock) for repo in repos]
    _assert_room(wanted, folder)
    for one in wanted:
        say(f"{one.repo.repo_id} @ {one.revision.commit[:12]}: {_gb(sum(file.size for file in one.files))}")
        place = folder / one.repo.folder
        _drop_halves(one.files, place)
        names = [file.name for file in one.files]
        hub.download(one.repo.repo_id, one.revision.commit, patterns=names, into=place)
        before = lock.repositories.get(one.repo.folder) if lock and not update else None
        locked = _pin(one, place, before=before)
        lock = with_repository(lock, published.name, one.repo.folder, locked)
        write_lock(folder, lock)  # after each: an interrupted fetch keeps what it pinned
    if lock is None:
        raise ModelError(f"model set {published.name!r} names no repository to fetch")
    return lock


def pin_present(published: PublishedSet, folder: Path, places: Mapping[str, Path], *, commit: str = "") -> Lock:
    """Pin files that were copied here by hand, as they are now; repositories already in the lock stay as pinned.

    `commit` goes where the Hub's hash would be, unless the folder is a snapshot of the Hub's cache, named by it.
    """
    lock = read_lock(folder)
    for repo in published.repositories:
        if repo.folder in places and (lock is None or repo.folder not in lock.repositories):
            place = places[repo.folder]
            named = place.name if place.parent.name == "snapshots" else commit
            files = {path.relative_to(place).as_posix(): _digest(path) for path in wanted_files(repo, place)}
            locked = LockedRepository(repo_id=repo.repo_id, commit=named, files=files)
            lock = with_repository(lock, published.name, repo.folder, locked)
    if lock is None:
        raise ModelError(f"nothing of model set {published.name!r} is there, so there is nothing to pin")
    write_lock(folder, lock)
    return lock


def pin_converted(folder: Path, repo: str, place: Path, *, made: Path, source: Path) -> None:
    """Add a converted file to the lock, where there is one: its pickle may then be deleted."""
    lock = read_lock(folder)
    if lock is None or repo not in lock.repositories:
        return
    locked = lock.repositories[repo]
    digest = _digest(made).model_copy(update={"made_from": source.relative_to(place).as_posix()})
    files = {**locked.files, made.relative_to(place).as_posix(): digest}
    write_lock(folder, with_repository(lock, lock.name, repo, locked.model_copy(update={"files": files})))


def with_repository(lock: Lock | None, name: str, folder: str, locked: LockedRepository) -> Lock:
    repositories = {**(lock.repositories if lock else {}), folder: locked}
    return Lock(name=name, pinned=dt.datetime.now(dt.UTC).replace(microsecond=0), repositories=repositories)


def _resolve(repo: Repository, hub: Hub, lock: Lock | None) -> _Wanted:
    pinned = lock.commits.get(repo.folder) if lock else None
    revision = hub.resolve(repo.repo_id, pinned or repo.revision)
    if pinned and revision.commit != pinned:
        raise ModelError(
            f"{repo.repo_id}: pinned is commit {pinned[:12]}, the Hub answers with {revision.commit[:12]}; "
            f"`shangxin models fetch --update` accepts the new one"
        )
    # a pickle that was converted and pinned may have been deleted: it need not come again
    spare = lock.repositories[repo.folder].converted if lock and pinned else set[str]()
    files = tuple(file for file in revision.wanted(repo.allow_patterns) if file.name not in spare)
    if not files:
        raise ModelError(
            f"{repo.repo_id}@{revision.commit[:12]} has none of {', '.join(repo.allow_patterns)}; the repository was "
            f"rearranged, review the table"
        )
    return _Wanted(repo, revision, files)


def _assert_room(wanted: list[_Wanted], folder: Path) -> None:
    """Raise ModelError before the first byte where the disk cannot hold what is still missing."""
    missing = sum(
        file.size
        for one in wanted
        for file in one.files
        if not _is_whole(folder / one.repo.folder / file.name, file.size)
    )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if missing and missing + SPARE > free:
        raise ModelError(
            f"{folder} has {_gb(free)} free; {_gb(missing)} are still to come and {_gb(SPARE)} must stay free. Make "
            f"room, point SHANGXIN_MODELS_DIR elsewhere, or fetch less with --only"
        )


def _drop_halves(files: tuple[Listed, ...], place: Path) -> None:
    """Delete what is there under the right name with a wrong length: the client would take it for the file."""
    for file in files:
        path = place / file.name
        if path.is_file() and path.stat().st_size != file.size:
            path.unlink()


def _is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _pin(one: _Wanted, place: Path, *, before: LockedRepository | None) -> LockedRepository:
    """Digest every file and hold it against the Hub's listing, the table and the earlier pin."""
    names = {listed.name for listed in one.files}
    # what was made from pickles here, and those pickles' own pins, stay as they are
    kept = before.converted if before else set[str]()
    earlier_files = before.files if before else {}
    files = {
        name: file for name, file in earlier_files.items() if name not in names and (file.made_from or name in kept)
    }
    for listed in one.files:
        path = place / listed.name
        if not path.is_file():
            raise ModelError(f"{path} did not arrive; run the same command again")
        found = _digest(path)
        earlier = before.files.get(listed.name) if before else None
        if listed.sha256 and found.sha256 != listed.sha256:
            raise ModelError(
                f"{path} is not the file the Hub lists (sha256 {found.sha256[:12]}…); delete it, fetch again"
            )
        if earlier is not None and earlier.sha256 != found.sha256:
            raise ModelError(f"{path} is not the file that was pinned (sha256 {found.sha256[:12]}…, pinned "
                             f"{earlier.sha256[:12]}…); delete it and fetch again, or `fetch --update`")  # fmt: skip
        if known := known_mismatch(one.repo, listed.name, found.sha256):
            raise ModelError(
                f"{path} has sha256 {found.sha256[:12]}…, the reviewed table knows {known}…: the repository changed "
                f"since its review. Read what changed, then correct the table"
            )
        files[listed.name] = found
    return LockedRepository(repo_id=one.repo.repo_id, commit=one.revision.commit, files=files)


def _digest(path: Path) -> LockedFile:
    return LockedFile(size=path.stat().st_size, sha256=file_sha256(path))


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
