"""Where a set's repositories lie on this disk: as plain folders, or in the layout of the Hub's cache.

Plain: <models>/kolors/Kolors-diffusers, or <models>/Kolors-diffusers. Hub cache:
<models>/models--Kwai-Kolors--Kolors-diffusers/snapshots/<commit>, with refs/<revision> naming the commit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import ModelError
from tasks.rendering.checkpoints.table import PublishedSet, Repository


@dataclass(frozen=True)
class Located:
    """The repositories of a set that are there. `folder` holds the set's lock, whether or not the weights."""

    published: PublishedSet
    folder: Path
    places: Mapping[str, Path] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[Repository, ...]:
        return tuple(repo for repo in self.published.repositories if repo.folder not in self.places)

    @property
    def lacks_required(self) -> tuple[Repository, ...]:
        return tuple(repo for repo in self.missing if repo.required)


def locate(published: PublishedSet, models_dir: Path, *, commits: Mapping[str, str] | None = None) -> Located:
    """Find each repository below `models_dir`; `commits` says by folder which snapshot of a Hub cache to take.

    Raises ModelError where a cache holds several snapshots and nothing says which.
    """
    home = models_dir / published.name
    roots = [home, models_dir, models_dir / "hub"]
    places: dict[str, Path] = {}
    for repo in published.repositories:
        for place in _places(repo, roots, (commits or {}).get(repo.folder)):
            places.setdefault(repo.folder, place)
    return Located(published=published, folder=home, places=places)


def set_folder(published: PublishedSet, models_dir: Path) -> Path:
    """Where fetching puts the set and its lock."""
    return models_dir / published.name


def _places(repo: Repository, roots: list[Path], commit: str | None) -> Iterator[Path]:
    for root in roots:
        plain = root / repo.folder
        if plain.is_dir():
            yield plain
        cached = root / f"models--{repo.repo_id.replace('/', '--')}"
        if (cached / "snapshots").is_dir():
            yield from _snapshot(cached, repo, commit)


def _snapshot(cached: Path, repo: Repository, commit: str | None) -> Iterator[Path]:
    """The snapshot that the lock names, else the one that the cache's ref names, else the only one."""
    snapshots = sorted(path for path in (cached / "snapshots").iterdir() if path.is_dir())
    if not snapshots:
        return
    ref = cached / "refs" / repo.revision
    wanted = commit or (ref.read_text(encoding="utf-8").strip() if ref.is_file() else None)
    for snapshot in snapshots:
        if snapshot.name == wanted or (wanted is None and len(snapshots) == 1):
            yield snapshot
            return
    if commit is not None:
        raise ModelError(
            f"{cached} holds {', '.join(path.name[:12] for path in snapshots)}, but set.lock.json pins {commit[:12]}; "
            f"run `shangxin models fetch`, or `shangxin models fetch --update` to pin anew"
        )
    raise ModelError(
        f"{cached} holds {len(snapshots)} snapshots ({', '.join(path.name[:12] for path in snapshots)}) and no "
        f"refs/{repo.revision} says which to take; delete all but one, or run `shangxin models fetch`"
    )
