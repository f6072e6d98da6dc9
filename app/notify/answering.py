"""Talks with whoever picks up, calls back or writes: reads the notice, takes the answer, says what became of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.core.sealing import Sealer
from app.notify import repository, twilio, wording
from app.notify.conversation import SENTENCE, Ask, Confirmed, Reply, Step, pressed, read_text
from app.notify.delivery import MessageState
from app.notify.listener import Heard
from app.notify.models import OutgoingMessage
from app.notify.progress import INVITATION, Progress
from app.notify.wording import TemplateId

_SAID: dict[Heard, TemplateId] = {
    Heard.accepted: TemplateId.accepted,
    Heard.declined: TemplateId.declined,
    Heard.lapsed: TemplateId.lapsed,
    Heard.already: TemplateId.already,
}


@dataclass(frozen=True, slots=True)
class Answering:
    """The voice of the house. Every method runs in the caller's transaction and returns a document to speak."""

    progress: Progress
    sealer: Sealer
    public_url: str
    hotline: str
    language: str

    def picked_up(self, session: Session, now: datetime, message_id: str, sid: str) -> str:
        """An outgoing call was answered."""
        message = repository.held(session, message_id)
        if message is None or message.purpose != INVITATION:
            return self._nothing_pending()
        repository.record_event(session, now, f"{message_id}|{sid}|picked-up", message_id, "picked-up", {})
        if sid:
            self.progress.reported(session, now, message, sid, MessageState.answered)
        return self._open_or_lapsed(session, now, message, "voice")

    def called_back(self, session: Session, now: datetime, caller: str, sid: str) -> str:
        """Somebody rang the hotline: read them their latest notice again, or tell them it has lapsed."""
        message = self._latest(session, caller)
        if message is None:
            return self._nothing_pending()
        repository.record_event(
            session, now, f"{message.id}|{sid}|called-back", message.id, "called-back", {}
        )
        return self._open_or_lapsed(session, now, message, "hotline")

    def key(
        self, session: Session, now: datetime, message_id: str, step: Step, key: str, silent: int, via: str
    ) -> str:
        """A key, or silence, while the step's sentence was spoken."""
        message = repository.held(session, message_id)
        if message is None or message.purpose != INVITATION:
            return self._nothing_pending()
        follows = pressed(step, key, silent)
        if isinstance(follows, Ask):
            return self._ask(message, follows, via)
        if isinstance(follows, Confirmed):
            heard = self.progress.listener.answer(session, now, message.subject, follows.accept, via)
            return self._close(message, _SAID[heard])
        return self._close(message, TemplateId.unanswered)

    def texted(self, session: Session, now: datetime, sender: str, sid: str, body: str) -> str:
        """A text came in: 1 accepts, 2 declines, 退订 ends all texts. Repeated posts get no second reply."""
        meant = read_text(body)
        message = self._latest(session, sender)
        known = message.id if message else ""
        if not repository.record_event(session, now, f"in|{sid}", known, "texted", {"meant": meant.value}):
            return twilio.reply_document(None)
        if meant is Reply.stop:
            repository.opt_out(session, now, self.sealer.fingerprint(sender))
            return self._reply(message, TemplateId.opted_out)
        if message is None:
            return self._reply(None, TemplateId.nothing_pending)
        if meant is not Reply.other:
            heard = self.progress.listener.answer(session, now, message.subject, meant is Reply.accept, "sms")
            return self._reply(message, _SAID[heard])
        if self.progress.listener.is_open(session, now, message.subject):
            return self._reply(message, TemplateId.sms_not_understood)
        return self._reply(
            message, _SAID[self.progress.listener.late_contact(session, now, message.subject, "sms")]
        )

    def _latest(self, session: Session, phone: str) -> OutgoingMessage | None:
        subject = self.progress.listener.subject_for_caller(session, self.sealer.fingerprint(phone))
        return repository.latest_for(session, subject, INVITATION) if subject is not None else None

    def _open_or_lapsed(self, session: Session, now: datetime, message: OutgoingMessage, via: str) -> str:
        if self.progress.listener.is_open(session, now, message.subject):
            return self._ask(message, Ask(Step.invite), via)
        return self._close(
            message, _SAID[self.progress.listener.late_contact(session, now, message.subject, via)]
        )

    def _ask(self, message: OutgoingMessage, ask: Ask, via: str) -> str:
        variables = self._variables(message)
        text = wording.render(SENTENCE[ask.step], message.language, variables)
        if ask.misheard:
            text = wording.render(TemplateId.repeat_hint, message.language, variables) + text
        action = (
            f"{self.public_url}/hooks/twilio/voice/{message.id}/keys"
            f"?step={ask.step.value}&silent={ask.silent}&via={via}"
        )
        return twilio.ask_document(text, message.language, action)

    def _close(self, message: OutgoingMessage, template: TemplateId) -> str:
        text = wording.render(template, message.language, self._variables(message))
        return twilio.closing_document(text, message.language)

    def _nothing_pending(self) -> str:
        text = wording.render(TemplateId.nothing_pending, self.language, {})
        return twilio.closing_document(text, self.language)

    def _reply(self, message: OutgoingMessage | None, template: TemplateId) -> str:
        language = message.language if message else self.language
        return twilio.reply_document(wording.render(template, language, self._variables(message)))

    def _variables(self, message: OutgoingMessage | None) -> Mapping[str, str]:
        own = json.loads(self.sealer.unseal(message.variables_sealed)) if message else {}
        return {"hotline": self.hotline, **own}
