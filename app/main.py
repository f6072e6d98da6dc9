"""Builds the service; it refuses to open while any route is unguarded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import wiring
from app.accounts.access import unguarded_routes
from app.core.ground import Ground, lay
from app.core.settings import Settings
from app.web.entrance import install


class Unguarded(RuntimeError):
    """A route without exactly one access rule: a mistake of ours, found before anyone can use it."""


def create_app(settings: Settings, ground: Ground | None = None) -> FastAPI:
    """The service as an ASGI application. Raises Unguarded, and InvalidInput for settings that cannot stand."""
    laid = ground or lay(settings)

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        async with wiring.running(application, laid):
            yield

    # FastAPI's documentation pages load scripts from elsewhere, and its schema would be a route without a guard.
    application = FastAPI(
        title="Yuanping 远评", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    wiring.attach(application, laid)
    install(application)
    if bare := unguarded_routes(application):
        raise Unguarded(f"these routes have no access rule, or two: {', '.join(bare)}")
    return application
