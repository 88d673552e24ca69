"""The verb that shows what the vocabulary lacks: unknown-terms."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hilum.cli.command import PATH, verb


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


COMMANDS = (unknown_terms,)
