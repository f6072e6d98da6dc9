"""The pretend telephone exchange: calls as rows, ringing, answered, pressed, put through and hung up; texts beside them.

It knows nothing of invitations. It takes what the provider's interface takes and reports what the provider
would report; `simulator_line` carries the reports and fetches what a call should say.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.sealed_columns import CALL_PHONE, CALL_SPOKEN
from app.notify.enclosed import PRETEND
from app.notify.models import SimulatedCall
from app.notify.simulator_texts import TextExchange, check_number, without_overrides
from app.notify.twiml import Dial, Script, speech_s

BRIDGED = "outbound-dial"
"""The direction of a call to which another one was put through."""
_CONNECTED, _CONNECTED_LANGUAGE = "已接通，双方正在通话。", "cmn-CN"
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
class Exchange(TextExchange):
    """Every act on a pretend phone. Methods run in the caller's transaction."""

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
        call.status_url = without_overrides(status_url)
        call.status_events = json.dumps(status_events or ("completed",))
        call.due_at = now
        session.add(call)
        session.flush()
        return call

    def cancel_call(self, session: Session, now: datetime, call: SimulatedCall) -> bool:
        """Takes a call back that nobody has answered; one in progress is ended instead; False when it was over."""
        if call.state not in LIVE:
            return False
        answered = call.state == CallState.in_progress.value
        self._finish(session, now, call, CallState.completed if answered else CallState.canceled)
        return True

    # What people do with a pretend phone ---------------------------------------------------------------

    def answer(self, session: Session, now: datetime, number: str) -> SimulatedCall:
        """Picks up; Conflict when the phone does not ring."""
        call = self._live(session, number, CallState.ringing)
        call.answered_at = now
        if call.direction == BRIDGED:
            self._connect(session, call)
            return call
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
        call.pending_url, call.pending_digits = call.action_url, key
        call.action_url = call.silence_url = None
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
        check_number(number)
        if self._current(session, number) is not None:
            raise Conflict("phone-engaged", N_("这部电话正在通话或响铃"), N_("先挂断，再回拨热线"))
        document = f"{self.public_url}/hooks/twilio/inbound/voice"
        call = self._call(now, number, "inbound", document, 0)
        call.answered_at, call.pending_url = now, document
        self._turn(session, call, CallState.in_progress, now)
        return call

    # What happens by itself ----------------------------------------------------------------------------

    def has_due(self, session: Session, now: datetime) -> bool:
        """Whether `move_on` has anything to do: asked often, so it takes no writer's turn."""
        return bool(self._due_calls(session, now) or self._due_texts(session, now))

    def move_on(self, session: Session, now: datetime) -> int:
        """Everything whose time has come: phones start to ring or ring out, silence ends, texts arrive."""
        calls, texts = self._due_calls(session, now), self._due_texts(session, now)
        for call in calls:
            if call.state in LIVE:  # the end of one may have ended another that is connected with it
                self._move_on(session, now, call)
        for text in texts:
            self._deliver(session, now, text)
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
        elif call.silence_url is not None:
            silent = call.silence_url == call.action_url
            call.pending_url, call.pending_digits = call.silence_url, "" if silent else None
            call.action_url = call.silence_url = None
            self._turn(session, call, CallState.in_progress, now)
        else:
            self._finish(session, now, call, CallState.completed)

    def follow(self, session: Session, now: datetime, sid: str, turn: int, script: Script) -> bool:
        """Speaks what a fetched document says; False when the call has gone on meanwhile."""
        call = session.get(SimulatedCall, sid, populate_existing=True)
        if call is None or call.turn != turn or call.state != CallState.in_progress.value:
            return False
        if script.text:
            call.spoken_sealed = self.sealer.seal(script.text, CALL_SPOKEN.at(call.sid))
            call.spoken_language = script.language
        call.pending_url = call.pending_digits = call.action_url = call.silence_url = None
        call.dial_url = call.dial_status = None
        until = now + timedelta(seconds=speech_s(script.text) + script.pause_s)
        if script.gather is not None:
            call.action_url = script.gather.action or None
            call.silence_url = call.action_url if script.gather.on_silence else script.redirect
            until += timedelta(seconds=script.gather.wait_s)
        elif script.dial is not None:
            self._put_through(session, now, call, script.dial, until)
            call.dial_url = script.dial.action or script.redirect
            until += timedelta(seconds=script.dial.ring_s + script.dial.limit_s)
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

    # Two phones connected --------------------------------------------------------------------------------

    def _put_through(
        self, session: Session, now: datetime, call: SimulatedCall, dial: Dial, due_at: datetime
    ) -> None:
        """Queues the call to the other phone; it begins when the sentence before has been spoken."""
        other = self._call(now, dial.number, BRIDGED, "", dial.ring_s)
        other.parent_sid, other.due_at = call.sid, due_at
        session.add(other)
        session.flush()

    def _connect(self, session: Session, other: SimulatedCall) -> None:
        """The other phone was picked up: both hear each other until one of them hangs up."""
        call = session.get_one(SimulatedCall, other.parent_sid)
        for one in (call, other):
            one.spoken_sealed = self.sealer.seal(_CONNECTED, CALL_SPOKEN.at(one.sid))
            one.spoken_language = _CONNECTED_LANGUAGE
            self._turn(session, one, CallState.in_progress, call.due_at)

    def _part(self, session: Session, now: datetime, ended: SimulatedCall) -> None:
        """One of two connected lines has ended: the other phone is hung up, or the caller's call goes on."""
        if ended.parent_sid is not None:
            call = session.get_one(SimulatedCall, ended.parent_sid)
            if call.state != CallState.in_progress.value or call.pending_url is not None:
                return
            if call.dial_url is None:
                self._finish(session, now, call, CallState.completed)
                return
            call.pending_url, call.dial_status = call.dial_url, ended.state
            self._turn(session, call, CallState.in_progress, now)
            return
        for other in session.exec(
            select(SimulatedCall).where(
                col(SimulatedCall.parent_sid) == ended.sid, col(SimulatedCall.state).in_(LIVE)
            )
        ).all():
            answered = other.state == CallState.in_progress.value
            self._finish(session, now, other, CallState.completed if answered else CallState.canceled)

    # Small parts ---------------------------------------------------------------------------------------

    def _call(
        self, now: datetime, number: str, direction: str, document_url: str, ring_s: int
    ) -> SimulatedCall:
        sid = f"CA{secrets.token_hex(16)}"
        return SimulatedCall(
            sid=sid,
            phone_sealed=self.sealer.seal(number, CALL_PHONE.at(sid)),
            phone_fingerprint=self.sealer.fingerprint(number, PRETEND),
            direction=direction,
            state=CallState.queued.value,
            document_url=document_url,
            ring_s=ring_s,
            created_at=now,
        )

    def _current(self, session: Session, number: str) -> SimulatedCall | None:
        return session.exec(
            select(SimulatedCall)
            .where(
                col(SimulatedCall.phone_fingerprint) == self.sealer.fingerprint(number, PRETEND),
                col(SimulatedCall.state).in_((CallState.ringing.value, CallState.in_progress.value)),
            )
            .limit(1)
        ).first()

    def _busy_with_another(self, session: Session, call: SimulatedCall) -> bool:
        return (
            self._current(session, self.sealer.unseal(call.phone_sealed, CALL_PHONE.at(call.sid))) is not None
        )

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
        call.pending_url = call.pending_digits = call.action_url = call.silence_url = None
        self._turn(session, call, state, None)
        self.reports.on_call(session, now, call, "completed")
        self._part(session, now, call)
