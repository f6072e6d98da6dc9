"""The pretend telephone exchange: calls and texts as rows, ringing, answered, pressed and hung up.

It knows nothing of invitations. It takes what the provider's interface takes and reports what the provider
would report; `simulator_line` carries the reports and fetches what a call should say.
"""

import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from app.core import bus
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.notify.models import SimulatedCall, SimulatedText
from app.notify.simulator_reports import Reports
from app.notify.twiml import Script, speech_s

TOPIC = "phones"
_NUMBER = re.compile(r"^\+[1-9]\d{6,14}$")
_KEYS = frozenset("0123456789*#")


class CallState(StrEnum):
    """The provider's own words for a call."""

    queued = "queued"
    ringing = "ringing"
    in_progress = "in-progress"
    completed = "completed"
    busy = "busy"
    no_answer = "no-answer"
    failed = "failed"
    canceled = "canceled"


LIVE = (CallState.queued.value, CallState.ringing.value, CallState.in_progress.value)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Every act on a pretend phone. Methods run in the caller's transaction."""

    sealer: Sealer
    reports: Reports
    public_url: str

    # What the provider's interface takes ---------------------------------------------------------------

    def dial(
        self,
        session: Session,
        now: datetime,
        *,
        to: str,
        document_url: str,
        status_url: str | None,
        status_events: tuple[str, ...],
        ring_s: int,
    ) -> SimulatedCall:
        """Queues a call to a pretend phone."""
        call = self._call(now, to, "outbound-api", document_url, ring_s)
        call.status_url = _without_overrides(status_url)
        call.status_events = json.dumps(status_events or ("completed",))
        call.due_at = now
        session.add(call)
        session.flush()
        return call

    def text(
        self, session: Session, now: datetime, *, to: str, body: str, status_url: str | None
    ) -> SimulatedText:
        """Queues a text to a pretend phone."""
        return self._text(session, now, to, body, "outbound-api", "queued", _without_overrides(status_url))

    def cancel_call(self, session: Session, now: datetime, call: SimulatedCall) -> None:
        """Takes a call back that nobody has answered; a call in progress is ended instead."""
        if call.state == CallState.in_progress.value:
            self._finish(session, now, call, CallState.completed)
        elif call.state in LIVE:
            self._finish(session, now, call, CallState.canceled)

    def cancel_text(self, session: Session, text: SimulatedText) -> None:
        if text.state == "queued":
            text.state, text.due_at = "canceled", None
            session.add(text)
            session.flush()

    # What people do with a pretend phone ---------------------------------------------------------------

    def answer(self, session: Session, now: datetime, number: str) -> SimulatedCall:
        """Picks up; Conflict when the phone does not ring."""
        call = self._live(session, number, CallState.ringing)
        call.answered_at = now
        call.pending_url, call.pending_digits = call.document_url, None
        self._turn(session, call, CallState.in_progress, now)
        self.reports.on_call(session, now, call, "answered")
        return call

    def press(self, session: Session, now: datetime, number: str, key: str) -> SimulatedCall:
        """Presses a key; Conflict when no call waits for one."""
        if key not in _KEYS:
            raise InvalidInput(
                "no-such-key", N_("电话上没有这个键"), N_("可按 0 到 9、星号键和井号键"), key=key
            )
        call = self._live(session, number, CallState.in_progress)
        if call.action_url is None:
            raise Conflict("no-key-awaited", N_("通话此刻不等待按键"), N_("听完提示后再按键"))
        call.pending_url, call.pending_digits, call.action_url = call.action_url, key, None
        self._turn(session, call, CallState.in_progress, now)
        return call

    def hang_up(self, session: Session, now: datetime, number: str) -> None:
        """Ends the call; Conflict when there is none."""
        self._finish(session, now, self._live(session, number, CallState.in_progress), CallState.completed)

    def decline(self, session: Session, now: datetime, number: str) -> None:
        """Pushes a ringing call away, which the provider reports as busy."""
        self._finish(session, now, self._live(session, number, CallState.ringing), CallState.busy)

    def call_hotline(self, session: Session, now: datetime, number: str) -> SimulatedCall:
        """Rings the hotline back from this phone."""
        _check_number(number)
        if self._current(session, number) is not None:
            raise Conflict("phone-engaged", N_("这部电话正在通话或响铃"), N_("先挂断，再回拨热线"))
        document = f"{self.public_url}/hooks/twilio/inbound/voice"
        call = self._call(now, number, "inbound", document, 0)
        call.answered_at, call.pending_url = now, document
        self._turn(session, call, CallState.in_progress, now)
        return call

    def write(self, session: Session, now: datetime, number: str, body: str) -> SimulatedText:
        """Sends a text from this phone to the hotline's number."""
        _check_number(number)
        text = self._text(session, now, number, body, "inbound", "received", None)
        self._tell(session)
        return text

    # What happens by itself ----------------------------------------------------------------------------

    def has_due(self, session: Session, now: datetime) -> bool:
        """Whether `move_on` has anything to do: asked often, so it takes no writer's turn."""
        return bool(self._due_calls(session, now) or self._due_texts(session, now))

    def move_on(self, session: Session, now: datetime) -> int:
        """Everything whose time has come: phones start to ring or ring out, silence ends, texts arrive."""
        calls, texts = self._due_calls(session, now), self._due_texts(session, now)
        for call in calls:
            self._move_on(session, now, call)
        for text in texts:
            text.state, text.due_at = "delivered", None
            session.add(text)
            self.reports.on_text(session, now, text, "sent")
            self.reports.on_text(session, now, text, "delivered")
        if calls or texts:
            self._tell(session)
        return len(calls) + len(texts)

    def _due_calls(self, session: Session, now: datetime) -> tuple[SimulatedCall, ...]:
        return tuple(
            session.exec(
                select(SimulatedCall).where(
                    col(SimulatedCall.due_at) <= now,
                    col(SimulatedCall.state).in_(LIVE),
                    col(SimulatedCall.pending_url).is_(None),
                )
            ).all()
        )

    def _due_texts(self, session: Session, now: datetime) -> tuple[SimulatedText, ...]:
        return tuple(
            session.exec(
                select(SimulatedText).where(
                    col(SimulatedText.due_at) <= now, col(SimulatedText.direction) == "outbound-api"
                )
            ).all()
        )

    def _move_on(self, session: Session, now: datetime, call: SimulatedCall) -> None:
        if call.state == CallState.queued.value:
            if self._busy_with_another(session, call):
                self.reports.on_call(session, now, call, "initiated")
                self._finish(session, now, call, CallState.busy)
                return
            self._turn(session, call, CallState.ringing, now + timedelta(seconds=call.ring_s))
            self.reports.on_call(session, now, call, "initiated")
            self.reports.on_call(session, now, call, "ringing")
        elif call.state == CallState.ringing.value:
            self._finish(session, now, call, CallState.no_answer)
        elif call.action_url is not None:
            call.pending_url, call.pending_digits, call.action_url = call.action_url, "", None
            self._turn(session, call, CallState.in_progress, now)
        else:
            self._finish(session, now, call, CallState.completed)

    def follow(self, session: Session, now: datetime, sid: str, turn: int, script: Script) -> bool:
        """Speaks what a fetched document says; False when the call has gone on meanwhile."""
        call = session.get(SimulatedCall, sid, populate_existing=True)
        if call is None or call.turn != turn or call.state != CallState.in_progress.value:
            return False
        if script.text:
            call.spoken_sealed = self.sealer.seal(script.text)
            call.spoken_language = script.language
        call.pending_url, call.pending_digits, call.action_url = None, None, None
        until = now + timedelta(seconds=speech_s(script.text))
        if script.gather is not None and script.gather.action:
            call.action_url = script.gather.action
            until += timedelta(seconds=script.gather.wait_s)
        elif script.redirect:
            call.pending_url = script.redirect
        self._turn(session, call, CallState.in_progress, until)
        return True

    def waiting_calls(self, session: Session, now: datetime) -> tuple[SimulatedCall, ...]:
        """Calls in progress that wait for a document to be fetched."""
        return tuple(
            session.exec(
                select(SimulatedCall).where(
                    col(SimulatedCall.state) == CallState.in_progress.value,
                    col(SimulatedCall.pending_url).is_not(None),
                    col(SimulatedCall.due_at) <= now,
                )
            ).all()
        )

    def waiting_texts(self, session: Session, now: datetime) -> tuple[SimulatedText, ...]:
        """Texts from pretend phones that are still to be handed to us."""
        return tuple(
            session.exec(
                select(SimulatedText).where(
                    col(SimulatedText.direction) == "inbound", col(SimulatedText.due_at) <= now
                )
            ).all()
        )

    # Small parts ---------------------------------------------------------------------------------------

    def _call(
        self, now: datetime, number: str, direction: str, document_url: str, ring_s: int
    ) -> SimulatedCall:
        return SimulatedCall(
            sid=f"CA{secrets.token_hex(16)}",
            phone_sealed=self.sealer.seal(number),
            phone_fingerprint=self.sealer.fingerprint(number),
            direction=direction,
            state=CallState.queued.value,
            document_url=document_url,
            ring_s=ring_s,
            created_at=now,
        )

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
        text = SimulatedText(
            sid=f"SM{secrets.token_hex(16)}",
            phone_sealed=self.sealer.seal(number),
            phone_fingerprint=self.sealer.fingerprint(number),
            direction=direction,
            state=state,
            body_sealed=self.sealer.seal(body),
            status_url=status_url,
            due_at=now,
            created_at=now,
        )
        session.add(text)
        session.flush()
        return text

    def reply(self, session: Session, now: datetime, sid: str, bodies: tuple[str, ...]) -> None:
        """Puts the answers to a text into the phone's inbox and marks the text as handed on."""
        inbound = session.get(SimulatedText, sid)
        if inbound is None or inbound.due_at is None:
            return
        inbound.due_at = None
        session.add(inbound)
        number = self.sealer.unseal(inbound.phone_sealed)
        for body in bodies:
            self._text(session, now, number, body, "outbound-reply", "delivered", None).due_at = None
        session.flush()
        self._tell(session)

    def _current(self, session: Session, number: str) -> SimulatedCall | None:
        return session.exec(
            select(SimulatedCall)
            .where(
                col(SimulatedCall.phone_fingerprint) == self.sealer.fingerprint(number),
                col(SimulatedCall.state).in_((CallState.ringing.value, CallState.in_progress.value)),
            )
            .limit(1)
        ).first()

    def _busy_with_another(self, session: Session, call: SimulatedCall) -> bool:
        return self._current(session, self.sealer.unseal(call.phone_sealed)) is not None

    def _live(self, session: Session, number: str, state: CallState) -> SimulatedCall:
        call = self._current(session, number)
        if call is None:
            raise NotFound("no-call", N_("这部电话没有来电"), N_("等电话响铃后再操作"))
        if call.state != state.value:
            raise Conflict("call-moved-on", N_("通话已不在这一步"), N_("看一眼电话的当前状态再操作"))
        return call

    def _turn(self, session: Session, call: SimulatedCall, state: CallState, due_at: datetime | None) -> None:
        call.state, call.due_at = state.value, due_at
        call.turn += 1
        session.add(call)
        session.flush()
        self._tell(session)

    def _finish(self, session: Session, now: datetime, call: SimulatedCall, state: CallState) -> None:
        call.ended_at = now
        call.pending_url = call.pending_digits = call.action_url = None
        self._turn(session, call, state, None)
        self.reports.on_call(session, now, call, "completed")

    @staticmethod
    def _tell(session: Session) -> None:
        bus.publish(session, TOPIC, "changed")


def _check_number(number: str) -> None:
    if not is_number(number):
        raise InvalidInput(
            "not-a-number", N_("电话号码须以加号和国家代码开头"), N_("按 +8613812345678 的样子填写")
        )


def is_number(text: str) -> bool:
    """Whether it is written as the provider wants numbers: + and 7 to 15 digits."""
    return _NUMBER.match(text) is not None


def _without_overrides(url: str | None) -> str | None:
    """The address without the connection settings that providers read from behind the #."""
    return url.split("#", 1)[0] if url else None
