"""Fits the web face onto the service: guards, errors, files, pages and interfaces."""

from fastapi import FastAPI

from app.web import errors
from app.web.api import ROUTERS
from app.web.security import Security
from app.web.templating import Pages


def install(application: FastAPI) -> None:
    """Everything a browser or a program can reach; the application's state must hold the ground already."""
    application.state.templates = Pages()
    errors.install(application)
    application.add_middleware(Security)
    for router in ROUTERS:
        application.include_router(router)
