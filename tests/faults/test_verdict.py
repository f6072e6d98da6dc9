"""The verdict of a soak finds every promise that was broken, from rows and journal alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.sealing import Sealer
from app.notify import outbox, wording
from app.notify.models import OutgoingMessage
from app.notify.wording import TemplateId
from tests.faults.fleet import KEY
from tests.faults.places import WORDS
from tests.faults.verdict import Journalled, Rows, Told, Verdict, judge

LI, WANG = "+8613900000001", "+8613900000002"
SEALER = Sealer(bytes.fromhex(KEY))
YES = wording.render(TemplateId.accepted, "zh", WORDS)
NO = wording.render(TemplateId.declined, "zh", WORDS)


class Aftermath:
    """Two places, each accepted in a call of its own; `rows` and `journal` may be spoiled before the verdict."""

    def __init__(self, database: Database) -> None:
        self.database = database
        now = SystemClock().now()
        with database.transaction() as session:
            self.messages = tuple(
                outbox.enqueue(
                    session,
                    now,
                    SEALER,
                    subject=subject,
                    purpose=outbox.INVITATION,
                    channel=outbox.VOICE,
                    to=number,
                    template=TemplateId.invitation_voice,
                    variables=WORDS,
                    due_at=now,
                )
                for subject, number in (("first", LI), ("second", WANG))
            )
            for number, message_id in enumerate(self.messages):
                session.get_one(OutgoingMessage, message_id).provider_sid = f"CA{number}"
        self.rows = Rows(
            places=2,
            asked=2,
            unfilled=0,
            accepted={"1": ("first",), "2": ("second",)},
            kept=frozenset({"first", "second"}),
            phones=frozenset(map(SEALER.fingerprint, (LI, WANG))),
        )
        self.journal = Journalled(
            taken={message: (f"CA{number}",) for number, message in enumerate(self.messages)},
            told=(Told(self.messages[0], LI, YES), Told("", WANG, YES)),
            counts={},
        )

    def verdict(self) -> Verdict:
        with self.database.reading() as session:
            return judge(session, SEALER, self.rows, self.journal)


@pytest.fixture
def aftermath(tmp_path: Path) -> Iterator[Aftermath]:
    database = Database(f"sqlite:///{tmp_path / 'verdict.db'}")
    SQLModel.metadata.create_all(database.engine)
    yield Aftermath(database)
    database.dispose()


def test_nothing_is_found_where_nothing_went_wrong(aftermath: Aftermath) -> None:
    found = aftermath.verdict()

    assert found.broken == ()
    assert (found.accepts, found.sent, found.invitations) == (2, 2, 2)


def test_a_place_that_nobody_holds_is_lost(aftermath: Aftermath) -> None:
    aftermath.rows = replace(aftermath.rows, unfilled=1)

    assert aftermath.verdict().broken == ("1 places were lost",)


def test_two_who_hold_one_place_are_found(aftermath: Aftermath) -> None:
    aftermath.rows = replace(aftermath.rows, accepted={"1": ("first", "third"), "2": ("second",)})

    assert aftermath.verdict().broken == ("1 places have two accepts",)


def test_a_call_that_was_made_twice_is_found(aftermath: Aftermath) -> None:
    first, second = aftermath.messages
    aftermath.journal = replace(aftermath.journal, taken={first: ("CA0", "CA9"), second: ("CA1",)})

    assert aftermath.verdict().broken == (
        "1 attempts were sent twice",
        "the provider took 3, we hold 2 for sent",
    )


def test_a_call_we_hold_for_sent_that_the_provider_never_took_is_found(aftermath: Aftermath) -> None:
    aftermath.journal = replace(aftermath.journal, taken={aftermath.messages[0]: ("CA0",)})

    assert aftermath.verdict().broken == (
        "the provider took 1, we hold 2 for sent",
        "1 attempts hold another one's provider id",
    )


def test_calls_that_hold_one_anothers_id_are_found(aftermath: Aftermath) -> None:
    first, second = aftermath.messages
    aftermath.journal = replace(aftermath.journal, taken={first: ("CA1",), second: ("CA0",)})

    assert aftermath.verdict().broken == ("2 attempts hold another one's provider id",)


def test_whoever_was_promised_a_place_in_a_call_must_have_it(aftermath: Aftermath) -> None:
    aftermath.rows = replace(aftermath.rows, kept=frozenset({"second"}))

    assert aftermath.verdict().broken == ("1 people were told a place is theirs that is not",)


def test_whoever_was_promised_a_place_in_writing_must_have_it(aftermath: Aftermath) -> None:
    aftermath.rows = replace(aftermath.rows, phones=frozenset({SEALER.fingerprint(LI)}))

    assert aftermath.verdict().broken == ("1 people were told a place is theirs that is not",)


def test_a_no_promises_nothing(aftermath: Aftermath) -> None:
    aftermath.journal = replace(aftermath.journal, told=(Told(aftermath.messages[0], LI, NO),))
    aftermath.rows = replace(aftermath.rows, kept=frozenset(), phones=frozenset())

    assert aftermath.verdict().broken == ()


def test_a_provider_that_failed_itself_proves_nothing(aftermath: Aftermath) -> None:
    aftermath.journal = replace(aftermath.journal, counts={"failed": 1})

    assert aftermath.verdict().broken == ("the provider itself failed",)
