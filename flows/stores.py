"""What DVC's cache holds, and behind it the default remote: entries of the run-cache, and objects.

In: an open DVC repository and a stage whose inputs are filled in. Out: the digests that its outputs had for those
inputs, and where they can be had. Of the remote only run-cache entries are copied, which are small; objects are asked
for by name, and fetched when `fetch` is called. Touches internals of DVC, which is pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc.stage.cache import _get_cache_hash
from dvc.stage.serialize import to_single_stage_lockfile
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.status import status

from hilum.errors import BadDataError, UsageError

CACHE, REMOTE = "cache", "remote"


class Stores:
    """The cache of a repository and, if asked for, its default remote.

    Raises UsageError if a remote is asked for and none is set, BadDataError later if it does not answer.
    """

    def __init__(self, repo: Repo, *, remote: bool) -> None:
        self._repo = repo
        self._name = repo.config["core"].get("remote") if remote else None
        self._wanted: set[HashInfo] = set()
        if remote and not self._name:
            raise UsageError("there is no default remote; set one: dvc remote add -d store ../hilum-store")

    def entry(self, stage: PipelineStage) -> dict[str, Any] | None:
        """What the run-cache holds for the stage's command, parameters and inputs, as the stage names them."""
        cache = self._repo.stage_cache
        key = _get_cache_hash(to_single_stage_lockfile(stage), key=True)
        folder = Path(cache._get_cache_dir(key))
        if self._name and not folder.is_dir():
            self._copy_entries(key, folder)
        if not folder.is_dir():
            return None
        newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime, default=None)
        entry: dict[str, Any] | None = cache._load_cache(key, newest.name) if newest else None
        return entry

    def where(self, outs: Iterable[Any]) -> str | None:
        """Where the objects of outputs, whose digests are filled in, can be had: cache, remote, or nowhere."""
        missing = {out.hash_info for out in outs if out.changed_cache()}
        if not missing:
            return CACHE
        found = self._find(missing) if self._name else None
        if found is None:
            return None
        self._wanted |= found
        return REMOTE

    def fetch(self) -> int:
        """Copy into the cache all that `where` has found at the remote; how many objects."""
        wanted, self._wanted = self._wanted, set()
        if wanted:
            with self._answering():
                failed = self._repo.cloud.pull(wanted).failed
            if failed:
                raise BadDataError(f"remote {self._name} did not give {len(failed)} of the objects that it listed.")
        return len(wanted)

    def _find(self, infos: set[HashInfo]) -> set[HashInfo] | None:
        """The objects at the remote, with those of the files in each folder; None if one of them is not there."""
        with self._answering():
            store = self._repo.cloud.get_remote_odb(self._name, "plan")
            try:
                found = status(store, infos, shallow=False)
            except FileNotFoundError:  # the list of a folder's files
                return None
        return None if found.missing else found.exists

    def _copy_entries(self, key: str, folder: Path) -> None:
        with self._answering():
            store = self._repo.cloud.get_remote_odb(self._name, "plan", hash_name="md5-dos2unix")
            there = store.fs.join(store.path, "runs", key[:2], key)
            names = store.fs.find(there) if store.fs.exists(there) else []
            for path in names:
                folder.mkdir(parents=True, exist_ok=True)
                temporary = folder.parent / f".{store.fs.name(path)}"
                store.fs.get_file(path, str(temporary))
                temporary.replace(folder / store.fs.name(path))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Tell of a remote that cannot be asked; every kind of remote has errors of its own."""
        try:
            yield
        except Exception as error:
            raise BadDataError(
                f"remote {self._name} does not answer ({type(error).__name__}: {error}); see `dvc remote list`."
            ) from error


def push_uncached(root: Path) -> None:
    """Push the files that git holds and stages write: restoring such a stage needs them, and `dvc push` leaves them."""
    with closing(Repo(str(root), _wait_for_lock=True)) as repo, repo.lock:
        outs = [out for stage in repo.index.stages for out in stage.outs if out.hash_info and not out.use_cache]
        for out in outs:
            out.use_cache = True
        wanted = {out.hash_info for out in outs if not out.changed_cache()}
        failed = repo.cloud.push(wanted).failed if wanted else set()
    if failed:
        raise BadDataError(f"the default remote did not take {len(failed)} of {len(wanted)} files.")
