"""Stories of people who mean harm, one for each threat that has no other test of its own; `docs/threats.md` names all of them."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.accounts.throttle import Throttle
from app.accounts.tickets import _SEAT_CODE_DIGITS
from app.audit import service as audit
from app.core.errors import Conflict
from app.core.settings_doors import AccountSettings
from app.evaluation import committee, conductor, custody, unsealing
from app.evaluation.joint_acts import JointKind
from app.evaluation.models import Evaluation
from app.notify import twilio
from app.notify.listener import Heard
from app.web.pages import guessing
from expert_draw import answers, links
from expert_draw.answers import Invitees
from recordings import service as recordings
from tests.support.evaluations import Case
from tests.support.phones import PhoneHouse, phone_house
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, START, World, booking, make_world

DAY_S = 86_400
WHY = "接到实名举报需要核对"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path, experts=30, employers=30)
    yield world
    world.database.dispose()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    opened = open_web(tmp_path_factory.mktemp("abuse"))
    yield opened
    opened.close()


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[PhoneHouse]:
    with phone_house(tmp_path) as opened:
        yield opened


def test_an_operator_who_dislikes_the_result_can_neither_draw_again_nor_before_the_lists_are_pinned(
    world: World,
) -> None:
    """T3. Nothing is drawn before the freeze, nothing twice, and a second booking for the lot meets the first draw."""
    case = Case(world)
    with pytest.raises(Conflict), world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, case.id)
    case.drawn()
    before = case.record()
    for again in (committee.commit_draw, committee.run_draw):
        with pytest.raises(Conflict), world.transaction() as session:
            again(session, world.now(), world.house, OPERATOR, case.id)
    other = Case(world)
    with pytest.raises(Conflict) as refused, world.transaction() as session:
        committee.commit_draw(session, world.now(), world.house, OPERATOR, other.id)
    assert case.draw.number in str(refused.value.params.values())
    assert case.record() == before
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "结果不合心意了")
    other.drawn()
    assert case.draw.number.encode() in other.record().splitlines()[0], "the next draw names the one given up"


def test_a_forger_who_replays_a_thousand_reports_in_any_order_moves_nothing(phones: PhoneHouse) -> None:
    """T10. A thousand genuine reports again, of every end of a call and backwards, and among them some that nobody signed."""
    message = phones.invites(phones.person("+8613800000001"), "invitation-1")
    phones.settle()
    path = f"/hooks/twilio/status/{message}"
    sid = "CA" + "1" * 32
    words = ("completed", "in-progress", "ringing", "busy", "no-answer", "failed", "completed", "initiated")
    said = [{"CallSid": sid, "CallStatus": word, "SequenceNumber": str(n)} for n, word in enumerate(words)]
    assert phones.reports(path, said[0]).status_code == 204
    before = (phones.message(message), list(phones.invitees.told))

    async def again() -> set[int]:
        transport = httpx2.ASGITransport(app=phones.application)
        async with httpx2.AsyncClient(transport=transport, base_url=phones.url) as forger:

            async def one(n: int) -> int:
                fields = said[n % len(said)]
                genuine = n % 11 > 0
                token = phones.room.auth_token if genuine else "somebody else's"
                mark = twilio.sign(token, f"{phones.url}{path}", fields)
                answer = await forger.post(path, data=fields, headers={twilio.SIGNATURE_HEADER: mark})
                return answer.status_code if genuine else -answer.status_code

            found: set[int] = set()
            for batch in range(0, 1_100, 220):
                found |= set(await asyncio.gather(*map(one, range(batch, batch + 220))))
            return found

    assert phones.run(again()) == {204, -403}
    assert (phones.message(message), phones.invitees.told) == before
    assert phones.invitees.answers == {}


@pytest.mark.parametrize(
    ("door", "space", "lives_s", "addresses"),
    [
        # A link lives as long as its evaluation is ahead: at most some months; a seat code a few hours.
        (guessing.ANSWER, len(links.ALPHABET) ** links.LENGTH / 1_000, 180 * DAY_S, 10_000),
        (guessing.SEAT, 10**_SEAT_CODE_DIGITS / 5, 12 * 3_600, 20),
    ],
    ids=["links", "seat-codes"],
)
def test_who_guesses_without_rest_at_links_or_seat_codes_opens_none_before_they_are_over(
    door: str, space: float, lives_s: int, addresses: int
) -> None:
    """T11. space: how many codes there are for each that opens something, with a thousand links and a committee's codes out."""
    settings = AccountSettings()
    tries = settings.sign_in_tries * (1 if door == guessing.SEAT else guessing._SHARED)
    throttle = Throttle(tries, timedelta(seconds=settings.sign_in_pause_s))
    heard = sum(
        throttle.attempt(START + timedelta(seconds=second), "10.0.0.9") is not None for second in range(DAY_S)
    )
    assert heard <= tries * (DAY_S / settings.sign_in_pause_s + 1)
    assert heard / DAY_S * lives_s * addresses / space < 1e-2


