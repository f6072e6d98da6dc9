"""Whatever somebody with every right over the database does to the trail, one checkpoint kept elsewhere shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from app.audit import log_rows, service
from app.audit.browsing import Chosen
from app.audit.bundle_check import Verdict, check
from app.audit.log_proofs import Proofs
from app.audit.models import AuditAlarm, AuditCheckpoint, AuditEvent, AuditLeaf
from app.audit.signed_note import Note
from app.audit.witnessing import Refused, Witness
from app.core.clock import ManualClock
from app.core.database import Database
from tests.support.databases import POSTGRESQL, SQLITE, furnish
from tests.support.trail_attacks import (
    ATTACKS,
    HIDES_WHEN_REBUILT,
    KEY,
    STANDS_BY_ITSELF,
    Attack,
    Trail,
    empty_everything,
    rebuild,
    unguarded,
)
from tests.support.world import START


@pytest.fixture(scope="module", params=[SQLITE, POSTGRESQL])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == POSTGRESQL:
        found = Database(request.getfixturevalue("pg_url"))
    else:
        found = furnish(Database(f"sqlite:///{tmp_path_factory.mktemp('trail') / 'trail.db'}"))
    yield found
    found.dispose()


@pytest.fixture
def trail(database: Database) -> Trail:
    """Eighteen acts, signed for after twelve and after all."""
    with unguarded(database) as connection:
        for table in (AuditEvent, AuditLeaf, AuditCheckpoint, AuditAlarm):
            connection.execute(delete(table))
    made = Trail(database, ManualClock(START))
    made.fill(12)
    made.sequencer.advance(at_once=True)
    return made


def verified(trail: Trail, folder: Path, outside: bytes, chosen: Chosen | None = None) -> Verdict:
    return check(
        trail.export(folder / "audit.zip", chosen, since=12 if chosen else None), KEY.verifier, [outside]
    )


def shown_to_a_witness(trail: Trail, outside: bytes) -> str:
    """What a witness says that remembers the checkpoint; empty when content."""
    witness = Witness(KEY.verifier, Note.parse(outside).checkpoint(KEY.verifier))
    try:
        _, told = witness.read(trail.note())
        with trail.database.reading() as session:
            witness.judge(told, Proofs().consistency(session, witness.size, told.size))
    except Refused as refused:
        return refused.code
    return ""


def test_an_untouched_trail_is_verified_whole_and_in_part_and_a_witness_is_content(
    trail: Trail, tmp_path: Path
) -> None:
    outside = trail.note()
    trail.fill(6)
    trail.sequencer.advance(at_once=True)
    whole = verified(trail, tmp_path, outside)
    assert (whole.count, whole.acts, whole.compared) == (0, 18, (12,))
    part = verified(trail, tmp_path, outside, Chosen(case="case-b"))
    assert (part.count, part.acts, part.compared) == (0, 6, (12,))
    assert shown_to_a_witness(trail, outside) == ""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_on_the_trail_is_found(trail: Trail, tmp_path: Path, attack: Attack) -> None:
    outside = trail.note()
    trail.fill(6)
    trail.sequencer.advance(at_once=True)
    newest = trail.note()
    with unguarded(trail.database) as connection:
        attack(connection)
    if attack is not empty_everything:  # nothing is left that could be handed out
        found = verified(trail, tmp_path, newest)
        assert found.count > 0 or attack.__name__ == "change_checkpoint"
    with trail.database.reading() as session:
        looked = service.check_log(session)
    assert (looked is None) == (attack is empty_everything)
    assert looked is None or looked[1] or attack in STANDS_BY_ITSELF
    # The house itself no longer signs: neither the process that saw the trail grow, nor, where rows disagree, a fresh one.
    trail.record(("case-a", "one more"))
    assert trail.sequencer.advance(at_once=True) == 0
    with trail.database.reading() as session:
        assert log_rows.alarm(session) is not None
    if attack not in STANDS_BY_ITSELF:
        assert trail.fresh_sequencer().advance(at_once=True) == 0
    # Then whoever has the house's own key signs for the story as it is now, however long it takes to be as long as before.
    trail.fill(6)
    rebuild(trail)
    found = verified(trail, tmp_path, outside)
    said = shown_to_a_witness(trail, outside)
    if attack in HIDES_WHEN_REBUILT:
        assert (found.count, said) == (0, "")
    elif (
        attack.__name__ == "cut_newest"
    ):  # what was cut is newer than the checkpoint that was kept: a newer one shows it
        assert (found.count, said) == (0, "")
        assert verified(trail, tmp_path, newest).count > 0
        assert shown_to_a_witness(trail, newest) in {"forked", "rewritten"}
    else:
        assert found.count > 0
        assert said in {"forked", "rewritten", "rolled-back"}


def test_who_edits_one_act_is_told_which_and_an_innocent_one_is_not_blamed(
    trail: Trail, tmp_path: Path
) -> None:
    outside = trail.note()
    with unguarded(trail.database) as connection:
        ATTACKS[[one.__name__ for one in ATTACKS].index("edit_body")](connection)
    first = verified(trail, tmp_path, outside).faults[0]
    assert (first.kind, first.case, first.n, first.position) == ("changed", "case-b", 3, 7)
