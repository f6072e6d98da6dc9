"""Fills the pages: one environment per language, so that a text is translated wherever it stands."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.requests import HTTPConnection, Request

from app.accounts.access import Actor
from app.core.i18n import LANGUAGES, translate
from app.web import choices, words
from app.web.cookies import keep_choice
from app.web.navigation import menu
from app.web.problems import language_of
from venue import service as venues

HERE = Path(__file__).parent
STATIC = HERE / "static"
VENDOR = HERE / "vendor"
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""What the clocks on the wall show; China has had no summer time since 1991."""


def wall_time(value: datetime, *, seconds: bool = False) -> str:
    """`2026-11-21 14:05` as clocks in China show it."""
    return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


class Pages:
    """The pages of the service, ready to be filled."""

    def __init__(self, folder: Path = HERE / "templates") -> None:
        self._environments = {language: _environment(folder, language) for language in LANGUAGES}

    def text(self, language: str, name: str, **values: Any) -> str:
        """One filled template."""
        return self._environments[language].get_template(name).render(lang=language, **values)

    def page(
        self, request: Request, name: str, *, actor: Actor | None = None, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A whole page with everything `base.html` asks for; remembers a language or theme chosen by link."""
        language = language_of(request)
        theme = _theme_of(request)
        here = request.url
        back = here if request.method == "GET" else here.replace(path="/", query="")
        state = request.app.state
        center_name = None
        if actor is not None and actor.center_id is not None:
            with state.database.reading() as session:
                center_name = venues.center_name(session, actor.center_id)
        body = self.text(
            language,
            name,
            actor=actor,
            center_name=center_name,
            demo=state.settings.demo,
            menu=menu(actor),
            path=here.path,
            theme=theme,
            theme_links={
                chosen: _relative(back.include_query_params(theme=chosen)) for chosen in ("light", "dark")
            },
            language_link=_relative(
                back.include_query_params(lang=next(other for other in LANGUAGES if other != language))
            ),
            vendor=_vendor(),
            **values,
        )
        response = HTMLResponse(body, status)
        for key, value in (("lang", language), ("theme", theme)):
            if request.query_params.get(key) == value:
                keep_choice(request, response, key, value)
        return response

    def fragment(self, request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A piece of a page, for a page that refreshes itself."""
        return HTMLResponse(self.text(language_of(request), name, **values), status)


async def _pages(connection: HTTPConnection) -> Pages:
    return cast("Pages", connection.app.state.templates)


PagesDep = Annotated[Pages, Depends(_pages)]


def _environment(folder: Path, language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def say(text: str, **params: object) -> str:
        return translate(language, text, **params)

    environment.globals.update(
        _=say,
        permit=lambda actor, permission: actor is not None and actor.may(permission),
        ground_label=lambda ground: say(words.ground(ground)),
        state_label=lambda state: say(words.label(state)),
        state_tone=words.tone,
    )
    environment.filters.update(
        moment=wall_time,
        moment_s=lambda value: wall_time(value, seconds=True),
        clock_time=lambda value: value.astimezone(CHINA).strftime("%H:%M"),
        iso=lambda value: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        short_hash=lambda value, length=12: f"{value[:length]}…" if len(value) > length else value,
    )
    return environment


def _theme_of(request: Request) -> str:
    for theme in choices.chosen(request, "theme"):
        if theme in {"light", "dark"}:
            return str(theme)
    return "auto"


def _relative(url: URL) -> str:
    """The address without its host; `//host` at the beginning would be another site's."""
    path = f"/{url.path.lstrip('/')}"
    return f"{path}?{url.query}" if url.query else path


def _vendor() -> frozenset[str]:
    return frozenset(path.name for path in VENDOR.glob("*.*")) if VENDOR.is_dir() else frozenset()
