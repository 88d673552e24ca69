"""A model card or a data card in Markdown, of facts alone.

In: the facts of cards.py. Out: text. A fact that is null is written as unknown; one that is not there is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

MODEL_CARD, DATA_CARD = "model_card.md", "data_card.md"
UNKNOWN = "unknown"


def render_card(name: str, facts: Mapping[str, Any]) -> str:
    """MODEL_CARD or DATA_CARD as Markdown."""
    return _environment().get_template(name).render(facts)


def _write(value: Any) -> str:
    """A value for people; nothing is `unknown`. What would end a table's cell is made harmless."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hilum.lineage"), autoescape=False, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["told"] = _write
    environment.filters["exact"] = lambda value: _write(str(value) if isinstance(value, float) else value)
    return environment
