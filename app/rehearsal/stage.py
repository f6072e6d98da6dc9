"""Plays a whole evaluation against a running service and tells what happens."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.markup import escape

from app import wiring
from app.core.clock import Clock
from app.core.errors import YuanpingError
from app.core.ground import Ground, lay
from app.core.i18n import N_, translate
from app.core.listening import free_port, listening
from app.core.settings import OwnSettings, Settings, configured
from app.core.settings_doors import ServerSettings
from app.core.settings_rooms import SeatSettings
from app.evaluation import evidence
from app.evaluation.proofs import Checked
from app.rehearsal.desks import VenueStaff
from app.rehearsal.phones import PhoneCast
from app.rehearsal.seats import PretendExpert
from app.rehearsal.service import Desk, RehearsalFailed
from app.sample import personas
from app.sample.booking import sample_booking
from app.sample.loading import load_sample
from venue import service as venues

_STEPS = 9
_LOOK_S = 0.5
_BETWEEN_SAVES = 0.15
"""Pretend experts save their sheets after each such part of the session."""


@dataclass(slots=True)
class Teller:
    """Prints each step with the seconds since the start."""

    console: Console
    language: str
    clock: Clock
    _started_ns: int = field(init=False)
    _step: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._started_ns = self.clock.monotonic_ns()

    @property
    def seconds(self) -> float:
        return (self.clock.monotonic_ns() - self._started_ns) / 1e9

    def step(self, text: str, **params: object) -> None:
        self._step += 1
        self._print(f"[bold]{self._step}/{_STEPS} {self.words(text, **params)}[/]")

    def note(self, text: str, **params: object) -> None:
        self._print(f"    {self.words(text, **params)}")

    def words(self, text: str, **params: object) -> str:
        return escape(translate(self.language, text, **params))

    def _print(self, line: str) -> None:
        self.console.print(f"[dim]{self.seconds:5.1f} s[/] {line}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the report says."""

    number: str
    evaluation_id: str
    rounds: int
    replaced: int
    replay: str
    checked: tuple[Checked, ...]


def rehearse_alone(data: Path, port: int, console: Console, language: str, *, serve_after: bool) -> int:
    """Prepares a data folder of its own, opens a service on it and rehearses; returns the exit code.

    Nothing of the center's real data is touched, and only pretend phones ring.
    """
    settings = own_settings(data, port or free_port())
    with listening(settings.server.host, settings.server.port):
        pass  # else a stranger on that port would be taken for our service
    with _laid(settings) as ground:
        tell = Teller(console, language, ground.clock)
        tell.step(N_("导入样例中心与专家名册"))
        wiring.raise_up(ground)
        report = load_sample(ground.database, ground.clock, ground.sealer)
        tell.note(
            N_("{centers} 个中心，{experts} 名专家"), centers=report.centers, experts=report.roster.rows
        )
        with _service(settings) as process:
            code = asyncio.run(_rehearse(ground, settings.public_url, tell, process))
            if serve_after and code == 0:
                tell.note(N_("服务继续运行：{url}（按 Ctrl+C 停止）"), url=settings.public_url)
                with contextlib.suppress(KeyboardInterrupt):
                    process.wait()
    return code


def rehearse_on(data: Path, url: str, console: Console, language: str) -> int:
    """Rehearses on a service that is already open on this data folder; returns the exit code."""
    with _laid(OwnSettings(data_dir=data, demo=True, rehearsal=configured().rehearsal)) as ground:
        tell = Teller(console, language, ground.clock)
        tell.step(N_("在运行中的服务上演练：{url}"), url=url)
        return asyncio.run(_rehearse(ground, url, tell, None))


def own_settings(data: Path, port: int) -> Settings:
    """A rehearsal's settings: defaults, and the timers somebody may have set. Whatever else a real center has set,
    its database, provider, addresses and key, is none of its business."""
    given = configured()
    return OwnSettings(
        data_dir=data,
        demo=True,
        server=ServerSettings(port=port),
        invitation=given.invitation,
        rehearsal=given.rehearsal,
        # All that a center asks for in earnest, though a demonstration would do with less.
        seat=SeatSettings(terminal_required=True, identity_check_required=True, opens_minutes=60),
    )


def environment(settings: Settings) -> dict[str, str]:
    """What the rehearsal's service finds in its environment: of ours only the demonstration, the timers and what a seat asks for."""
    told = {"INVITATION": settings.invitation, "REHEARSAL": settings.rehearsal, "SEAT": settings.seat}
    return {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith("YUANPING_")},
        "YUANPING_DEMO": "true",
        **{
            f"YUANPING_{section}__{name.upper()}": str(value)
            for section, values in told.items()
            for name, value in values.model_dump(exclude_none=True).items()
        },
    }


