"""The roster in memory follows the rows, whatever becomes of a transaction, and its root can be proved later."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import Database
from app.core.errors import Conflict, NotFound
from app.core.sealing import Sealer
from expert_draw import snapshot
from expert_draw.engine.columns import NO_END, UNKNOWN_DAY, Unit
from expert_draw.engine.merkle import climb
from expert_draw.models import Expert, ExpertSpecialty, RosterChange, RosterLeaf
from expert_draw.roster_rows import ExpertRow, former_unit, leaf_hash, leaf_text, read_experts
from expert_draw.roster_view import RosterView
from expert_draw.snapshot import Rosters
from tests.support.halls import NOW
from tests.support.roster_rows import expert_row

SEALER = Sealer(bytes(range(32)))


@pytest.fixture
def database(any_database: Database) -> Database:
    return any_database


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def enter(
    session: Session,
    rosters: Rosters,
    *numbers: int,
    specialties: tuple[str, ...] = ("A010101",),
    **changes: object,
) -> RosterView:
    """A writer of the roster: enters experts, or all of them anew, in one change."""
    change = rosters.begin(session)
    for number in numbers:
        session.execute(delete(ExpertSpecialty).where(col(ExpertSpecialty.expert_id) == f"e{number}"))
        fields = expert_row(number, revision=change.n, **changes)
        if session.get(Expert, f"e{number}") is None:
            session.execute(insert(Expert).values(**fields))
        else:
            session.execute(update(Expert).where(col(Expert.id) == f"e{number}").values(**fields))
        for code in specialties:
            session.execute(insert(ExpertSpecialty).values(expert_id=f"e{number}", code=code))
    return rosters.seal(session, NOW, change)


def remove(session: Session, rosters: Rosters, number: int) -> RosterView:
    change = rosters.begin(session)
    session.execute(delete(ExpertSpecialty).where(col(ExpertSpecialty.expert_id) == f"e{number}"))
    session.execute(delete(Expert).where(col(Expert.id) == f"e{number}"))
    return rosters.seal(session, NOW, change, gone=[f"e{number}"])


class GivenUp(Exception):
    """Why a transaction did not end well."""


def give_up(database: Database, rosters: Rosters, number: int, **changes: object) -> RosterView:
    """A writer whose transaction is rolled back after its change was sealed; the view it had."""
    made: list[RosterView] = []

    def work() -> None:
        with database.transaction() as session:
            made.append(enter(session, rosters, number, **changes))  # type: ignore[arg-type]
            assert rosters.current(session) is made[0]
            raise GivenUp

    with pytest.raises(GivenUp):
        work()
    return made[0]


def seen(database: Database, rosters: Rosters) -> RosterView:
    with database.reading() as session:
        return rosters.current(session)


def facts(view: RosterView) -> dict[str, object]:
    """What the view says of everybody, by id: nothing of rows or tokens."""
    columns, words = view.columns, view.words
    held: dict[int, set[str]] = {}
    for number, token in zip(
        columns.specialties.row.tolist(), columns.specialties.token.tolist(), strict=True
    ):
        held.setdefault(number, set()).add(words.specialties.text(token))
    former: dict[int, set[tuple[str, int]]] = {}
    for number, token, at in zip(
        columns.former.row.tolist(), columns.former.token.tolist(), columns.former.at.tolist(), strict=True
    ):
        former.setdefault(number, set()).add((words.units.text(token), at))
    return {
        id_: (
            view.text(id_),
            view.leaf(id_),
            view.employer(number),
            words.titles.text(int(columns.title[number])),
            int(view.region[number]),
            bool(columns.suspended[number]),
            int(columns.valid_until[number]),
            held.get(number, set()),
            former.get(number, set()),
        )
        for number, id_ in enumerate(view.ids)
        if view.row(id_) == number
    }


def same(one: RosterView, other: RosterView) -> bool:
    return (one.root, one.size, one.n, facts(one)) == (other.root, other.size, other.n, facts(other))


def test_a_view_that_followed_every_change_is_one_read_anew(database: Database) -> None:
    rosters = Rosters(SEALER)
    follower = Rosters(SEALER)
    changes: list[Callable[[Session], RosterView]] = [
        lambda session: enter(session, rosters, *range(40)),
        lambda session: enter(session, rosters, 3, 41, region_code="530302", employer_code=""),
        lambda session: enter(
            session, rosters, 4, specialties=("B01", "A01"), former_employers='["旧厂（2024-05）"]'
        ),
        lambda session: remove(session, rosters, 5),
        lambda session: enter(session, rosters, 6, state="suspended"),
        lambda session: enter(session, rosters, 5, 7, valid_until=NOW),
        lambda session: remove(session, rosters, 41),
    ]
    for change in changes:
        with database.transaction() as session:
            written = change(session)
        assert same(seen(database, follower), seen(database, Rosters(SEALER)))
        assert same(seen(database, rosters), written)
        assert seen(database, follower).recorded
    final = seen(database, follower)
    assert (final.n, final.size, final.row("e41")) == (7, 40, None)
    assert final.columns.suspended[final.row("e6") or 0]


def test_the_root_pins_everybody_by_the_row_of_the_specification(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        view = enter(
            session,
            rosters,
            *range(9),
            specialties=("B01", "A01"),
            valid_until=datetime(2027, 1, 1, 16, tzinfo=UTC),
        )
    text = '["ZJ-0003","913","530102","active",["A01","B01"],"2027-01-02"]'
    assert (
        view.text("e3")
        == text
        == leaf_text("ZJ-0003", "913", "530102", "active", ("A01", "B01"), "2027-01-02")
    )
    salt = view.salt("e3")
    assert view.leaf("e3") == leaf_hash(salt, text) == sha256(b"\0" + salt + text.encode())
    for number in range(9):
        leaf = view.leaf(f"e{number}")
        assert climb(sha256, leaf, leaf, view.proof(f"e{number}")).hex() == view.root
    with pytest.raises(KeyError):
        view.proof("e99")


def test_a_change_is_entered_with_its_root_and_audited(database: Database) -> None:
    with database.transaction() as session:
        view = enter(session, Rosters(SEALER), 1, 2)
    with database.reading() as session:
        (entry,) = session.exec(select(RosterChange)).all()
        (event,) = audit.trail(session, "house")
    assert (entry.n, entry.root, entry.size) == (1, view.root, 2)
    assert event.tag == Tag.roster_changed
    assert view.root in event.data


def test_a_transaction_given_up_leaves_no_trace_in_memory(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        enter(session, rosters, 1, 2, 3)
    before = seen(database, rosters)
    give_up(database, rosters, 9)
    assert seen(database, rosters) is before
    with database.transaction() as session:
        enter(session, rosters, 8)
    after = seen(database, rosters)
    assert (after.n, after.row("e9")) == (2, None)
    assert same(after, seen(database, Rosters(SEALER)))


def test_a_change_that_only_memory_knows_is_forgotten_even_with_the_same_root(database: Database) -> None:
    """A title is not in the tree: two changes may differ although their roots do not."""
    rosters, other = Rosters(SEALER), Rosters(SEALER)
    with database.transaction() as session:
        enter(session, rosters, 1, 2)
    ghost = give_up(database, rosters, 1, title="研究员")
    with database.transaction() as session:
        real = enter(session, other, 2, title="工程师")
    assert ghost.root == real.root
    assert same(seen(database, rosters), real)


def test_a_reader_of_an_earlier_moment_gets_the_roster_of_that_moment(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        first = enter(session, rosters, 1)
    with database.reading() as early:
        assert rosters.current(early) is first
        with database.transaction() as session:
            second = enter(session, rosters, 2)
        assert rosters.current(early) is first
    assert seen(database, rosters) is second
    leaf = first.leaf("e1")
    assert climb(sha256, leaf, leaf, first.proof("e1")).hex() == first.root


def test_rows_altered_behind_its_back_show_in_the_root(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        enter(session, rosters, 1, 2)
        session.execute(update(Expert).where(col(Expert.id) == "e1").values(region_code="530302"))
    assert seen(database, rosters).recorded
    running = Rosters(SEALER)
    assert not seen(database, running).recorded
    with database.transaction() as session:
        session.execute(update(Expert).where(col(Expert.id) == "e1").values(region_code="530102"))
    assert seen(database, running).recorded  # once mended it reads as mended, without a restart
    with database.transaction() as session:
        session.execute(update(Expert).where(col(Expert.id) == "e1").values(region_code="530302"))
        enter(session, Rosters(SEALER), 3)
    assert seen(database, Rosters(SEALER)).recorded


def test_a_follower_that_finds_another_root_reads_everything_anew(database: Database) -> None:
    rosters, follower = Rosters(SEALER), Rosters(SEALER)
    with database.transaction() as session:
        enter(session, rosters, 1, 2)
    seen(database, follower)
    with database.transaction() as session:
        session.execute(update(Expert).where(col(Expert.id) == "e1").values(region_code="530302"))
        enter(session, Rosters(SEALER), 3)
    view = seen(database, follower)
    assert view.recorded
    assert same(view, seen(database, Rosters(SEALER)))


def test_of_two_changes_at_the_same_time_one_is_refused(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        late = rosters.begin(session)
        enter(session, rosters, 1)
        with pytest.raises(Conflict, match="roster-busy"):
            rosters.seal(session, NOW, late)
    assert seen(database, rosters).n == 1


def test_changes_made_at_once_follow_one_another_and_none_is_lost(database: Database) -> None:
    def work(number: int) -> None:
        for step in range(3):
            with database.transaction() as session:
                enter(session, Rosters(SEALER), 10 * number + step)

    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(work, range(4)))
    last = seen(database, Rosters(SEALER))
    assert (last.n, last.size, last.recorded) == (12, 12, True)


def test_a_writer_who_reads_the_roster_while_another_changes_it_reads_it_again(
    pg_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pg_database.transaction() as session:
        enter(session, Rosters(SEALER), 1)
    read = read_experts
    meanwhile = [2, 3]

    def read_late(session: Session, *since: int | None) -> Iterator[ExpertRow]:
        if meanwhile:
            number = meanwhile.pop()
            with monkeypatch.context() as undisturbed, pg_database.transaction() as other:
                undisturbed.setattr(snapshot, "read_experts", read)
                enter(other, Rosters(SEALER), number)
        yield from read(session, *since)

    monkeypatch.setattr(snapshot, "read_experts", read_late)
    with pg_database.transaction() as session:
        view = Rosters(SEALER).current(session)
    assert (view.n, view.size, view.recorded) == (3, 3, True)


def test_a_roster_filled_before_roots_were_kept_gets_one_when_it_is_first_needed(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        session.execute(insert(Expert).values(**expert_row(1, revision=0)))
        unsettled = rosters.current(session)
        settled = rosters.settle(session, NOW)
        assert rosters.settle(session, NOW) is settled
    assert (unsettled.n, unsettled.mark, settled.n) == (0, "", 1)
    assert unsettled.root == settled.root
    with database.reading() as session:
        assert session.exec(select(RosterLeaf.expert_id)).all() == ["e1"]


def test_an_old_root_can_be_proved_after_any_number_of_changes(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        first = enter(session, rosters, *range(12))
    for number in range(12, 20):
        with database.transaction() as session:
            enter(session, rosters, number, 3, region_code=f"5303{number}")
    with database.transaction() as session:
        remove(session, rosters, 4)
    with database.reading() as session:
        for number in (3, 4, 11):
            then = rosters.proof_then(session, first.root, f"e{number}")
            assert then.text == first.text(f"e{number}")
            assert climb(sha256, then.leaf, then.leaf, then.path).hex() == first.root
            assert then.leaf == leaf_hash(then.salt, then.text)
        latest = rosters.current(session)
        now = rosters.proof_then(session, latest.root, "e3")
        assert (now.text, now.path) == (latest.text("e3"), latest.proof("e3"))
        with pytest.raises(NotFound, match="roster-stranger"):
            rosters.proof_then(session, first.root, "e15")
        with pytest.raises(NotFound, match="roster-stranger"):
            rosters.proof_then(session, latest.root, "e4")
        with pytest.raises(NotFound, match="roster-root"):
            rosters.proof_then(session, "0" * 64, "e3")


def test_taking_out_a_stranger_changes_nobody(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        first = enter(session, rosters, 1)
        second = rosters.seal(session, NOW, rosters.begin(session), gone=["stranger"])
    assert (first.root, facts(first), second.n) == (second.root, facts(second), 2)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE roster_change SET root = ''",
        "DELETE FROM roster_change",
        "UPDATE roster_leaf SET row = ''",
        "DELETE FROM roster_leaf",
    ],
)
def test_no_root_and_no_leaf_can_be_altered_afterwards(database: Database, statement: str) -> None:
    with database.transaction() as session:
        enter(session, Rosters(SEALER), 1)
    with database.engine.connect() as connection, pytest.raises(IntegrityError, match="append-only"):
        connection.exec_driver_sql(statement)


def test_who_reads_as_before_gets_no_second_leaf(database: Database) -> None:
    rosters = Rosters(SEALER)
    for title in ("教授", "研究员"):
        with database.transaction() as session:
            enter(session, rosters, 1, 2, title=title)
    with database.reading() as session:
        assert len(session.exec(select(RosterLeaf)).all()) == 2


def test_an_employer_without_a_code_is_the_one_of_that_name_if_there_is_only_one(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        enter(session, rosters, 1, employer="甲（集团）", employer_code="91A")
        enter(session, rosters, 2, employer="甲(集团)", employer_code="")
        enter(session, rosters, 3, employer="乙", employer_code="")
        view = enter(session, rosters, 4, employer="", employer_code="")
    employers = [view.employer(view.row(f"e{number}") or 0) for number in (1, 2, 3, 4)]
    assert employers == ["91A", "91A", "~乙", ""]
    with database.transaction() as session:
        view = enter(session, rosters, 5, employer="甲（集团）", employer_code="91B")
    assert view.employer(view.row("e2") or 0) == "~甲集团"


def test_depth_and_homes_are_read_off_the_columns(database: Database) -> None:
    rosters = Rosters(SEALER)
    with database.transaction() as session:
        enter(session, rosters, 1, 2, specialties=("A010101", "B02"))
        view = enter(session, rosters, 3, specialties=("A0102",), region_code="532301")
    assert [int(view.holding(prefix).sum()) for prefix in ("A01", "A0101", "B", "C")] == [3, 2, 2, 0]
    assert [int(view.living(prefix).sum()) for prefix in ("53", "5323", "530102", "")] == [3, 1, 2, 3]
    assert view.rows(["e1", "nobody"]) == {view.row("e1")}


@pytest.mark.parametrize(
    ("text", "name", "left"),
    [
        ("某公司（2024-05-31）", "某公司", "2024-05-31"),
        ("某公司（至2024年2月）", "某公司", "2024-02-29"),
        ("某公司（2024.12离职）", "某公司", "2024-12-31"),
        ("某公司（集团）", "某公司（集团）", None),
        ("某公司（2024-13-01）", "某公司", None),
    ],
)
def test_a_former_employer_may_say_until_when(text: str, name: str, left: str | None) -> None:
    unit, at = former_unit(text)
    assert unit == Unit(name=name)
    assert at == (UNKNOWN_DAY if left is None else datetime.fromisoformat(left).toordinal())


def test_an_expert_without_an_end_never_expires(database: Database) -> None:
    with database.transaction() as session:
        view = enter(session, Rosters(SEALER), 1)
    assert view.columns.valid_until.tolist() == [NO_END]
