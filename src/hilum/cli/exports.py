"""The verbs that hand tables and records of this checkout to people: unknown-terms, chexpert and export."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import click

from hilum.cli.command import PATH, verb

EXPORTS = ("openlineage", "croissant", "prov", "cards")


@verb("unknown-terms", "hilum unknown-terms --limit 20")
@click.option("--terms", type=PATH, default=Path("data/unknown_terms"), show_default=True, help="What `parse` counted.")
@click.option("--min-reports", type=click.IntRange(1), default=2, show_default=True, help="Leave out rarer terms.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many terms at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def unknown_terms(terms: Path, min_reports: int, limit: int, as_json: bool) -> None:
    """Terms that reports say and the vocabulary lacks, the most frequent first. They are report text."""
    from hilum.config import read_landings
    from hilum.schema import UNKNOWN_TERMS
    from hilum.tables import check_partitions, read_table
    from hilum.text.unknown import merge_terms

    partitions = list(read_landings().partitions)
    check_partitions(terms, partitions, ".parquet")
    merged = merge_terms(read_table(terms / f"{name}.parquet", UNKNOWN_TERMS) for name in partitions)
    shown = merged[merged["n_reports"] >= min_reports].head(limit)
    click.echo(
        f"{len(merged)} unknown terms, {len(shown)} shown"
        + ("" if len(merged) else "; set parse.spacy_model to a pipeline that recognises entities"),
        err=True,
    )
    for row in shown.to_dict("records"):
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            studies = " ".join(f"s{study}" for study in row["study_ids"])
            click.echo(f"{row['n_reports']:>7} {row['n_mentions']:>7}  {row['entity']:<10} {row['term']}  ({studies})")


@verb("chexpert", "hilum chexpert labels.csv.gz")
@click.argument("out", type=PATH)
@click.option("--labels", type=PATH, default=Path("data/chexpert"), show_default=True, help="What `label` wrote.")
def chexpert(out: Path, labels: Path) -> None:
    """Write CheXpert's 14 labels of every study as one csv (or csv.gz) in the form of MIMIC-CXR-JPG's."""
    from hilum.config import read_landings
    from hilum.labels.chexpert import to_csv
    from hilum.schema import CHEXPERT_LABELS
    from hilum.tables import read_tables, whole_file

    if not out.name.endswith((".csv", ".csv.gz")):
        raise click.UsageError(f"{out} is neither a .csv nor a .csv.gz; name one of these.")
    rows = read_tables(labels, list(read_landings().partitions), CHEXPERT_LABELS)
    data = to_csv(rows.sort_values(["subject_id", "study_id"])).encode("ascii")
    with whole_file(out) as temporary:
        temporary.write_bytes(gzip.compress(data, mtime=0) if out.suffix == ".gz" else data)
    click.echo(f"chexpert: {len(rows)} studies, {out}")


@verb("export", "hilum export exported --rev HEAD --only openlineage --only cards")
@click.argument("folder", type=PATH)
@click.option("--rev", "revision", help="As a commit, branch or tag holds it [default: as it lies here].")
@click.option("--only", type=click.Choice(EXPORTS), multiple=True, help="Write only this [default: all].")
def export(folder: Path, revision: str | None, only: tuple[str, ...]) -> None:
    """Write what is recorded here in the standards of others, into FOLDER; nothing is sent anywhere.

    OpenLineage run events, Croissant descriptions of labels and embeddings, W3C PROV of the chain behind
    reports/metrics.json, and a model card and a data card in Markdown and JSON.
    """
    from hilum.lineage.record import open_record
    from hilum.stages import audit_exports as stage

    with open_record(Path.cwd(), revision) as record:
        written = stage.export(record, folder, only)
        name = record.snapshot.name
    click.echo(f"export: {len(written)} files of {name}, {folder}")


COMMANDS = (unknown_terms, chexpert, export)
