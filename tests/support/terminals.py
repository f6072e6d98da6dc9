"""Terminals, codes and papers for tests: all that somebody needs who takes a seat."""

import base64
from collections.abc import Callable
from datetime import datetime

from playwright.sync_api import BrowserContext
from sqlmodel import select

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.core.clock import BoundedTime
from app.core.database import Database
from app.core.sealing import Sealer
from app.evaluation import check_in, entering
from app.evaluation.check_in import Checked, Papers
from app.evaluation.entering import Shown
from app.evaluation.models import CommitteeMember
from app.rehearsal.terminals import SoftwareTerminal
from expert_draw.models import Invitation
from tests.support.world import World, identity_of
from venue import devices, proofs
from venue.models import Seat
from venue.proofs import Proof, Purpose


def enroll(database: Database, sealer: Sealer, now: Callable[[], datetime], seat_id: str) -> SoftwareTerminal:
    """A machine that was just enrolled for this seat by staff of its center."""
    terminal = SoftwareTerminal()
    with database.transaction() as session:
        center = session.exec(select(Seat.center_id).where(Seat.id == seat_id)).one()
        code = devices.make_code(session, sealer, now(), keeper(center), seat_id)
        challenge = proofs.ask(sealer, now(), Purpose.enroll)
        row = devices.enroll(
            session,
            sealer,
            now(),
            code=code,
            jwk=terminal.jwk,
            challenge=challenge,
            signature=terminal.sign(Purpose.enroll, challenge, code),
        )
        assert row is not None
        terminal.id = row.id
    return terminal


def keeper(center_id: str) -> Actor:
    """Somebody who keeps the machines and the desk of a center."""
    return Actor(id="account:keeper", role=Role.guest_operator, name="副场", center_id=center_id)


def enrolled(world: World, seat_id: str) -> SoftwareTerminal:
    return enroll(world.database, world.sealer, world.now, seat_id)


def proof(
    world: World, terminal: SoftwareTerminal, purpose: Purpose, said: str = "", about: str = ""
) -> Proof:
    """The terminal's answer to a question that was just asked."""
    challenge = proofs.ask(world.sealer, world.now(), purpose, about)
    return Proof(terminal.id, challenge, terminal.sign(purpose, challenge, said))


def moment(world: World) -> BoundedTime:
    """Now, on a clock that nobody has set."""
    return BoundedTime(world.now(), world.now(), world.now())


def papers(world: World, member: CommitteeMember) -> Papers:
    """What this member's card says."""
    with world.database.reading() as session:
        invitation = session.get_one(Invitation, member.invitation_id)
    return Papers(identity_of(int(world.expert(invitation).number)), phone_deposited=True, badge=True)


def checked(world: World, member: CommitteeMember, at: BoundedTime | None = None) -> Checked:
    """The member has shown their papers at the desk of their center."""
    with world.transaction() as session:
        return check_in.check(
            session,
            at or moment(world),
            world.house,
            keeper(member.center_id),
            member.id,
            papers(world, member),
        )


def takes(world: World, code: str, terminal: SoftwareTerminal, at: BoundedTime | None = None) -> bool:
    """Whether this code, typed at this terminal, opens the seat."""
    with world.transaction() as session:
        shown = Shown(code, proof(world, terminal, Purpose.seat, code))
        return entering.take(session, at or moment(world), world.house, shown) is not None


KEEP = """async ({ id, place, jwk }) => {
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  await new Promise((resolve, reject) => {
    const opening = indexedDB.open("yuanping-terminal", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("terminal");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const writing = opening.result.transaction("terminal", "readwrite");
      writing.objectStore("terminal").put({ id, place, key }, "here");
      writing.oncomplete = () => {
        opening.result.close();
        resolve();
      };
    };
  });
}"""
"""Puts a key that was made elsewhere where the pages keep theirs: for tests that are about something else than enrolling."""


def keep_in(context: BrowserContext, url: str, terminal: SoftwareTerminal) -> None:
    """From now on every page of this browser is at that terminal."""
    page = context.new_page()
    page.goto(f"{url}/static/favicon.svg")
    page.evaluate(KEEP, {"id": terminal.id, "place": "中心 室 1", "jwk": _whole_jwk(terminal)})
    page.close()


def _whole_jwk(terminal: SoftwareTerminal) -> dict[str, str]:
    """Both halves of its key, as Web Crypto takes them; a browser that enrolls itself never has them to give."""
    private = terminal._key.private_numbers().private_value.to_bytes(32, "big")
    return {**terminal.jwk, "d": base64.urlsafe_b64encode(private).rstrip(b"=").decode()}
