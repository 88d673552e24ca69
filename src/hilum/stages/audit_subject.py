"""A patient in, everything that knows them out: as one account, and what a purge would remove, or has removed.

In: a checkout and a subject, a study or a raw file. Out: plain facts for JSON, and lines of text for people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hilum.lineage.descent import TAINTED, TRAINED, VALIDATED
from hilum.lineage.history import HERE
from hilum.lineage.purge import Purge, begin, check_ready, end, merge, plan_purge, purge_cache
from hilum.lineage.revisions import resolve_revision
from hilum.lineage.store import Store
from hilum.lineage.subjects import BY_PLACE, Everything, find_everything, read_tainted
from hilum.sources.descriptors import read_landings

KINDS = ("subject", "study", "file")
RemoveRemote = Callable[[list[str], list[str]], "dict[str, int] | None"]


def audit_subject(
    root: Path, kind: str, name: str, revision: str | None = None, on_object: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """The account of all that knows a subject, a study or a raw file. revision: whose state `now` tells.

    Raises UsageError for what is no id, or no revision.
    """
    at = resolve_revision(root, revision) if revision else HERE
    everything = find_everything(root, kind, name, on_object)
    return describe(root, everything, plan_purge(everything, Store(root, here=False)), at)


def purge_subject(
    root: Path, kind: str, name: str, remove_remote: RemoveRemote, *, models: bool = False
) -> dict[str, Any]:
    """Remove from cache and remote what holds somebody withdrawn; the account of what is left, and what was removed.

    remove_remote: digests and entries of the run-cache -> how many the remote had; None if there is no remote.
    Who else is withdrawn and was not purged yet is purged with them.
    Raises UsageError while what lies here or the newest commit still holds them.
    """
    purged = read_tainted(root)
    others = [one for one in _withdrawn(root) if one != (kind, name) and one[1] not in purged]
    found = [find_everything(root, *one) for one in ((kind, name), *others)]
    store, head = Store(root, here=False), resolve_revision(root, "HEAD")
    for one in found:
        check_ready(one, head)
    plan = begin(root, found, merge([plan_purge(one, store, models=models) for one in found]))
    remote = remove_remote(list(plan.objects), list(plan.runs))
    removed = {
        "cache": purge_cache(store, plan),
        "remote": remote,
        **plan.to_json(),
        "with": [one for _, one in others],
    }
    end(root)
    after = find_everything(root, kind, name)
    return describe(root, after, plan_purge(after, store), HERE) | {"purged": removed}


def describe(root: Path, everything: Everything, plan: Purge, at: str = HERE) -> dict[str, Any]:
    """The account. now: of one state; ever: of all that is recorded anywhere, that state included."""
    now = everything.at(at)
    held = [row.path for row in now if row.is_content and not row.is_tombstone]
    return {
        "of": everything.who.to_json(),
        "at": at,
        "withdrawn_by": _withdrawn_by(root, everything),
        "absent": not held,
        "held": held,
        "now": [row.to_json() for row in now],
        "ever": [row.to_json() for row in everything.known],
        "tainted": [row.to_json() for row in now if row.how in (TRAINED, VALIDATED)],
        "purge": plan.to_json(),
        "unseen": dict(everything.unseen),
        "untold": list(everything.untold),
        "unreadable_commits": dict(everything.unreadable),
        "n_commits": everything.n_commits,
        "n_objects": everything.n_objects,
    }


def render_subject(account: Mapping[str, Any]) -> Iterator[str]:
    """The account as lines of text, nearest things first."""
    of = account["of"]
    kind = next(key for key in KINDS if key in of)
    gone = f", withdrawn by {', '.join(account['withdrawn_by'])}" if account["withdrawn_by"] else ""
    yield f"{kind} {of[kind]}: {len(of['studies'])} studies and {len(of['images'])} images are known of it{gone}"
    yield f"looked into {account['n_objects']} objects of {account['n_commits']} commits, the cache and what lies here"
    where = "what lies here" if account["at"] == HERE else account["at"][:12]
    content = [row for row in account["now"] if row["how"] not in (TRAINED, VALIDATED, "made from")]
    stones = [row for row in content if row["kind"] == "tombstone"]
    held = [row for row in content if row["kind"] != "tombstone"]
    yield f"{where}: " + (f"{len(held)} files hold it" if held else "nothing holds it")
    yield from _lines(held)
    for row in stones:
        why = "or a model trained on it is not known any more" if row["path"] == TAINTED else "or it is landed again"
        yield f"  {row['path']}: its bare id, which must stay, {why}"
    descended = [row for row in account["now"] if row["how"] in (TRAINED, VALIDATED, "made from")]
    if descended:
        yield f"{where}: {len(descended)} files were made from it" + (
            "; the models are tainted until retrained" if account["tainted"] else ""
        )
        yield from _lines(descended)
    earlier = [row for row in account["ever"] if row not in account["now"]]
    commits = {commit for row in earlier for commit in row["commits"]}
    if earlier:
        yield f"elsewhere ({len(commits)} commits, or cache alone): {len(earlier)} files hold it or were made from it"
        yield from _lines(earlier)
    plan = account["purge"]
    for row in plan["in_git"]:
        yield f"  {row['path']} is in git's history, which only rewriting it would change"
    if "purged" in account:
        done = account["purged"]
        remote = done["remote"]
        yield (
            f"purged: {done['cache']['objects']} objects and {done['cache']['runs']} run-cache entries from the cache, "
            + (f"{remote['objects']} and {remote['runs']} from the remote" if remote else "no remote is set")
        )
        yield from _broken(done["broken_commits"], "can no longer be checked out fully")
    elif plan["objects"]:
        yield f"a purge would remove {len(plan['objects'])} objects and {len(plan['runs'])} run-cache entries"
        yield from _broken(plan["broken_commits"], "could no longer be checked out fully")
    if account["unseen"]:
        n = len(account["unseen"])
        yield f"{n} recorded objects are not here and were not looked into; try `dvc fetch --all-commits`"
    if account["untold"]:
        yield f"{len(account['untold'])} objects of the cache are named by no record and say nothing of whose they are"
    for commit, why in account["unreadable_commits"].items():
        yield f"commit {commit[:12]} cannot be read: {why}"


def _broken(commits: Mapping[str, int], words: str) -> Iterator[str]:
    for commit, n in sorted(commits.items()):
        yield f"  commit {commit[:12]} {words}: {n} objects"


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line a folder where what is said of its files is the same; with how many versions there are of it."""
    folders: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        folders[_group(row), _words(row)].append(row)
    for (place, words), held in folders.items():
        paths = sorted({row["path"] for row in held})
        versions = max(Counter(row["path"] for row in held).values())
        name = paths[0] if len(paths) == 1 else f"{place}: {len(paths)} files"
        through = next((row["through"] for row in held if row["through"]), None)
        more = f", {versions} versions" if versions > 1 else ""
        yield f"  {name}: {words}{more}{f' (through {through})' if through else ''}"


