"""The machine dies in mid-evaluation; nothing that was acknowledged is gone, and the recording plays on."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from app.core.samples import Source
from app.evaluation import evidence
from app.evaluation.models import Evaluation
from app.rehearsal.seats import PretendExpert
from app.rehearsal.service import Desk
from recordings.sealing import read_room
from recordings.timeline import room_timeline
from tests.support.running import RunningHouse, becomes, come_in, drawn, summonses

pytestmark = pytest.mark.story

SOURCES = (Source.camera, Source.microphone)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the service had said it keeps, before it was killed."""

    sheets: dict[int, dict[str, Any]]
    durable_ms: dict[tuple[int, Source], int]


def test_a_killed_server_comes_back_with_everything_it_had_acknowledged(own_house: RunningHouse) -> None:
    asyncio.run(_story(own_house))


async def _story(house: RunningHouse) -> None:
    async with Desk(house.url) as operator:
        await operator.sign_in_by_link(house.link("operator").removeprefix(house.url))
        evaluation_id = await drawn(operator, house)
        path = f"/api/evaluations/{evaluation_id}"
        experts = await come_in(house, evaluation_id, await summonses(operator, evaluation_id))

        async with AsyncExitStack() as before:
            for expert in experts:
                await expert.sign_in(before)
            async with AsyncExitStack() as room:
                for expert in experts:
                    await expert.sit(room)
                await _opened(operator, path)
                for expert in experts[:3]:
                    await _save_one_row(expert)
                kept = await _acknowledged(operator, path, experts[:3])
                house.kill()

            house.start()

            evaluation = await operator.get(path)
            assert evaluation["state"] == "in_session"
            for expert in experts[:3]:
                assert (await expert.desk.get("/api/seat/desk"))["sheet"] == kept.sheets[expert.seat_no]

            async with AsyncExitStack() as room:
                for expert in experts:
                    await expert.sit(room)
                await _recorded_again(operator, path)
                await asyncio.gather(*(expert.score() for expert in experts))
                await operator.post(f"{path}/close")
                await becomes(operator, path, lambda evaluation: evaluation["state"] == "sealed")

    await asyncio.to_thread(_check, house, evaluation_id, kept)


def _check(house: RunningHouse, evaluation_id: str, kept: Acknowledged) -> None:
    room_id = house.read(lambda session: session.get_one(Evaluation, evaluation_id).room_id)
    timeline = room_timeline(read_room(house.folder / "recordings" / str(room_id)))
    for track in timeline.tracks:
        first, second = track.parts
        reached = max(piece.to_ms for piece in first.fragments)
        assert reached >= kept.durable_ms[track.seat_no, track.source], "acknowledged media is missing"
        assert [gap.reason for gap in track.gaps if gap.from_ms >= reached - 1] == ["server-restart"]
        assert min(piece.from_ms for piece in second.fragments) > reached
    checked = house.read(lambda session: list(evidence.check_house(session, house.folder, "en")))
    assert len(checked) >= 4
    assert [fault for one in checked for fault in one.faults] == []


async def _opened(operator: Desk, path: str) -> None:
    async with asyncio.timeout(60):
        while (refused := await operator.refused_as(f"{path}/open")) is not None:
            assert refused == "seats-not-recorded"
            await asyncio.sleep(0.3)


async def _recorded_again(operator: Desk, path: str) -> None:
    await becomes(
        operator,
        path,
        lambda evaluation: all(
            member[f"{source}_durable_ms"] is not None
            for member in evaluation["members"]
            for source in SOURCES
        ),
    )


async def _save_one_row(expert: PretendExpert) -> None:
    shown = await expert.desk.get("/api/seat/desk")
    scores = {shown["bidders"][0]["id"]: {one["id"]: one["max"] // 2 for one in shown["criteria"]}}
    await expert.save({"revision": 0, "scores": scores, "note": "first row"})


async def _acknowledged(operator: Desk, path: str, savers: Sequence[PretendExpert]) -> Acknowledged:
    """The last word of the service: the sheets it confirmed and how far it says each track is on disk."""
    sheets = {expert.seat_no: (await expert.desk.get("/api/seat/desk"))["sheet"] for expert in savers}
    assert all(sheet["scores"] and sheet["note"] for sheet in sheets.values())
    members = (await operator.get(path))["members"]
    durable = {
        (member["seat_no"], source): member[f"{source}_durable_ms"]
        for member in members
        for source in SOURCES
    }
    assert all(reached is not None for reached in durable.values())
    return Acknowledged(sheets, durable)
