"""A published set on this disk: complete enough to load, unchanged since it was pinned, under which revision."""

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tasks.errors import ModelError
from tasks.rendering.checkpoints.layout import Located, locate, set_folder
from tasks.rendering.checkpoints.lock import assert_unchanged, read_lock
from tasks.rendering.checkpoints.names import IP_ADAPTER_FILE, IP_ADAPTER_PICKLES, VISION_FILE, VISION_PICKLE
from tasks.rendering.checkpoints.table import PublishedSet, Repository

SAMPLE = 2**20  # bytes at either end of a weight file that enter an unpinned set's revision
CONVERTED = {IP_ADAPTER_FILE: IP_ADAPTER_PICKLES, VISION_FILE: (VISION_PICKLE,)}


def find_published(published: PublishedSet, models_dir: Path) -> Located | None:
    """The set below `models_dir`, None where nothing of it is there.

    Raises ModelError where a repository that every picture needs is missing, or a file changed since it was pinned.
    """
    lock = read_lock(set_folder(published, models_dir))
    located = locate(published, models_dir, commits=lock.commits if lock else None)
    if not located.places:
        return None
    if located.lacks_required:
        lacking = ", ".join(repo.folder for repo in located.lacks_required)
        raise ModelError(
            f"model set {published.name!r} in {models_dir} has {', '.join(located.places)} but lacks {lacking}; "
            f"run `shangxin models fetch {published.name}`"
        )
    if lock is not None:
        assert_unchanged(lock, located.places)
    return located


def revision(located: Located) -> str:
    """What jobs carry: from the lock's digests where the set is pinned, else from samples of the files themselves."""
    lock = read_lock(located.folder)
    if lock is not None:
        return lock.revision
    digest = hashlib.sha256()
    for repo in located.published.repositories:
        if repo.folder in located.places:
            for path in wanted_files(repo, located.places[repo.folder]):
                digest.update(f"{repo.folder}/{path.name}:{path.stat().st_size}".encode())
                digest.update(_sample(path))
    return f"unpinned-{digest.hexdigest()[:12]}"


def wanted_files(repo: Repository, place: Path) -> Iterator[Path]:
    """The files of a repository that a set takes, in order; not those we made from a pickle that lies beside."""
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_file() and any(fnmatch(name, pattern) for pattern in repo.allow_patterns):
            pickles = CONVERTED.get(path.name, ())
            if not any((path.parent / source).is_file() for source in pickles):
                yield path


def _sample(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(SAMPLE)
        file.seek(max(path.stat().st_size - SAMPLE, 0))
        return start + file.read(SAMPLE)
