"""The whole service in a process of its own, with one more route that does nothing: what a webhook is measured against.

python -m tests.bench.invitations_service        everything else comes from the environment, as for the service
"""

import asyncio
import contextlib

import uvicorn
import uvloop
from fastapi import APIRouter, Response

from app import wiring
from app.accounts.access import Public
from app.core.settings import Settings
from app.main import create_app

NOTHING = "/bench/nothing"

router = APIRouter(dependencies=[Public()])


@router.post(NOTHING, status_code=204)
async def nothing() -> Response:
    """Takes what is posted and does nothing with it."""
    return Response(status_code=204)


def main() -> None:
    settings = Settings()
    ground = wiring.lay(settings)
    wiring.raise_up(ground)
    application = create_app(settings, ground)
    application.include_router(router)
    # As the service is run by app.serving.
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=settings.server.port,
        loop="none",
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
