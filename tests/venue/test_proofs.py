"""A terminal's proof holds for one question, one purpose, one key and one minute, and once."""

from collections.abc import Iterator

import pytest
from sqlmodel import Session

from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import Forbidden, InvalidInput
from app.core.sealing import Sealer
from app.rehearsal.terminals import SoftwareTerminal
from tests.support.databases import furnish
from tests.support.world import START
from venue import proofs
from venue.proofs import Proof, Purpose

SEALER = Sealer(bytes(range(32)))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return furnish(Database(f"sqlite:///{tmp_path_factory.mktemp('proofs') / 'p.db'}"))


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.transaction() as session:
        yield session


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def terminal() -> SoftwareTerminal:
    made = SoftwareTerminal()
    made.id = "terminal-1"
    return made


def asked(clock: ManualClock, purpose: Purpose = Purpose.ticket, about: str = "session-1") -> str:
    return proofs.ask(SEALER, clock.now(), purpose, about)


def answered(
    terminal: SoftwareTerminal, challenge: str, said: str = "", purpose: Purpose = Purpose.ticket
) -> Proof:
    return Proof(terminal.id, challenge, terminal.sign(purpose, challenge, said))


def holds(
    session: Session,
    clock: ManualClock,
    terminal: SoftwareTerminal,
    shown: Proof,
    said: str = "",
    **changed: str,
) -> bool:
    """Whether the proof is accepted for a ticket of session-1, unless `changed` says otherwise."""
    about = changed.get("about", "session-1")
    purpose = Purpose(changed.get("purpose", Purpose.ticket))
    key = proofs.read_key(terminal.jwk)
    try:
        proofs.require(session, SEALER, clock.now(), key, shown, purpose, said=said, about=about)
    except Forbidden as refusal:
        return refusal.code != "terminal-proof"
    return True


def test_a_question_is_answered_once(
    any_database: Database, clock: ManualClock, terminal: SoftwareTerminal
) -> None:
    shown = answered(terminal, asked(clock))
    with any_database.transaction() as session:
        assert holds(session, clock, terminal, shown)
        assert not holds(session, clock, terminal, shown)
    with any_database.transaction() as session:
        assert not holds(session, clock, terminal, shown)


def test_a_question_is_good_for_a_minute_and_not_before_it_was_asked(
    session: Session, clock: ManualClock, terminal: SoftwareTerminal
) -> None:
    in_time, late, early = (answered(terminal, asked(clock)) for _ in range(3))
    clock.advance(59)
    assert holds(session, clock, terminal, in_time)
    clock.advance(1)
    assert not holds(session, clock, terminal, late)
    clock.jump(-3600)  # somebody sets the clock back: a question of an hour ago is not fresh again
    assert not holds(session, clock, terminal, early)


@pytest.mark.parametrize("jump_s", [3600, -3600, 86_400, -86_400])
def test_a_clock_that_is_set_makes_no_question_last_longer(
    session: Session, clock: ManualClock, terminal: SoftwareTerminal, jump_s: int
) -> None:
    shown = answered(terminal, asked(clock))
    clock.jump(jump_s)
    assert not holds(session, clock, terminal, shown)


def test_a_proof_serves_no_other_purpose_session_key_or_word(
    session: Session, clock: ManualClock, terminal: SoftwareTerminal
) -> None:
    challenge = asked(clock)
    shown = answered(terminal, challenge, "12345678")
    assert not holds(session, clock, terminal, shown, "12345678", about="session-2")
    assert not holds(session, clock, terminal, shown, "12345678", purpose=Purpose.seat)
    assert not holds(session, clock, SoftwareTerminal(), shown, "12345678")
    assert not holds(session, clock, terminal, shown, "87654321")
    assert holds(session, clock, terminal, shown, "12345678")  # none of these has used it up


def test_a_signature_over_something_else_proves_nothing(
    session: Session, clock: ManualClock, terminal: SoftwareTerminal
) -> None:
    challenge = asked(clock)
    elsewhere = answered(terminal, asked(clock)).signature
    for_a_seat = answered(terminal, challenge, purpose=Purpose.seat).signature
    for signature in (elsewhere, for_a_seat, "", "A" * 86, "!", "Ä"):
        assert not holds(session, clock, terminal, Proof(terminal.id, challenge, signature))


@pytest.mark.parametrize("challenge", ["", ".", "a.b.c", "1.2.3", "Ä.b.c"])
def test_a_made_up_question_proves_nothing(
    session: Session, clock: ManualClock, terminal: SoftwareTerminal, challenge: str
) -> None:
    assert not holds(session, clock, terminal, answered(terminal, challenge))


def test_a_question_that_was_altered_proves_nothing(
    session: Session, clock: ManualClock, terminal: SoftwareTerminal
) -> None:
    challenge = asked(clock)
    later = str(int(challenge.split(".")[0]) + 30) + challenge[challenge.index(".") :]
    clock.advance(70)
    assert not holds(session, clock, terminal, answered(terminal, later))


@pytest.mark.parametrize(
    "changed",
    [{"kty": "RSA"}, {"crv": "P-384"}, {"x": ""}, {"x": "AA"}, {"y": "A" * 43}, {"y": "%" * 43}, {"x": "Ä"}],
)
def test_only_a_point_of_the_curve_is_a_key(terminal: SoftwareTerminal, changed: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="terminal-key"):
        proofs.read_key({**terminal.jwk, **changed})


def test_a_key_has_one_spelling(terminal: SoftwareTerminal) -> None:
    key = proofs.read_key(terminal.jwk)
    assert key.startswith("04")
    assert len(key) == 130
    assert proofs.read_key({**terminal.jwk, "d": "A" * 43}) == key