def _group(row: Mapping[str, Any]) -> str:
    path = PurePosixPath(row["path"])
    return row["path"].partition("/files/")[0] if row["kind"] == "raw file" else str(path.parent)


def _words(row: Mapping[str, Any]) -> str:
    n, positions = row["n"], row["positions"]
    if row["how"] == BY_PLACE:
        return f"at {', '.join(map(str, positions[:8]))}{' ...' if n > 8 else ''}"
    return {"rows": f"{n} rows", "named": f"named {n} times", "path": "theirs"}.get(row["how"], row["how"])


def _withdrawn(root: Path) -> list[tuple[str, str]]:
    """Everybody who is withdrawn, as kind and id."""
    rows = [row for row in read_landings(root) if not row.partitions]
    subjects = [("subject", str(i)) for row in rows for i in row.withdrawn_subjects]
    return [*subjects, *(("study", str(i)) for row in rows for i in row.withdrawn_studies)]


def _withdrawn_by(root: Path, everything: Everything) -> list[str]:
    """The landings that withdraw it, or the studies of it one by one."""
    who = everything.who
    rows = [row for row in read_landings(root) if not row.partitions]
    return [
        row.landing
        for row in rows
        if who.subjects & {*row.withdrawn_subjects} or who.studies & {*row.withdrawn_studies}
    ]