async def _rehearse(ground: Ground, url: str, tell: Teller, process: "subprocess.Popen[bytes] | None") -> int:
    try:
        await _until_it_answers(url, process)
        outcome = await _play(ground, url, tell)
    except YuanpingError as error:
        tell.console.print(f"[red]✗ {tell.words(error.message, **error.params)}[/]")
        return 1
    except TimeoutError:
        tell.console.print(f"[red]✗ {tell.words(N_('上一步没有在规定时间内完成'))}[/]")
        return 1
    except httpx2.TransportError as error:
        tell.console.print(f"[red]✗ {tell.words(N_('服务没有应答：{error}'), error=error)}[/]")
        return 1
    return _report(tell, outcome)


async def _play(ground: Ground, url: str, tell: Teller) -> Outcome:
    with ground.database.transaction() as session:
        host = venues.host_center_id(session)
        personas.ensure_accounts(session, ground.clock.now(), host)
        paths = {link.login: link.path for link in personas.links(session, ground.sealer, ground.clock.now())}
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(Desk(url))
        await operator.sign_in_by_link(paths["operator"])
        phones = PhoneCast(operator, lambda number, what: tell.note(_HEARD[what], phone=number[-4:]))
        await phones.ignore_what_came_before()

        tell.step(N_("预约评标"))
        evaluation = await operator.post("/api/evaluations", sample_booking_body(ground.clock.now(), host))
        path = f"/api/evaluations/{evaluation['id']}"
        tell.note(N_("{number}：{places} 名专家"), number=evaluation["number"], places=evaluation["places"])

        tell.step(N_("公布承诺，随机抽取专家、场地、工位"))
        await operator.post(f"{path}/commit")
        await operator.post(f"{path}/run")

        tell.step(N_("电话与短信通知，空缺自动补抽"))
        evaluation = await _until_ready(operator, path, phones, tell)

        tell.step(N_("召集：短信发放席位码"))
        await operator.post(f"{path}/convene")
        summonses = await phones.summonses(evaluation["places"])

        tell.step(N_("专家入席，摄像头与麦克风接通"))
        async with asyncio.timeout(60):
            staff = await stack.enter_async_context(staff_at(ground, url, evaluation["id"]))
            experts = [PretendExpert(url, one.code, await staff.welcome(one)) for one in summonses]
            tell.note(N_("签到台核对了 {count} 位专家的证件，登记了他们工位的终端"), count=len(experts))
            for expert in experts:
                await expert.sign_in(stack)
                await expert.sit(stack)
                tell.note(N_("{seat} 号席已入席"), seat=expert.seat_no)
            await _until_allowed(operator, f"{path}/open", "seats-not-recorded")
        tell.note(N_("全部席位已可靠录制，评标开始"))

        tell.step(N_("独立评分并提交"))
        session_s = ground.settings.rehearsal.session_s
        async with asyncio.timeout(session_s + 50):
            await asyncio.gather(
                *(expert.score(session_s * _BETWEEN_SAVES) for expert in experts), asyncio.sleep(session_s)
            )
        tell.step(N_("关闭评标，封存录音录像"))
        await operator.post(f"{path}/close")
        evaluation = await _until_state(operator, path, "sealed")
    tell.step(N_("校验抽取记录、全部录像与留痕"))
    checked = await asyncio.to_thread(_check, ground, tell.language)
    return Outcome(
        number=evaluation["number"],
        evaluation_id=evaluation["id"],
        rounds=evaluation["rounds"],
        replaced=len(phones.parts) - evaluation["places"],
        replay=f"{url}/evaluations/{evaluation['id']}/replay",
        checked=checked,
    )


@asynccontextmanager
async def staff_at(ground: Ground, url: str, evaluation_id: str) -> AsyncIterator[VenueStaff]:
    """Pretend staff at the desks of all centers where this evaluation has booked seats."""
    with ground.database.transaction() as session:
        centers = sorted({center for center, _ in venues.booked_places(session, evaluation_id).values()})
        paths = personas.open_desks(session, ground.sealer, ground.clock.now(), centers)
    try:
        async with AsyncExitStack() as stack:
            staff = VenueStaff(url, paths)
            await staff.come(stack)
            yield staff
    finally:
        with ground.database.transaction() as session:
            personas.close_desks(session)


async def _until_ready(operator: Desk, path: str, phones: PhoneCast, tell: Teller) -> dict[str, Any]:
    """Plays the phones until every place is filled, then lets the late one call back."""
    seen = (-1, -1)
    async with asyncio.timeout(120), _meanwhile(phones):
        while True:
            evaluation: dict[str, Any] = await operator.get(path)
            if evaluation["state"] == "short":
                raise RehearsalFailed(
                    "short", N_("无法组成评标委员会：{why}"), why=evaluation["short_reason"]
                )
            if (now := (evaluation["confirmed"], evaluation["rounds"])) != seen:
                seen = now
                tell.note(
                    N_("已确认 {confirmed}/{places}，第 {rounds} 轮"),
                    confirmed=evaluation["confirmed"],
                    places=evaluation["places"],
                    rounds=evaluation["rounds"],
                )
            if evaluation["state"] == "ready":
                break
            await asyncio.sleep(_LOOK_S)
        await phones.call_back_late()
    return evaluation


