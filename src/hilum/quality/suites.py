"""Great Expectations suites derived from hilum.schema, and their results as plain checks.

In: a table's description and its frame. Out: one `Check` per expectation. Great Expectations never sees a private
column's values (`reading` blanks them), and of its results only counts and the keys of failing rows are kept: its own
JSON would hold the failing values.
Known traps of Great Expectations 1.24 that this module steps round: it imports in 3 to 6 s and warns while it does;
its type lists refuse pandas 3 strings (types are checked on the Arrow schema, in `reading`); a missing column makes
it report an exception, not a failure (counted here as a failure of every row).
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd

from hilum.quality.checks import N_EXAMPLES, Check, name_rows
from hilum.schema import Column, Table

os.environ["GX_ANALYTICS_ENABLED"] = "false"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside great_expectations and what it imports
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.data_context.types.base import ProgressBarsConfig

for _name in ("great_expectations", "great_expectations.data_context.types.base"):  # the latter sets its own level
    logging.getLogger(_name).setLevel(logging.WARNING)
_REMAKE = "Run `dvc repro` to make the table again; if it stays, its stage and hilum.schema disagree."


@dataclass(frozen=True)
class Rule:
    """One expectation with the words it is reported in."""

    check: str
    columns: tuple[str, ...]
    expected: str
    expectation: gxe.Expectation


def derive_rules(table: Table, found: Sequence[str], left_out: Sequence[str] = ()) -> list[Rule]:
    """Every rule that the description implies.

    found: columns the frame has; of the others only their absence is judged. left_out: columns about which another
    check has already spoken.
    """
    rules = [
        Rule("exists", (c.name,), "the table has the column", gxe.ExpectColumnToExist(column=c.name))
        for c in table.columns
        if c.name not in left_out
    ]
    judged = [name for name in found if name not in left_out]
    for column in table.columns:
        if column.name in judged:
            rules += _column_rules(column)
    if set(table.key) <= set(judged):
        rules.append(_key_rule(table))
    return rules


def check_table(table: Table, frame: pd.DataFrame, left_out: Sequence[str] = ()) -> list[Check]:
    """Run the suite of a table on its frame.

    frame: may lack columns and may have others beside the described ones; its private columns must be blank.
    left_out: columns of the wrong type, which `reading` has refused already.
    """
    described = [name for name in table.column_names if name in frame.columns]
    frame = frame[described].reset_index(drop=True)
    rules = derive_rules(table, described, left_out)
    for number, rule in enumerate(rules):
        rule.expectation.meta = {"rule": number}
    batch = _batch_definition(table.name).get_batch(batch_parameters={"dataframe": frame})
    suite = gx.ExpectationSuite(name=table.name, expectations=[rule.expectation for rule in rules])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 3 deprecations inside great_expectations
        found = batch.validate(
            suite, result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False}
        )
    results = {_number(result): result for result in found.results}
    return [_to_check(table, frame, rule, results[number]) for number, rule in enumerate(rules)]


def _number(result: ExpectationValidationResult) -> int:
    """The rule that a result is of; great_expectations gives results in an order of its own."""
    assert result.expectation_config is not None and result.expectation_config.meta is not None
    return int(result.expectation_config.meta["rule"])


def _column_rules(column: Column) -> list[Rule]:
    name, rules = column.name, []
    if not column.nullable:
        rules.append(Rule("not_null", (name,), "no null", gxe.ExpectColumnValuesToNotBeNull(column=name)))
    if column.private:
        return rules
    expectation: gxe.Expectation
    if column.values is not None:
        expectation = gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.values))
        rules.append(Rule("value_set", (name,), f"one of {', '.join(column.values)}", expectation))
    if column.pattern is not None:
        expectation = gxe.ExpectColumnValuesToMatchRegex(column=name, regex=column.pattern)
        rules.append(Rule("pattern", (name,), f"of the form {column.pattern}", expectation))
    if column.minimum is not None or column.maximum is not None:
        expectation = gxe.ExpectColumnValuesToBeBetween(column=name, min_value=column.minimum, max_value=column.maximum)
        rules.append(Rule("range", (name,), _range_words(column), expectation))
    return rules


def _key_rule(table: Table) -> Rule:
    """The key's uniqueness. A null part of a key counts as a value: two rows alike in it are alike."""
    expectation: gxe.Expectation
    if len(table.key) == 1:
        expectation = gxe.ExpectColumnValuesToBeUnique(column=table.key[0])
    else:
        expectation = gxe.ExpectCompoundColumnsToBeUnique(column_list=list(table.key), ignore_row_if="never")
    return Rule("unique_key", table.key, "no two rows with the same key", expectation)


def _range_words(column: Column) -> str:
    unit = f" {column.unit}" if column.unit else ""
    if column.maximum is None:
        return f"at least {column.minimum:.10g}{unit}"
    if column.minimum is None:
        return f"at most {column.maximum:.10g}{unit}"
    return f"from {column.minimum:.10g} to {column.maximum:.10g}{unit}"


def _to_check(table: Table, frame: pd.DataFrame, rule: Rule, result: ExpectationValidationResult) -> Check:
    """One result as a check. What great_expectations could not evaluate counts as failed in every row."""
    rows = result.result.get("unexpected_index_list") or []
    failing = frame.loc[[row for row in rows if row in frame.index]]
    n_unexpected = int(result.result.get("unexpected_count", 0))
    if not bool(result.success) and n_unexpected == 0:
        n_unexpected = max(len(frame), 1)
    key = [name for name in table.key if name in frame.columns]
    return Check(
        table=table.name,
        check=rule.check,
        columns=rule.columns,
        severity="critical",
        expected=rule.expected,
        next_move=_REMAKE,
        n_rows=len(frame),
        n_unexpected=n_unexpected,
        examples=name_rows(failing, key, N_EXAMPLES) if key else (),
    )


@cache
def _context() -> EphemeralDataContext:
    """One context for all tables; nothing of it is kept on disk."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _batch_definition(name: str) -> BatchDefinition:
    source = _context().data_sources.add_or_update_pandas(name)
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
