"""Objects taken out of the default remote, by name and one by one: for somebody who was withdrawn.

In: digests, and entries of the run-cache by their path. Out: how many of each the remote had; it has none of them now,
and everything else as before. The file system is DVC's own, so that a folder and S3 are the same here. Known to be
imperfect: a remote with versions of its own (version_aware, worktree, or a bucket that keeps old versions) keeps what
was removed; ask its owner. DVC's notes of paths that it has hashed (core.site_cache_dir, outside the checkout) stay.
Touches internals of DVC, which is pinned.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from dvc.repo import Repo
from dvc_data.hashfile.db import get_index

from flows.remotes import default_remote
from hilum.errors import BadDataError


def purge_remote(root: Path, objects: Sequence[str], runs: Sequence[str]) -> dict[str, int] | None:
    """Remove objects (by md5) and entries of the run-cache from the default remote; None where no remote is set.

    Running it twice is no error. Raises BadDataError if the remote does not let it.
    """
    name = default_remote(root)
    if name is None:
        return None
    with closing(Repo(str(root), _wait_for_lock=True)) as repo, repo.lock:
        try:
            store = repo.cloud.get_remote_odb(name, "purge")
            legacy = repo.cloud.get_remote_odb(name, "purge", hash_name="md5-dos2unix")
            entries = [legacy.fs.join(legacy.path, *run.split("/")) for run in runs]
            places = [odb.oid_to_path(digest) for odb in (store, legacy) for digest in objects]
            n_runs, n_objects = (_remove(store.fs, paths) for paths in (entries, places))
            with closing(get_index(store)) as index:
                index.clear()  # else DVC believes that folders are there whole, and pushes nothing of them again
        except Exception as error:
            raise BadDataError(
                f"remote {name} did not let it ({type(error).__name__}: {error}); what is left there still holds them. "
                f"Run it again when the remote answers."
            ) from error
    return {"objects": n_objects, "runs": n_runs}


def _remove(fs: object, paths: Sequence[str]) -> int:
    there = [path for path in paths if fs.exists(path)]  # type: ignore[attr-defined]
    for path in there:
        fs.remove(path)  # type: ignore[attr-defined]
    return len(there)
