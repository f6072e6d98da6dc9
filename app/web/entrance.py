"""Fits the web face onto the service: guards, errors, files, pages and interfaces."""

from fastapi import FastAPI

from app.core.settings import Settings
from app.web import errors
from app.web.api import ROUTERS
from app.web.limits import Limits, rations
from app.web.security import Security
from app.web.templating import Pages


def install(application: FastAPI) -> None:
    """Everything a browser or a program can reach; the application's state must hold the ground already."""
    settings: Settings = application.state.settings
    application.state.templates = Pages()
    application.state.account_rations = rations(settings.limits.account_per_s)
    errors.install(application)
    application.add_middleware(Limits, settings=settings.limits, answer=errors.answer)
    application.add_middleware(Security)  # the last one added is the outermost
    for router in ROUTERS:
        application.include_router(router)
