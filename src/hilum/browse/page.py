"""The answers of one search as an offline page of HTML: everything is inside it, and nothing on it is loaded.

In: found cases, the settings they were found with, maps. Out: the page as text. It holds X-rays and report text,
and says so; every word that comes from outside is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass

from hilum.browse.cases import Case, Found
from hilum.browse.films import Film
from hilum.browse.maps import Maps
from hilum.report.page import environment_of, is_phantom
from hilum.report.pictures import data_uri, picture_uri

TEMPLATES = ("hilum.browse", "hilum.report")


@dataclass(frozen=True)
class Asked:
    """How a page's cases were found. asked_by: the query in words, such as `the image of study 59424766`.

    text: the query's own words. against: what answered, images or reports. n_indexed: how many of them there are.
    knows_patient: that the patient's own are left out.
    """

    asked_by: str
    alpha: float
    model_id: str
    n_indexed: int
    collection: str
    text: str | None = None
    against: str = "image"
    knows_patient: bool = False


@dataclass(frozen=True)
class Inside:
    """Addresses that hold what they name."""

    maps: Maps

    def picture(self, film: Film) -> str:
        """The film's picture."""
        return picture_uri(film.picture())

    def layer(self, case: Case) -> str | None:
        """The case's map, if it has one."""
        png = self.maps.draw(case.film, case.phrase) if case.film and case.phrase else None
        return data_uri(png) if png else None


def render_search_page(found: Found, asked: Asked, maps: Maps) -> str:
    """The page."""
    values = {
        "regions": found.regions,
        "query": found.query,
        "cases": found.cases,
        "phantom": is_phantom(asked.collection),
        "address": Inside(maps),
        **vars(asked),
    }
    return environment_of(*TEMPLATES).get_template("search.html").render(values)
