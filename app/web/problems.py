"""Refusals as programs read them: problem documents (RFC 9457), in the reader's language."""

import logging
from http import HTTPStatus
from itertools import islice
from typing import Protocol, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.core.errors import InvalidInput, NotFound, TooMany, Unavailable, YuanpingError
from app.core.i18n import LANGUAGES, N_, translate
from app.core.settings import Settings
from app.web import choices, refusals, words
from app.web.headers import HEADERS
from app.web.refusals import where

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
_MOST_WRONG, _LONGEST_ECHO = 20, 100  # an answer does not grow with what was sent


class Answer(Protocol):
    """Gives a refusal its form. wrong: the places in what was sent that do not fit, and why."""

    def __call__(
        self, request: Request, error: YuanpingError, wrong: tuple[dict[str, str], ...] = (), /
    ) -> Response: ...


def install(application: FastAPI, answer: Answer) -> None:
    """From now on no error leaves the application in any other form than these answers."""

    def ours(request: Request, error: Exception) -> Response:
        refusal = cast("YuanpingError", error)
        refusals.note(request, refusal)
        response = answer(request, refusal)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = str(error.again_s)
        return response

    def invalid(request: Request, error: Exception) -> Response:
        refusal, wrong = _wrong(cast("RequestValidationError", error))
        refusals.note(request, refusal)
        return answer(request, refusal, wrong)

    def plain(request: Request, error: Exception) -> Response:
        return answer(request, _translated(cast("HTTPException", error)))

    def unstorable(request: Request, error: Exception) -> Response:
        # SQLite keeps anything; PostgreSQL neither a text that is longer than its column nor the character U+0000.
        log.warning("what was sent to %s cannot be kept: %s", where(request), cast("DataError", error).orig)
        return answer(request, _unstorable())

    def held_up(request: Request, error: Exception) -> Response:
        # On PostgreSQL two writers can stand in each other's way, and one is sent back; a moment later it goes through.
        log.error("the database did not let through what was asked at %s", where(request), exc_info=error)
        return answer(request, _held_up())

    def broken(request: Request, error: Exception) -> Response:
        log.error("unexpected error at %s", where(request), exc_info=error)
        response = answer(request, _unexpected())
        # The framework gives this answer outside of all layers, so the one that adds headers never sees it.
        response.headers.update(HEADERS)
        return response

    application.add_exception_handler(YuanpingError, ours)
    application.add_exception_handler(RequestValidationError, invalid)
    application.add_exception_handler(HTTPException, plain)
    application.add_exception_handler(DataError, unstorable)
    application.add_exception_handler(OperationalError, held_up)
    application.add_exception_handler(Exception, broken)


def problem(
    request: Request, error: YuanpingError, wrong: tuple[dict[str, str], ...] = (), status: int | None = None
) -> JSONResponse:
    """The refusal as programs read it. wrong: the places in what was sent, and why. status: in place of the error's own."""
    message, remedy = explain(language_of(request), error)
    code = status or error.status
    body: dict[str, object] = {
        "type": f"urn:yuanping:problem:{error.code}",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": message,
        "code": error.code,
        "remedy": remedy,
    }
    if wrong:
        body["errors"] = list(wrong)
    return JSONResponse(body, code, media_type=PROBLEM)


def explain(language: str, error: YuanpingError) -> tuple[str, str]:
    """Message and remedy in the reader's language; states and acts inside them too."""
    params = {
        name: translate(language, words.act(words.label(value))) if isinstance(value, str) else value
        for name, value in error.params.items()
    }
    return translate(language, error.message, **params), translate(language, error.remedy, **params)


def language_of(connection: HTTPConnection) -> str:
    """The reader's choice: `?lang=`, else the cookie, else the setting."""
    for language in choices.chosen(connection, "lang"):
        if language in LANGUAGES:
            return str(language)
    settings: Settings = connection.app.state.settings
    return settings.default_language if settings.default_language in LANGUAGES else LANGUAGES[0]


def _wrong(error: RequestValidationError) -> tuple[YuanpingError, tuple[dict[str, str], ...]]:
    """The refusal, and the places in what was sent that do not fit."""
    wrong = tuple(
        {"where": _short(".".join(str(part) for part in item["loc"])), "why": _short(str(item["msg"]))}
        for item in islice(error.errors(), _MOST_WRONG)
    )
    refusal = InvalidInput(
        "request-invalid",
        N_("提交的内容不完整或格式不对：{places}"),
        N_("按提示修改后重新提交"),
        places=", ".join(item["where"] for item in wrong) or "?",
    )
    return refusal, wrong


def _short(text: str) -> str:
    """Names of unknown fields come back as they were sent, however long."""
    return text if len(text) <= _LONGEST_ECHO else f"{text[: _LONGEST_ECHO - 1]}…"


def _translated(error: HTTPException) -> YuanpingError:
    """The framework's own refusals in our words."""
    if error.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return NotFound("page-unknown", N_("没有这个页面"), N_("检查地址，或从“今日”页重新进入"))
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected()
    return InvalidInput("request-refused", N_("无法处理这个请求"), N_("返回上一页重新操作"))


def _unstorable() -> YuanpingError:
    return InvalidInput(
        "unstorable",
        N_("提交的内容过长，或含有无法保存的字符，本次操作没有写入任何内容"),
        N_("缩短内容、去掉特殊字符后重新提交"),
    )


def _held_up() -> YuanpingError:
    return Unavailable("held-up", N_("系统正忙，这次操作没有完成"), N_("稍等片刻，再试一次"))


def _unexpected() -> YuanpingError:
    return YuanpingError(
        "unexpected",
        N_("系统遇到了意外错误，本次操作没有写入任何内容"),
        N_("稍后再试；若再次出现，请把发生的时间告诉系统管理员"),
    )
