"""The Hub as fetching sees it: what a revision holds, and getting files of one commit, resumably."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple, Protocol

from tasks.errors import ModelError


class Listed(NamedTuple):
    """One file of a revision; `sha256` is empty where the Hub gives none (small files outside LFS)."""

    name: str
    size: int
    sha256: str = ""


class Revision(NamedTuple):
    """A revision resolved to the commit it means now."""

    commit: str
    files: tuple[Listed, ...]

    def wanted(self, patterns: Sequence[str]) -> tuple[Listed, ...]:
        return tuple(file for file in self.files if any(fnmatch(file.name, pattern) for pattern in patterns))


class Hub(Protocol):
    """Where published repositories come from."""

    def resolve(self, repo_id: str, revision: str) -> Revision:
        """The commit behind a revision, and its files. Raises ModelError."""

    def download(self, repo_id: str, commit: str, *, patterns: Sequence[str], into: Path) -> None:
        """Put the files of a commit into a folder; what is there already is not fetched again. Raises ModelError."""


class HuggingFaceHub:
    """The Hub by its own client, `huggingface_hub`; interrupted downloads go on where they stopped."""

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def resolve(self, repo_id: str, revision: str) -> Revision:
        from huggingface_hub import HfApi

        with _plainly(repo_id, revision):
            info = HfApi(endpoint=self._endpoint).model_info(repo_id, revision=revision, files_metadata=True)
        files = [
            Listed(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else "") for file in info.siblings or ()
        ]
        if not info.sha:
            raise ModelError(f"{repo_id}@{revision}: the Hub names no commit, so it cannot be pinned; try again later")
        return Revision(commit=info.sha, files=tuple(files))

    def download(self, repo_id: str, commit: str, *, patterns: Sequence[str], into: Path) -> None:
        from huggingface_hub import snapshot_download

        with _plainly(repo_id, commit):
            snapshot_download(
                repo_id, revision=commit, local_dir=into, allow_patterns=list(patterns), endpoint=self._endpoint
            )


@contextmanager
def _plainly(repo_id: str, revision: str) -> Iterator[None]:
    """The client's errors as one line with the way out."""
    import httpx2  # what the Hub's client speaks HTTP with
    from huggingface_hub import errors

    try:
        yield
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise ModelError(
            f"{repo_id}@{revision} is not on the Hub (or asks for a login: `hf auth login`): {_first(error)}"
        ) from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, errors.HfHubHTTPError) as error:
        raise _unreachable(repo_id, error) from error
    except (httpx2.HTTPError, OSError) as error:
        raise _unreachable(repo_id, error) from error


def _unreachable(repo_id: str, error: BaseException) -> ModelError:
    return ModelError(
        f"{repo_id} could not be fetched from the Hub ({_first(error)}); what came is kept, the same command goes on "
        f"from there. Without a way to the Hub: fetch on a machine that has one, copy the folder into "
        f"SHANGXIN_MODELS_DIR and run `shangxin models verify --deep`; or set HF_ENDPOINT to a mirror"
    )


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
