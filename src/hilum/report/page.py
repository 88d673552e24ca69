"""How a page is made: one Jinja2 environment, always escaping, and the words numbers are written in.

In: a template of this package and plain values. Out: a whole HTML file as text, which loads nothing: style, charts
and pictures are inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import jinja2

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
PHANTOM = "phantom"


def render(template: str, values: Mapping[str, object]) -> str:
    """Fill a template. A value that the template names and `values` lacks is an error, never an empty place."""
    return environment_of("hilum.report").get_template(template).render(values)


def write_count(value: int | None) -> str:
    """1234 as 1,234; null as a dash."""
    return NOTHING if value is None else f"{value:,}".replace("-", MINUS)


def write_share(value: float | None, digits: int = 1) -> str:
    """0.123 as 12.3 %; null as a dash."""
    return NOTHING if value is None else f"{value * 100:.{digits}f} %".replace("-", MINUS)


def write_score(value: float | None, digits: int = 3) -> str:
    """A score with fixed digits and a real minus sign; null and not-a-number as a dash."""
    return NOTHING if value is None or value != value else f"{value:.{digits}f}".replace("-", MINUS)


def write_words(value: str) -> str:
    """A snake_case key as words."""
    return value.replace("_", " ")


def write_key(key: Mapping[str, object]) -> str:
    """A row's key: `study_id 50000001, region null`."""
    return ", ".join(f"{name} {'null' if value is None else value}" for name, value in key.items())


def is_phantom(collection: str) -> bool:
    """Whether the numbers are of the synthetic collection."""
    return collection == PHANTOM


@cache
def environment_of(*packages: str) -> jinja2.Environment:
    """The templates of packages, the first that has one of a name; always escaping, with the filters of every page."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=write_count, share=write_share, score=write_score, words=write_words, key=write_key
    )
    return environment
