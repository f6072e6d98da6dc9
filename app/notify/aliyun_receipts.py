"""What Aliyun's receipts change in our rows: how far a text or call has come, which keys were pressed, what was texted back.

Each receipt is applied in one transaction and written once, however often and in whatever order it comes. The keys of a
call count when its record has come: only then is it certain that none of them is still on its way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from app.core.sealing import Sealer
from app.notify import aliyun_codes, ledger, outbox, repository
from app.notify.conversation import Reply, read_text
from app.notify.delivery import MessageState
from app.notify.enclosed import callee_mark, variables_of
from app.notify.listener import Heard, Standing
from app.notify.models import MessageEvent, OutgoingMessage
from app.notify.progress import INVITATION, Progress
from app.notify.wording import TemplateId

Item = Mapping[str, Any]

REPLY = "reply"
"""The purpose of a text that answers a text."""
_REPLY_WITHIN = timedelta(minutes=15)
_KEYS, _RECORD = "keys", "record"
_REPLIES = {
    Heard.declined: TemplateId.declined,
    Heard.lapsed: TemplateId.lapsed,
    Heard.already: TemplateId.already,
}


@dataclass(frozen=True, slots=True)
class Receipts:
    """Applies receipts; every method says whether it was news. templates: the codes that Aliyun has approved."""

    progress: Progress
    sealer: Sealer
    templates: Mapping[str, str]
    hotline: str

    def text_report(self, session: Session, now: datetime, item: Item) -> bool:
        """SmsReport: whether a text is on the phone."""
        sid = _word(item, "biz_id")
        message = _message(session, "sms", _word(item, "out_id"), sid)
        if message is None:
            return False
        arrived = item.get("success") in {True, "true"}
        error = "" if arrived else _word(item, "err_code")[:32]
        state = MessageState.delivered if arrived else MessageState.undelivered
        key = f"{message.id}|{sid}|{state}|{_word(item, 'err_code')}|{_word(item, 'report_time')}"
        return self._status(session, now, message, key, sid, state, error)

    def call_report(self, session: Session, now: datetime, item: Item) -> bool:
        """VoiceCallReport: the phone rings, was picked up, a key was pressed."""
        sid, code = _word(item, "call_id"), _word(item, "status_code")
        message = _message(session, "voice", _word(item, "out_id"), sid)
        if message is None:
            return False
        at = _word(item, "status_time") or _word(item, "call_time")
        keys = _keys(item)
        if keys and code in {"", aliyun_codes.KEY_PRESSED}:
            payload = {"sid": sid, "at": at, "keys": keys}
            key = f"{message.id}|{sid}|{_KEYS}|{at}|{keys}"
            new = ledger.record_event(session, now, key, message.id, _KEYS, payload)
            if new:
                self._answered(session, now, message, sid)
            return new
        state = aliyun_codes.call_state(code, 0, over=False)
        if state is None:
            return False
        return self._status(session, now, message, f"{message.id}|{sid}|{code}|{at}", sid, state, "")

    def call_record(self, session: Session, now: datetime, item: Item) -> bool:
        """VoiceReport: a call is over; how, and which keys were pressed during it."""
        sid, code = _word(item, "call_id"), _word(item, "status_code")
        message = _message(session, "voice", _word(item, "out_id"), sid)
        seconds = _word(item, "duration")
        state = aliyun_codes.call_state(code, int(seconds) if seconds.isdecimal() else 0, over=True)
        if message is None or state is None:
            return False
        key, payload = f"{message.id}|{sid}|{_RECORD}", {"sid": sid, "status": code, "keys": _keys(item)}
        if not ledger.record_event(session, now, key, message.id, _RECORD, payload):
            return False
        if state is MessageState.completed:
            self.progress.reported(session, now, message, sid, MessageState.answered)
        self._answered(session, now, message, sid)
        error = code[:32] if state is MessageState.failed else None
        self.progress.reported(session, now, message, sid, state, error)
        return True

    def texted(self, session: Session, now: datetime, item: Item) -> bool:
        """SmsUp: somebody answers by text; 1 accepts, 2 declines, 退订 ends all texts."""
        sender, meant = aliyun_codes.in_full(_word(item, "phone_number")), read_text(_word(item, "content"))
        if sender is None:
            return False
        fingerprint = callee_mark(self.sealer, sender)
        caller = self.sealer.fingerprint(sender)
        subject = self.progress.listener.subject_for_caller(session, now, caller)
        message = repository.latest_for(session, subject, INVITATION) if subject is not None else None
        text_id = _word(item, "sequence_id") or f"{fingerprint}|{_word(item, 'send_time')}|{meant}"
        known = message.id if message else ""
        payload = {"meant": meant.value}
        if not ledger.record_event(session, now, f"in|aliyun|{text_id}", known, "texted", payload):
            return False
        if meant is Reply.stop:
            repository.opt_out(session, now, fingerprint)
        elif meant is Reply.start:
            repository.opt_in(session, fingerprint)
        elif message is not None:
            self._reply(session, now, sender, message, self._understood(session, now, message, meant))
        return True

    def _understood(
        self, session: Session, now: datetime, message: OutgoingMessage, meant: Reply
    ) -> TemplateId | None:
        """Tells the listener what a text means; gives what to answer."""
        listener = self.progress.listener
        if meant is not Reply.other:
            heard = listener.answer(session, now, message.subject, meant is Reply.accept, "sms")
            if heard is Heard.accepted:
                standing = listener.position(session, now, message.subject).standing
                return TemplateId.accepted_standby if standing is Standing.standby else TemplateId.accepted
            return _REPLIES.get(heard)
        if listener.is_open(session, now, message.subject):
            return TemplateId.sms_not_understood
        return _REPLIES.get(listener.late_contact(session, now, message.subject, "sms"))

    def _status(
        self,
        session: Session,
        now: datetime,
        message: OutgoingMessage,
        key: str,
        sid: str,
        state: MessageState,
        error: str,
    ) -> bool:
        payload = {"sid": sid, "status": state.value, "error": error}
        new = ledger.record_event(session, now, key, message.id, "status", payload)
        return new and self.progress.reported(session, now, message, sid, state, error or None)

    def _answered(self, session: Session, now: datetime, message: OutgoingMessage, sid: str) -> None:
        """Tells the listener what the keys of a call come to, once, when its record has come."""
        events = [one for one in _events(session, message.id) if one["sid"] == sid]
        records = [one for one in events if "status" in one]
        if not records or message.purpose != INVITATION:
            return
        pressed = sorted((one for one in events if "status" not in one), key=lambda one: one["at"])
        keys = records[0]["keys"] or "".join(one["keys"] for one in pressed)
        accept = aliyun_codes.answer(keys)
        key = f"{message.id}|{sid}|answer"
        if accept is not None and ledger.record_event(
            session, now, key, message.id, "answer", {"sid": sid, "keys": keys}
        ):
            self.progress.listener.answer(session, now, message.subject, accept, "voice")

    def _reply(
        self,
        session: Session,
        now: datetime,
        to: str,
        message: OutgoingMessage,
        template: TemplateId | None,
    ) -> None:
        """Answers a text by a text where Aliyun has approved one for it; never twice the same, lest two machines talk."""
        if template is None or not self.templates.get(f"{message.language}:{template.value}"):
            return
        key = f"{message.id}|reply|{template}"
        if not ledger.record_event(session, now, key, message.id, REPLY, {"template": template.value}):
            return
        own = variables_of(self.sealer, message)
        outbox.enqueue(
            session,
            now,
            self.sealer,
            subject=message.subject,
            purpose=REPLY,
            channel=outbox.SMS,
            to=to,
            template=template,
            variables={"hotline": self.hotline, **own},
            due_at=now,
            expires_at=now + _REPLY_WITHIN,
            language=message.language,
        )


def _message(session: Session, channel: str, out_id: str, sid: str) -> OutgoingMessage | None:
    """The message a receipt is about, kept until the transaction ends; None when it is none of ours."""
    if not sid:
        return None
    found = _by_out_id(session, channel, out_id) or repository.holder_of(session, sid)
    held = repository.held(session, found.id) if found is not None else None
    return held if held is not None and held.channel == channel else None


def _by_out_id(session: Session, channel: str, out_id: str) -> OutgoingMessage | None:
    if channel == "sms":
        return session.get(OutgoingMessage, out_id)
    span = aliyun_codes.span(out_id)
    if span is None:
        return None
    found = session.exec(
        select(OutgoingMessage).where(
            col(OutgoingMessage.id).between(*span), OutgoingMessage.channel == channel
        )
    ).all()
    return found[0] if len(found) == 1 else None


def _events(session: Session, message_id: str) -> list[dict[str, str]]:
    """The payloads of what was pressed and recorded in the calls of a message, in the order they came."""
    rows = session.exec(
        select(MessageEvent.payload)
        .where(MessageEvent.message_id == message_id, col(MessageEvent.kind).in_((_KEYS, _RECORD)))
        .order_by(col(MessageEvent.at), col(MessageEvent.key))
    ).all()
    return [json.loads(row) for row in rows]


def _keys(item: Item) -> str:
    """The keys of a receipt: called `dtmf` in the lists of fields, `digits` in one of the guides."""
    return _word(item, "dtmf") or _word(item, "digits")


def _word(item: Item, name: str) -> str:
    """A field as text; empty when it is missing or nothing a receipt would hold."""
    value = item.get(name)
    return str(value).strip() if isinstance(value, (str, int)) else ""
