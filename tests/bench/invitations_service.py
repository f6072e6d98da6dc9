"""The whole service in a process of its own, with one more route that does nothing: what a webhook is measured against.

python -m tests.bench.invitations_service        everything else comes from the environment, as for the service
"""

import asyncio
import contextlib

import uvicorn
import uvloop
from fastapi import Response

from app import wiring
from app.core.ground import lay
from app.core.settings import Settings
from app.main import create_app
from app.notify import callbacks

NOTHING = "/hooks/twilio/nothing"
"""Among the webhooks, so that it takes as long to find and is guarded alike."""


async def nothing() -> Response:
    """Takes what is posted and does nothing with it."""
    return Response(status_code=204)


def main() -> None:
    settings = Settings()
    ground = lay(settings)
    wiring.raise_up(ground)
    path = NOTHING.removeprefix(callbacks.router.prefix)
    callbacks.router.add_api_route(path, nothing, methods=["POST"], status_code=204)
    application = create_app(settings, ground)
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
