"""What a run leaves for an auditor: a line of the ledger, and of a promoted model a signed statement.

In: a checkout after a run or an operation, before its commit. Out: reports/ledger.jsonl, reports/provenance.json and
reports/keys, to be committed with the rest. The key is made by the first promotion on a machine that has none.
"""

from __future__ import annotations

from pathlib import Path

from flows import repository
from flows.checkout import one_run
from hilum.lineage.ledger import LEDGER, STATEMENT, append, is_recorded

RECORDS = (LEDGER, STATEMENT, "reports/keys")
"""What to commit."""


def start_of(root: Path) -> str | None:
    """The commit that a run starts from; None where git holds none, and nothing can be recorded."""
    return repository.resolve(root, "HEAD")


def record_run(root: Path, commit: str | None) -> None:
    """Add a line for a run, unless one says all of it already; it is left for the next commit.

    Raises VerificationError if what is there is no ledger.
    """
    if commit is None or is_recorded(root):
        return
    from hilum.lineage.signing import published_key

    with one_run(root, wait=True):
        append(root, "run", commit, lambda: published_key(root))


def record_refusal(root: Path) -> None:
    """Add a line for a retraining whose model was refused."""
    from hilum.lineage.signing import published_key

    append(root, "retrain", repository.head(root), lambda: published_key(root))


def seal(root: Path, what: str) -> None:
    """Sign a statement of what is served now, if none is of it yet, and add a line that names it.

    what: retrain, promote, take, rollback or refresh.
    Raises VerificationError if a file is not what its record says, or what is there is no ledger.
    """
    from hilum.lineage.signing import own_key, published_key
    from hilum.lineage.statement import states_what_lies_here, write_statement

    commit = repository.head(root)
    if what != "refresh" or not states_what_lies_here(root):
        signer = own_key(make=True)
        assert signer is not None, "one was made"
        signer.publish(root)
        write_statement(root, what, commit, signer)
    append(root, what, commit, lambda: published_key(root))
