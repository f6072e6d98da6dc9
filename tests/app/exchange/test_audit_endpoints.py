"""Anyone fetches and checks the log; witnesses sign; whoever may, takes acts along with their proofs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.bundle_check import check
from app.audit.house_log import HouseLog, open_log, signer_of
from app.audit.log_tree import is_consistent, root_by_inclusion
from app.audit.models import AuditLeaf
from app.audit.signed_note import COSIGNATURE, Checkpoint, Note, Signer, Verifier
from app.audit.tags import Tag
from app.audit.witnessing import Refused
from app.cli import witness_round
from app.core.errors import InvalidInput, Unavailable
from app.core.settings_records import AuditSettings
from tests.support.trail_attacks import Trail, edit_body, rebuild, unguarded
from tests.support.web import WebHouse, open_web
from tests.support.world import START

WITNESS = Signer.of_seed("kunming.example", bytes(32), COSIGNATURE)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path)
    forget(opened)
    yield opened
    opened.close()


def forget(house: WebHouse) -> None:
    """The process is a new one, that knows one witness."""
    settings = AuditSettings(witnesses=(WITNESS.verifier.to_text(),))
    house.application.state.audit_log = open_log(
        settings, house.world.database, house.world.clock, house.world.sealer
    )


def log_of(house: WebHouse) -> HouseLog:
    log: HouseLog = house.application.state.audit_log
    return log


def fill(house: WebHouse, count: int, case: str = "case-a") -> None:
    with house.world.transaction() as session:
        for number in range(count):
            audit.record(
                session,
                house.world.now(),
                case=case,
                tag=Tag.sheet_saved,
                actor="li",
                subject="sheet",
                data={"said": number},
            )
    log_of(house).sequencer.advance(at_once=True)


def note_of(visitor: TestClient, path: str = "/api/audit/checkpoint") -> Note:
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return Note.parse(answer.content)


def told(visitor: TestClient, key: Verifier, path: str = "/api/audit/checkpoint") -> Checkpoint:
    return note_of(visitor, path).checkpoint(key)


def test_before_anything_was_signed_there_is_no_checkpoint(house: WebHouse) -> None:
    visitor = house.visitor()
    for path in ("checkpoint", "checkpoints/1", f"checkpoints/{2**70}", "checkpoints/-1"):
        assert visitor.get(f"/api/audit/{path}").status_code == 404
    assert visitor.get("/api/audit/consistency?first=0&last=1").status_code == 422


def test_anyone_fetches_checkpoints_and_proofs_that_hold_together(house: WebHouse) -> None:
    visitor = house.visitor()
    key = Verifier.parse(visitor.get("/api/audit/key").text)
    assert key == log_of(house).key
    fill(house, 3)
    first = told(visitor, key)
    fill(house, 300, "case-b")
    last = told(visitor, key)
    assert told(visitor, key, f"/api/audit/checkpoints/{first.size}") == first
    said = visitor.get(f"/api/audit/consistency?first={first.size}&last={last.size}").json()
    path = [bytes.fromhex(node) for node in said["proof"]]
    assert is_consistent(first.size, first.root, last.size, last.root, path)
    with house.world.database.reading() as session:
        leaves = session.exec(select(AuditLeaf).order_by(col(AuditLeaf.position))).all()
    for leaf in (leaves[0], leaves[2], leaves[-1]):
        said = visitor.get(f"/api/audit/inclusion?leaf={leaf.hash}&size={last.size}").json()
        path = [bytes.fromhex(node) for node in said["proof"]]
        assert said["position"] == leaf.position
        assert root_by_inclusion(bytes.fromhex(leaf.hash), leaf.position, last.size, path) == last.root
    assert visitor.get(f"/api/audit/inclusion?leaf={leaves[-1].hash}&size={first.size}").status_code == 404
    for asked in (
        "inclusion?leaf=xyz&size=1",
        f"inclusion?leaf={'0' * 64}&size=9999",
        "consistency?first=5&last=4",
    ):
        assert visitor.get(f"/api/audit/{asked}").status_code == 422


def test_a_witness_that_is_known_signs_once_and_nobody_else_at_all(house: WebHouse) -> None:
    visitor = house.visitor()
    fill(house, 3)
    note = note_of(visitor)

    def post(data: bytes) -> int:
        return visitor.post("/api/audit/cosignatures", json={"note": data.decode()}).status_code

    stranger = Signer.of_seed("stranger.example", b"x" * 32, COSIGNATURE)
    own = signer_of(AuditSettings(), house.world.sealer)
    size = note.checkpoint(log_of(house).key).size
    other, forked = (
        Note(Checkpoint(own.verifier.name, one, bytes(32)).to_text()).signed(own) for one in (size + 1, size)
    )
    assert post(note.to_bytes()) == 422
    assert post(note.signed(stranger, 1).to_bytes()) == 422
    assert post(b"no note") == 422
    assert post(other.signed(WITNESS, 1).to_bytes()) == 404
    assert post(forked.signed(WITNESS, 1).to_bytes()) == 404
    text, (line,) = note.text, note.signed(WITNESS, 1).signatures[1:]
    forged = Note(text, (*note.signatures, (line[0], line[1], line[2][:-1] + b"\0"))).to_bytes()
    assert post(forged) == 422
    for time in (100, 200):
        assert post(note.signed(stranger, 1).signed(WITNESS, time).to_bytes()) == 200
    signed = note_of(visitor)
    assert signed.signers([log_of(house).key, WITNESS.verifier]) == (log_of(house).key, WITNESS.verifier)
    assert signed.signatures[1:] == note.signed(WITNESS, 100).signatures[1:]


def round_of(
    house: WebHouse, state: Path, signer: Signer | None = None
) -> tuple[Checkpoint, tuple[str, ...]]:
    return witness_round.make(house.visitor(), "http://testserver/", log_of(house).key, state, signer, START)


def test_a_witness_follows_a_growing_log_signs_it_and_names_a_rewritten_one(
    house: WebHouse, tmp_path: Path
) -> None:
    state = tmp_path / "kept.note"
    fill(house, 6, "case-b")
    before, nobody = round_of(house, state)
    assert nobody == ()
    fill(house, 3)
    point, names = round_of(house, state, WITNESS)
    assert (point.size, names) == (before.size + 3, ("kunming.example",))
    assert round_of(house, state)[0] == point
    kept = state.read_bytes()
    assert Note.parse(kept).checkpoint(log_of(house).key) == point
    with unguarded(house.world.database) as connection:
        edit_body(connection)
    trail = Trail(house.world.database, house.world.clock, signer_of(AuditSettings(), house.world.sealer))
    rebuild(trail)
    forget(house)
    with pytest.raises(Refused, match="rewritten"):
        round_of(house, state, WITNESS)
    fill(house, 4)
    with pytest.raises(Refused, match="forked"):
        round_of(house, state, WITNESS)
    assert state.read_bytes() == kept
    assert (
        Note.parse((tmp_path / "kept.note.refused").read_bytes()).checkpoint(log_of(house).key).size
        == point.size + 4
    )


def test_a_state_that_is_none_and_a_key_that_is_no_witness_are_refused(
    house: WebHouse, tmp_path: Path
) -> None:
    state = tmp_path / "kept.note"
    with pytest.raises(Unavailable, match="house-away"):
        round_of(house, state)
    fill(house, 1)
    with pytest.raises(InvalidInput, match="witness-key-kind"):
        round_of(house, state, signer_of(AuditSettings(), house.world.sealer))
    state.write_text("something else")
    with pytest.raises(InvalidInput, match="witness-state"):
        round_of(house, state)


def test_health_tells_of_an_alarm(house: WebHouse) -> None:
    visitor = house.visitor()
    fill(house, 6, "case-b")
    assert visitor.get("/health").json()["audit_log"] == "ok"
    with unguarded(house.world.database) as connection:
        edit_body(connection)
    fill(house, 1)
    said = visitor.get("/health").json()
    assert (said["status"], said["audit_log"]) == ("ok", "alarm")


def test_an_export_holds_exactly_what_was_asked_for_and_what_is_needed_to_check_it(
    house: WebHouse, tmp_path: Path
) -> None:
    fill(house, 5)
    fill(house, 4, "case-b")
    supervisor = house.visitor(Role.supervisor)
    target = tmp_path / "audit.zip"
    log_of(house).sequencer.advance(at_once=True)
    total = told(supervisor, log_of(house).key).size
    for asked, count in (("", total), ("?case=case-b", 4), ("?text=%22said%22:3", 2), ("?tag=a:b:c", 0)):
        answer = supervisor.get(f"/api/audit/export{asked}")
        assert answer.status_code == 200, answer.text
        target.write_bytes(answer.content)
        verdict = check(target, log_of(house).key, [note_of(supervisor).to_bytes()])
        assert (verdict.count, verdict.acts, verdict.compared) == (0, count, (verdict.size,)), verdict.faults
    assert supervisor.get("/api/audit/export?comparable=99&case=x").status_code == 422
    with house.world.database.reading() as session:
        exported = [act for act in audit.trail(session, "house") if act.tag == Tag.audit_exported]
    assert [act.data for act in exported][:2] == ["{}", '{"case":"case-b"}']
    assert house.visitor(Role.host_operator).get("/api/audit/export").status_code == 403
    assert house.visitor().get("/api/audit/export").status_code == 401
