"""The prompts, which are files beside this module, filled with what is known of a question.

In: the name of a prompt, values. Out: text for a language model; it holds report text, and goes nowhere else.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

EXPLAIN, JUDGE = "explain", "judge"


def fill_prompt(name: str, **values: Any) -> str:
    """The prompt of that name. Report text stands in it as it is: nothing in it is taken for a template."""
    return _template(name).render(**values).strip() + "\n"


@cache
def _template(name: str) -> Template:
    loader = PackageLoader("hilum.explanation", "prompts")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              autoescape=False)  # plain text for a model, no HTML  # fmt: skip
    return environment.get_template(f"{name}.jinja")
