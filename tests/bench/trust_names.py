"""Names before disclosure: every answer to every role at every step, the log, the rows and their copy, on both databases.

And the same while the wall clock jumps: nothing opens early, and nothing times out twice.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import select

from app.audit.models import AuditEvent
from app.audit.tags import Tag
from app.core.database import Database
from expert_draw import answers
from expert_draw.models import NameRelease
from tests.bench.table import Figure, at_most, told
from tests.support.databases import furnish
from tests.support.evaluations import Case
from tests.support.names_hunt import Hunt, hunting, listening
from tests.support.postgres import fresh, postgres
from tools.groundwork import say

_SHOWN, _WAITING = 20, 3
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
JUMPS = (_HOUR, -_HOUR, _DAY, -_DAY, -_HOUR, _HOUR, -_DAY, _DAY)


def names(quick: bool) -> Iterator[Figure]:
    """Looks for whoever is drawn from the draw to the moment before the first is admitted."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        hunts = [_hunted(folder / "sqlite", None, whole=not quick)]
        server = stack.enter_context(postgres())
        address = stack.enter_context(fresh(server))
        hunts.append(_hunted(folder / "postgresql", furnish(Database(address)), whole=not quick))
    found = [one for each in hunts for one in each[1]]
    for one in found[:_SHOWN]:
        say(f"    {one}")
    yield told(
        "answers looked through",
        f"{sum(count for count, _ in hunts):,}",
        "every role and nobody, both databases",
    )
    yield at_most(
        "names, numbers and ids before disclosure",
        len(found),
        0,
        unit="",
        beside="answers, logs, rows, backup",
    )


def clock(quick: bool) -> Iterator[Figure]:
    """Jumps of ± 1 h and ± 1 d, each way round, while a draw is sealed and invitations wait."""
    early, twice, jumps = 0, 0, 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(postgres())
        address = stack.enter_context(fresh(server))
        for name, database in (("sqlite", None), ("postgresql", furnish(Database(address)))):
            (folder / name).mkdir()
            with hunting(folder / name, database) as hunt:
                opened, ended = jumped(hunt)
                early, twice, jumps = early + opened, twice + ended, jumps + len(JUMPS)
    yield at_most("opened early", early, 0, unit="", beside=f"{jumps} jumps of the wall clock")
    yield at_most("timed out twice", twice, 0, unit="")


def jumped(hunt: Hunt) -> tuple[int, int]:
    """(releases that nothing led to, invitations that ended twice) over all the jumps."""
    case, world = hunt.case.drawn(), hunt.web.world
    for one in case.asked()[:_WAITING]:
        with world.transaction() as session:
            world.invitees.taken(session, world.now(), one.id)
    case.answer(case.asked()[_WAITING], accept=True)
    for jump in JUMPS:
        world.clock.jump(jump.total_seconds())
        for _ in range(2):
            _lapse(case)
            case.sweep()
    with world.database.reading() as session:
        releases = session.exec(select(NameRelease)).all()
        ended = session.exec(select(AuditEvent.actor).where(AuditEvent.tag == Tag.invitation_expired)).all()
    assert len(ended) >= _WAITING, "a jump of a day ends what has waited for an answer"
    return len(releases), sum(count - 1 for count in Counter(ended).values())


def _hunted(folder: Path, database: Database | None, *, whole: bool) -> tuple[int, list[str]]:
    """How many answers were looked through, and what was found."""
    folder.mkdir()
    with listening() as log, hunting(folder, database) as hunt:
        for label, step in _STEPS.items():
            step(hunt.case)
            hunt.look_everywhere(label, whole=whole)
            hunt.look_at_rest(label, log.getvalue())
        return hunt.answers, hunt.found


def _lapse(case: Case) -> None:
    """As the service does it twice a second: invitations whose time is over end."""
    world = case.world
    with world.database.reading() as session:
        due = answers.due(session, world.now())
    for invitation_id in due:
        with world.transaction() as session:
            answers.expire(session, world.now(), world.sealer, invitation_id)


def _one_declines(case: Case) -> None:
    case.answer(case.asked()[0], accept=False)
    case.sweep()


def _all_accept(case: Case) -> None:
    while waiting := [one for one in case.asked() if one.state in {"queued", "contacting"}]:
        for one in waiting:
            case.answer(one, accept=True)
        case.sweep()


def _convened(case: Case) -> None:
    case.act("convene")


_STEPS = {"drawn": Case.drawn, "one declined": _one_declines, "ready": _all_accept, "convened": _convened}
