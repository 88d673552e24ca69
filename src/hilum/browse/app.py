"""The web application: one page that is whole without a script, its pictures, its style and its script.

In: a desk and maps. Out: an ASGI application. It answers only to the machine's own names, so that a page from elsewhere
cannot reach it by a name of its own (DNS rebinding); its answers run no script and load no style but its own, are in no
frame and in no cache. Known to be imperfect: whoever has an account on the machine can read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hilum.browse.cases import Case
from hilum.browse.desk import LISTED, MOST_CASES, Desk
from hilum.browse.films import Film
from hilum.browse.maps import Maps
from hilum.browse.page import TEMPLATES
from hilum.errors import HilumError, UsageError
from hilum.report.page import environment_of, is_phantom
from hilum.report.pictures import picture_png

HOSTS = ["127.0.0.1", "localhost"]
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
STATIC = {
    "style.css": ("text/css", ("hilum.report/style.css", "hilum.browse/cases.css", "hilum.browse/browse.css")),
    "browse.js": ("text/javascript", ("hilum.browse/browse.js",)),
}


@dataclass(frozen=True)
class Linked:
    """Addresses under which this application gives pictures and maps."""

    def picture(self, film: Film) -> str:
        """The film's picture."""
        return f"/pictures/{film.name}.png"

    def layer(self, case: Case) -> str | None:
        """The case's map, if it has one."""
        if not case.film or not case.phrase:
            return None
        return f"/maps/{case.film.name}.png?{urlencode({'phrase': case.phrase})}"


def build_app(desk: Desk, maps: Maps) -> Starlette:
    """The application."""

    def page(request: Request) -> Response:
        choice = desk.read_choice(request.query_params)
        found = desk.find_cases(choice)
        values = {
            "choice": choice, "found": found, "listed": desk.list_images(choice.find), "regions": desk.index.regions,
            "n_indexed": len(desk.index.rows), "phantom": is_phantom(desk.collection), "address": Linked(),
            "n_listed": LISTED, "most_cases": MOST_CASES, "boxes": order_boxes(found.query),
            "named": desk.named(choice.image),
        }  # fmt: skip
        return HTMLResponse(environment_of(*TEMPLATES).get_template("browse.html").render(values))

    def picture(request: Request) -> Response:
        return Response(picture_png(_film(request).picture()), media_type="image/png")

    def layer(request: Request) -> Response:
        png = maps.draw(_film(request), request.query_params.get("phrase", ""))
        return Response(png, media_type="image/png") if png else Response(status_code=204)

    def _film(request: Request) -> Film:
        dicom_id = request.path_params["dicom_id"]
        return desk.archive.films.read([dicom_id])[dicom_id]

    routes = [Route("/", page), Route("/pictures/{dicom_id}.png", picture), Route("/maps/{dicom_id}.png", layer)]
    routes += [Route(f"/{name}", _static(*what)) for name, what in STATIC.items()]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(SafeHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        ],
        exception_handlers={HilumError: _refuse},
    )


def order_boxes(query: Case | None) -> list[tuple[str, tuple[float, float, float, float]]]:
    """The regions of the query's film, the largest first: a smaller one lies above it and can be clicked."""
    boxes = query.film.boxes if query and query.film else {}
    return sorted(boxes.items(), key=lambda item: -item[1][2] * item[1][3])


class SafeHeaders:
    """Puts HEADERS on every answer, refusals included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the headers."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_safely)


def _static(media_type: str, names: tuple[str, ...]) -> Callable[[Request], Response]:
    parts = [files(name.partition("/")[0]) / "templates" / name.partition("/")[2] for name in names]
    text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    return lambda request: Response(text, media_type=media_type)


def _refuse(request: Request, error: Exception) -> Response:
    """What a user can mend, in words; messages of these errors never hold report text."""
    values = {"message": str(error)}
    page = environment_of(*TEMPLATES).get_template("refused.html").render(values)
    return HTMLResponse(page, 400 if isinstance(error, UsageError) else 500)
