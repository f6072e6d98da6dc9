"""The texts of the pretend exchange: there, back, taken no more after STOP, and worthless after their time.

What the provider does with keywords of its own is done here as it does it: whoever texts STOP is blocked by the exchange
itself until they text START, whatever the house thinks of it.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.core import bus
from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.sealed_columns import TEXT_BODY, TEXT_PHONE
from app.core.sealing import Sealer
from app.notify.enclosed import PRETEND
from app.notify.models import SimulatedOptOut, SimulatedText
from app.notify.simulator_reports import Reports

TOPIC = "phones"
EXPIRED = 30036
"""The provider's code for a text that waited longer than it may."""
_NUMBER = re.compile(r"^\+[1-9]\d{6,14}$")
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_STOPPED = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
_STARTED = "You have successfully been re-subscribed to messages from this number. Reply STOP to unsubscribe."


@dataclass(frozen=True, slots=True)
class TextExchange:
    """What can be done with texts. Methods run in the caller's transaction."""

    sealer: Sealer
    reports: Reports
    public_url: str

    def text(
        self,
        session: Session,
        now: datetime,
        *,
        to: str,
        body: str,
        status_url: str | None,
        valid_s: int | None = None,
    ) -> SimulatedText:
        """Queues a text to a pretend phone; after `valid_s` seconds in the queue it is not sent any more."""
        text = self._text(session, now, to, body, "outbound-api", "queued", without_overrides(status_url))
        text.valid_until = None if valid_s is None else now + timedelta(seconds=valid_s)
        session.flush()
        return text

    def cancel_text(self, session: Session, text: SimulatedText) -> bool:
        """Takes back a text that has not left; False when it has."""
        if text.state != "queued":
            return False
        text.state, text.due_at = "canceled", None
        session.add(text)
        session.flush()
        return True

    def blocks(self, session: Session, number: str) -> bool:
        """Whether the owner of the number has texted STOP and not START since."""
        return session.get(SimulatedOptOut, self.sealer.fingerprint(number, PRETEND)) is not None

    def write(self, session: Session, now: datetime, number: str, body: str) -> SimulatedText:
        """Sends a text from this phone to the hotline's number."""
        check_number(number)
        text = self._text(session, now, number, body, "inbound", "received", None)
        self._keyword(session, now, number, body.strip().upper())
        self._tell(session)
        return text

    def reply(self, session: Session, now: datetime, sid: str, bodies: tuple[str, ...]) -> None:
        """Puts the answers to a text into the phone's inbox and marks the text as handed on; not to who texted STOP."""
        inbound = session.get(SimulatedText, sid)
        if inbound is None or inbound.due_at is None:
            return
        inbound.due_at = None
        session.add(inbound)
        number = self.sealer.unseal(inbound.phone_sealed, TEXT_PHONE.at(inbound.sid))
        for body in () if self.blocks(session, number) else bodies:
            self._answer(session, now, number, body)
        session.flush()
        self._tell(session)

    def waiting_texts(self, session: Session, now: datetime) -> tuple[SimulatedText, ...]:
        """Texts from pretend phones that are still to be handed to us."""
        return tuple(
            session.exec(
                select(SimulatedText).where(
                    col(SimulatedText.direction) == "inbound", col(SimulatedText.due_at) <= now
                )
            ).all()
        )

    def _deliver(self, session: Session, now: datetime, text: SimulatedText) -> None:
        """A queued text arrives, unless it has waited longer than it may."""
        text.due_at = None
        session.add(text)
        if text.valid_until is not None and text.valid_until <= now:
            text.state, text.error_code = "failed", EXPIRED
            self.reports.on_text(session, now, text, "failed")
            return
        text.state = "delivered"
        self.reports.on_text(session, now, text, "sent")
        self.reports.on_text(session, now, text, "delivered")

    def _due_texts(self, session: Session, now: datetime) -> tuple[SimulatedText, ...]:
        return tuple(
            session.exec(
                select(SimulatedText).where(
                    col(SimulatedText.due_at) <= now, col(SimulatedText.direction) == "outbound-api"
                )
            ).all()
        )

    def _keyword(self, session: Session, now: datetime, number: str, word: str) -> None:
        mark = self.sealer.fingerprint(number, PRETEND)
        known = session.get(SimulatedOptOut, mark)
        if word in _STOP and known is None:
            session.add(SimulatedOptOut(phone_fingerprint=mark, at=now))
            self._answer(session, now, number, _STOPPED)
        elif word in _START and known is not None:
            session.delete(known)
            self._answer(session, now, number, _STARTED)

    def _answer(self, session: Session, now: datetime, number: str, body: str) -> None:
        self._text(session, now, number, body, "outbound-reply", "delivered", None).due_at = None

    def _text(
        self,
        session: Session,
        now: datetime,
        number: str,
        body: str,
        direction: str,
        state: str,
        status_url: str | None,
    ) -> SimulatedText:
        sid = f"SM{secrets.token_hex(16)}"
        text = SimulatedText(
            sid=sid,
            phone_sealed=self.sealer.seal(number, TEXT_PHONE.at(sid)),
            phone_fingerprint=self.sealer.fingerprint(number, PRETEND),
            direction=direction,
            state=state,
            body_sealed=self.sealer.seal(body, TEXT_BODY.at(sid)),
            status_url=status_url,
            due_at=now,
            created_at=now,
        )
        session.add(text)
        session.flush()
        return text

    @staticmethod
    def _tell(session: Session) -> None:
        bus.publish(session, TOPIC, "changed")


def check_number(number: str) -> None:
    """InvalidInput unless it is a number."""
    if not is_number(number):
        raise InvalidInput(
            "not-a-number", N_("电话号码须以加号和国家代码开头"), N_("按 +8613812345678 的样子填写")
        )


def is_number(text: str) -> bool:
    """Whether it is written as the provider wants numbers: + and 7 to 15 digits."""
    return _NUMBER.match(text) is not None


def is_mobile(number: str) -> bool:
    """Whether texts can reach it: of Chinese numbers only those of mobiles, elsewhere it cannot be told by the number."""
    return not number.startswith("+86") or re.match(r"^\+861[3-9]\d{9}$", number) is not None


def without_overrides(url: str | None) -> str | None:
    """The address without the connection settings that providers read from behind the #."""
    return url.split("#", 1)[0] if url else None
