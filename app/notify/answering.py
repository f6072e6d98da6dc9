"""Talks with whoever picks up, calls back or writes: reads the notice, takes the answer, says what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.core.sealing import Sealer
from app.notify import hotline, ledger, repository, twilio, wording
from app.notify.conversation import (
    SENTENCE,
    Ask,
    Confirmed,
    GiveUp,
    LeaveConfirmed,
    Menu,
    Reply,
    Step,
    Talk,
    pressed,
    read_text,
)
from app.notify.delivery import MessageState
from app.notify.enclosed import callee_mark, variables_of
from app.notify.hotline import PATIENCE, CallState
from app.notify.listener import Heard, Standing
from app.notify.models import OutgoingMessage
from app.notify.progress import INVITATION, Progress
from app.notify.wording import TemplateId

_SAID: dict[Heard, TemplateId] = {
    Heard.accepted: TemplateId.accepted,
    Heard.declined: TemplateId.declined,
    Heard.lapsed: TemplateId.lapsed,
    Heard.already: TemplateId.already,
    Heard.leave: TemplateId.leave_granted,
    Heard.leave_late: TemplateId.leave_too_late,
}
_FIRST: dict[Standing, Step] = {
    Standing.open: Step.callback,
    Standing.holds: Step.registered,
    Standing.standby: Step.standby,
}
"""What somebody who calls us hears, by how they stand to their notice."""
_AFTER_ACCEPTING = frozenset({Step.registered, Step.standby, Step.leave})
_ON_HOLD_S = 4  # so long a waiting caller may press a key before the sentence comes again


@dataclass(frozen=True, slots=True)
class Answering:
    """The voice of the house. Every method runs in the caller's transaction and returns a document to speak.

    agent: number of the staffed phone that callers are put through to, None when there is none. caller_id: what that phone
    shows, so that it never shows who calls.
    """

    progress: Progress
    sealer: Sealer
    public_url: str
    hotline: str
    language: str
    agent: str | None = None
    caller_id: str = ""

    def picked_up(self, session: Session, now: datetime, message_id: str, sid: str) -> str:
        """An outgoing call was answered."""
        message = repository.held(session, message_id)
        if message is None or message.purpose != INVITATION:
            return self._nothing_pending()
        ledger.record_event(session, now, f"{message_id}|{sid}|picked-up", message_id, "picked-up", {})
        if sid:
            self.progress.reported(session, now, message, sid, MessageState.answered)
        if self.progress.listener.is_open(session, now, message.subject):
            return self._ask(message, Ask(Step.invite), "voice")
        return self._too_late(session, now, message, "voice")

    def called_back(self, session: Session, now: datetime, caller: str, sid: str) -> str:
        """Somebody rang the hotline: they hear their latest notice, how they are registered, or that it has lapsed."""
        message = self._latest(session, now, caller)
        if message is None:
            return self._nothing_pending()
        ledger.record_event(session, now, f"{message.id}|{sid}|called-back", message.id, "called-back", {})
        return self._menu(session, now, message, "hotline")

    def key(
        self, session: Session, now: datetime, message_id: str, step: Step, key: str, silent: int, via: str
    ) -> str:
        """A key, or silence, while the step's sentence was spoken."""
        message = repository.held(session, message_id)
        if message is None or message.purpose != INVITATION:
            return self._nothing_pending()
        document: str
        match pressed(step, key, silent):
            case Ask() as ask:
                document = self._ask(message, ask, via)
            case Confirmed(accept=accept):
                heard = self.progress.listener.answer(session, now, message.subject, accept, via)
                document = self._close(message, self._said(session, now, message, heard))
            case LeaveConfirmed():
                document = self._leave(session, now, message, via)
            case Menu():
                hotline.leaves(session, now, message.id)
                document = self._menu(session, now, message, via)
            case Talk():
                document = self._talk(session, now, message, step, via)
            case GiveUp():
                registered = step in _AFTER_ACCEPTING
                document = self._close(message, TemplateId.farewell if registered else TemplateId.unanswered)
        return document

    def texted(self, session: Session, now: datetime, sender: str, sid: str, body: str) -> str:
        """A text came in: 1 accepts, 2 declines, 退订 ends all texts and 恢复 begins them again.

        A repeated post gets no second reply.
        """
        meant = read_text(body)
        message = self._latest(session, now, sender)
        known = message.id if message else ""
        if not ledger.record_event(session, now, f"in|{sid}", known, "texted", {"meant": meant.value}):
            return twilio.reply_document(None)
        if meant is Reply.stop:
            repository.opt_out(session, now, callee_mark(self.sealer, sender))
            return self._reply(message, TemplateId.opted_out)
        if meant is Reply.start:
            repository.opt_in(session, callee_mark(self.sealer, sender))
            return self._reply(message, TemplateId.opted_in)
        if message is None:
            return self._reply(None, TemplateId.nothing_pending)
        return self._reply(message, self._heard_by_text(session, now, message, meant))

    def _heard_by_text(
        self, session: Session, now: datetime, message: OutgoingMessage, meant: Reply
    ) -> TemplateId:
        listener = self.progress.listener
        if meant is not Reply.other:
            heard = listener.answer(session, now, message.subject, meant is Reply.accept, "sms")
            return self._said(session, now, message, heard)
        if listener.is_open(session, now, message.subject):
            return TemplateId.sms_not_understood
        return _SAID[listener.late_contact(session, now, message.subject, "sms")]

    # What follows ---------------------------------------------------------------------------------------

    def _menu(
        self, session: Session, now: datetime, message: OutgoingMessage, via: str, first: str = ""
    ) -> str:
        """What somebody who calls us hears as things stand now."""
        standing = self.progress.listener.position(session, now, message.subject).standing
        step = _FIRST.get(standing)
        if step is None:
            return self._too_late(session, now, message, via)
        return self._ask(message, Ask(step), via, first)

    def _too_late(self, session: Session, now: datetime, message: OutgoingMessage, via: str) -> str:
        heard = self.progress.listener.late_contact(session, now, message.subject, via)
        return self._close(message, _SAID[heard])

    def _leave(self, session: Session, now: datetime, message: OutgoingMessage, via: str) -> str:
        heard = self.progress.listener.ask_leave(session, now, message.subject, via)
        if heard is not Heard.leave_late:
            return self._close(message, _SAID[heard])
        # They are still expected, and may want to talk to somebody about it.
        return self._menu(session, now, message, via, self._text(message, TemplateId.leave_too_late))

    def _talk(self, session: Session, now: datetime, message: OutgoingMessage, step: Step, via: str) -> str:
        """Puts a caller through to our staff, lets them wait, or says what was registered for them meanwhile."""
        call = hotline.newest(session, message.id)
        ours = step in {Step.hold, Step.dialed} and call is not None
        if ours and call is not None and call.state == CallState.done:
            return self._close(message, self._registered(session, now, message, call.outcome))
        if step is Step.dialed:
            hotline.leaves(session, now, message.id)
            return self._close(message, TemplateId.hotline_over)
        if ours and call is not None and call.state == CallState.waiting and now - call.at >= PATIENCE:
            hotline.leaves(session, now, message.id)
            return self._close(message, TemplateId.hotline_unanswered)
        put_through = self.agent is not None and step is not Step.hold
        if call is not None and not ours and (call.state == CallState.done or call.until <= now):
            call = None  # of an earlier time
        call = hotline.waits(session, now, message, call, put_through=put_through)
        number = {"code": " ".join(call.reference)}
        if self.agent is not None and put_through:
            text = self._text(message, TemplateId.hotline_connect, number)
            after = self._action(message, Step.dialed, 0, via)
            return twilio.connecting_document(text, message.language, self.agent, self.caller_id, after)
        text = self._text(message, TemplateId.hotline_wait, number)
        action = self._action(message, Step.hold, 0, via)
        return twilio.ask_document(text, message.language, action, _ON_HOLD_S)

    def _registered(
        self, session: Session, now: datetime, message: OutgoingMessage, outcome: str | None
    ) -> TemplateId:
        known = {heard.value for heard in Heard}
        return self._said(session, now, message, Heard(outcome)) if outcome in known else TemplateId.farewell

    def _said(self, session: Session, now: datetime, message: OutgoingMessage, heard: Heard) -> TemplateId:
        """How an answer is confirmed; who only holds themselves ready is not told to come."""
        if heard is Heard.accepted:
            position = self.progress.listener.position(session, now, message.subject)
            if position.standing is Standing.standby:
                return TemplateId.accepted_standby
        return _SAID[heard]

    # Documents ------------------------------------------------------------------------------------------

    def _latest(self, session: Session, now: datetime, phone: str) -> OutgoingMessage | None:
        subject = self.progress.listener.subject_for_caller(session, now, self.sealer.fingerprint(phone))
        return repository.latest_for(session, subject, INVITATION) if subject is not None else None

    def _ask(self, message: OutgoingMessage, ask: Ask, via: str, first: str = "") -> str:
        text = first + self._text(message, SENTENCE[ask.step])
        if ask.misheard:
            text = self._text(message, TemplateId.repeat_hint) + text
        return twilio.ask_document(text, message.language, self._action(message, ask.step, ask.silent, via))

    def _action(self, message: OutgoingMessage, step: Step, silent: int, via: str) -> str:
        """Where the exchange asks what follows this step."""
        return f"{self.public_url}/hooks/twilio/voice/{message.id}/keys?step={step}&silent={silent}&via={via}"

    def _close(self, message: OutgoingMessage, template: TemplateId) -> str:
        return twilio.closing_document(self._text(message, template), message.language)

    def _nothing_pending(self) -> str:
        text = wording.render(TemplateId.nothing_pending, self.language, {})
        return twilio.closing_document(text, self.language)

    def _reply(self, message: OutgoingMessage | None, template: TemplateId) -> str:
        language = message.language if message else self.language
        return twilio.reply_document(wording.render(template, language, self._variables(message)))

    def _text(
        self, message: OutgoingMessage, template: TemplateId, more: Mapping[str, str] | None = None
    ) -> str:
        return wording.render(template, message.language, {**self._variables(message), **(more or {})})

    def _variables(self, message: OutgoingMessage | None) -> Mapping[str, str]:
        own = variables_of(self.sealer, message) if message else {}
        return {"hotline": self.hotline, **own}