@asynccontextmanager
async def _meanwhile(phones: PhoneCast) -> AsyncIterator[None]:
    """Plays the phones while the block runs; what stops the player ends the block at once and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(phones.play())
            try:
                yield
            finally:
                playing.cancel()
    except ExceptionGroup as stopped:
        raise stopped.exceptions[0] from None  # the callers know the one error, not its wrapping


async def _until_allowed(operator: Desk, path: str, waits_for: str) -> None:
    while (refused := await operator.refused_as(path)) is not None:
        if refused != waits_for:
            raise RehearsalFailed("refused", N_("操作被拒绝：{refusal}"), refusal=refused)
        await asyncio.sleep(_LOOK_S)


async def _until_state(operator: Desk, path: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while (evaluation := await operator.get(path))["state"] != state:
            await asyncio.sleep(_LOOK_S)
    found: dict[str, Any] = evaluation
    return found


def sample_booking_body(now: datetime, host_center_id: str) -> dict[str, object]:
    """The sample booking as the interface takes it, starting in a quarter of an hour, marked as a rehearsal."""
    sample = sample_booking(f"YL-{now:%Y%m%d-%H%M%S-%f}")
    parties = sample.lot.parties

    def units(role: str) -> list[dict[str, object]]:
        return [{"name": one.name, "credit_code": one.credit_code} for one in parties if one.role == role]

    return {
        "project_number": sample.lot.project_number,
        "project_name": sample.lot.project_name,
        "lot_number": sample.lot.lot_number,
        "lot_name": sample.lot.lot_name,
        "host_center_id": host_center_id,
        "starts_at": (now + timedelta(minutes=15)).isoformat(),
        "minutes": sample.minutes,
        "slots": [{"specialty": specialty, "count": count} for specialty, count in sample.slots],
        "tenderee": units("tenderee")[0],
        "agency": units("agency")[0],
        "avoid": units("avoid"),
        "bidders": units("bidder"),
        "criteria": [{"name": one.name, "max_hundredths": one.max_hundredths} for one in sample.lot.criteria],
        "rehearsal": True,
    }


def _check(ground: Ground, language: str) -> tuple[Checked, ...]:
    with ground.database.reading() as session:
        return tuple(evidence.check_house(session, ground.settings.data_dir, language))


def _report(tell: Teller, outcome: Outcome) -> int:
    faults = [fault for checked in outcome.checked for fault in checked.faults]
    lines = (
        (N_("评标"), outcome.number),
        (N_("抽取轮次"), str(outcome.rounds)),
        (N_("递补"), str(outcome.replaced)),
        (N_("校验"), f"{sum(not one.faults for one in outcome.checked)}/{len(outcome.checked)}"),
        (N_("用时"), f"{tell.seconds:.0f} s"),
        (N_("同步回放"), outcome.replay),
    )
    tell.console.print()
    for name, value in lines:
        tell.console.print(f"  {tell.words(name):<8} {escape(value)}", soft_wrap=True)
    for fault in faults:
        tell.console.print(f"  [red]✗ {escape(fault)}[/]")
    if faults:
        return 1
    tell.console.print(f"  [green]✓ {tell.words(N_('演练通过'))}[/]")
    return 0


_HEARD: dict[str, str] = {
    "accepts": N_("尾号 {phone}：接听并确认参加"),
    "declines": N_("尾号 {phone}：接听并谢绝"),
    "late": N_("尾号 {phone}：不接，稍后才回电"),
    "late-call": N_("尾号 {phone}：逾期回电，得知通知已失效"),
    "silent": N_("尾号 {phone}：始终不接"),
}


async def _until_it_answers(url: str, process: "subprocess.Popen[bytes] | None") -> None:
    async with asyncio.timeout(60), httpx2.AsyncClient() as client:
        while True:
            if process is not None and process.poll() is not None:
                raise RehearsalFailed(
                    "service-died",
                    N_("服务没有起来，退出码 {status}，见数据目录中的 server.log"),
                    status=process.returncode,
                )
            with contextlib.suppress(httpx2.TransportError):
                if (await client.get(f"{url}/health")).is_success:
                    return
            await asyncio.sleep(0.1)


@contextmanager
def _service(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A service on this data folder in a process of its own, ended with the block."""
    log = settings.data_dir / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 -- our own command
            [
                sys.executable,
                "-m",
                "app",
                "serve",
                "--data",
                str(settings.data_dir),
                "--port",
                str(settings.server.port),
            ],
            stdout=output,
            stderr=output,
            env=environment(settings),
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _laid(settings: Settings) -> Iterator[Ground]:
    ground = lay(settings)
    try:
        yield ground
    finally:
        ground.database.dispose()
