"""Looks after recordings that have ended and after the disk they are on; never in the way of one that runs."""

from anyio import to_thread

from app.core.clock import Clock
from app.jobs.patience import Patience
from recordings.space import Space
from recordings.uploads import Uploads


class Storing:
    """Every sweep may run at any time and twice: what it does is decided by rows and files."""

    def __init__(self, clock: Clock, uploads: Uploads, space: Space) -> None:
        self._uploads = uploads
        self._space = space
        self._patience = Patience(clock)

    async def upload(self) -> None:
        """Brings ended recordings into the store; while it is away, what gathers waits."""
        await to_thread.run_sync(self._upload)

    async def watch_space(self) -> None:
        """Warns of a disk that fills up."""
        await to_thread.run_sync(self._watch_space)

    def _upload(self) -> None:
        with self._patience.trying("storing recordings") as time_to_try:
            if time_to_try:
                self._uploads.sweep()

    def _watch_space(self) -> None:
        with self._patience.trying("looking at the disk") as time_to_try:
            if time_to_try:
                self._space.check()