def test_a_supervisor_who_looks_leaves_a_line_for_each_look_and_takes_nothing_away_alone(
    house: WebHouse,
) -> None:
    """T12. Who has no grant meets nothing; who has one is seen; names and recordings open or leave with a second person only."""
    world = house.world
    with world.transaction() as session:
        booked = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        recordings.begin(session, world.now(), room_id="room-1", evaluation_id=booked.id)
    watching = {
        role: house.visitor(role).get("/api/recordings/room-1/timeline").status_code
        for role in set(Role) - {Role.expert, Role.tenderee}
    }
    allowed = {
        Role.auditor: 404,
        Role.inspector: 404,
        Role.supervisor: 200,
    }  # 404: not before the evaluation is over
    assert watching == {role: allowed.get(role, 403) for role in watching}
    curious = Actor(f"account:{house.account(Role.supervisor).id}", Role.supervisor, "甲")
    for tries in range(2):
        assert house.visitor(Role.supervisor).get("/api/recordings/room-1/timeline").status_code == 200
        assert looks(world, booked.id, curious.id) == 2 + tries
    with world.transaction() as session:
        recordings.seal(session, world.now(), room_id="room-1", manifest_sha256="ab" * 32)
        row = session.get_one(Evaluation, booked.id)
        row.state, row.closed_at = "sealed", world.now()
    with world.transaction() as session:
        act = custody.ask(
            session,
            world.now(),
            world.settings.recording,
            curious,
            booked.id,
            JointKind.recording_export,
            WHY,
        )
    with pytest.raises(Conflict, match="second-person"), world.transaction() as session:
        custody.settle(
            session, world.now(), world.settings.recording, curious, booked.id, JointKind.recording_export, act.id,
            WHY, confirm=True,
        )  # fmt: skip


def looks(world: World, case: str, who: str) -> int:
    with world.database.reading() as session:
        seen = [one for one in audit.trail(session, case) if one.tag == "recordings:recording:replayed"]
    assert {one.actor for one in seen} == {who}
    return len(seen)


def test_a_supervisor_alone_opens_no_name_and_the_asking_stays_on_record(world: World) -> None:
    """T12."""
    case = Case(world).drawn()
    curious = Actor("account:curious", Role.supervisor, "甲")
    with world.transaction() as session:
        act = unsealing.ask(session, world.now(), curious, case.id, WHY).id
    with pytest.raises(Conflict, match="second-person"), world.transaction() as session:
        unsealing.settle(session, world.now(), curious, case.id, act, WHY, confirm=True)
    with pytest.raises(Conflict, match="name-sealed"), world.transaction() as session:
        unsealing.read(session, world.now(), world.sealer, curious, case.id, WHY)
    assert [WHY in data for data in case.trail("evaluation:joint-act:asked")] == [True]


def test_who_sets_the_clock_forth_and_back_ends_no_window_twice_and_revives_no_answer(world: World) -> None:
    """T16. A window that has ended stays ended however the clock is set, and its place was given away once."""
    case = Case(world).drawn()
    silent = case.asked()[0]
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), silent.id)
    world.clock.jump(3_600)
    ended(case)
    case.sweep()
    assert case.invitation(silent.id).state == "expired"
    rounds, told = {one.round for one in case.invitations()}, case.trail("draw:invitation:expired")
    for jump in (-3_600, -DAY_S, 2 * DAY_S, -DAY_S):
        world.clock.jump(jump)
        ended(case, only={silent.id})
        case.sweep()
        with world.transaction() as session:
            late = Invitees(world.sealer).answer(session, world.now(), silent.id, True, "voice")
        assert late is not Heard.accepted
    assert case.invitation(silent.id).state == "expired"
    assert case.trail("draw:invitation:expired") == told
    assert {one.round for one in case.invitations()} == rounds


def ended(case: Case, only: set[str] | None = None) -> None:
    """Lets every window end that is over by the clock; only: of these invitations."""
    world = case.world
    with world.database.reading() as session:
        due = answers.due(session, world.now())
    for one in due:
        if only is None or one in only:
            with world.transaction() as session:
                answers.expire(session, world.now(), world.sealer, one)
