"""What the service's rows and the provider's journal say of each other when everything is over."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session, col, select

from app.core.sealing import Sealer
from app.notify import wording
from app.notify.models import OutgoingMessage
from app.notify.wording import TemplateId

_BLANK = "\x00"


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told last on the phone or by text; `message` is empty where the provider cannot know it."""

    message: str
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class Journalled:
    """The provider's side: which provider ids each message of ours was taken under, and what people were told."""

    taken: Mapping[str, tuple[str, ...]]
    told: tuple[Told, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """The service's side, the same for every kind of place.

    accepted: invitation ids by place. asked: how many were invited. unfilled: places that nobody holds.
    kept: invitations whose yes counted, also of those who left later by their own wish; phones: keyed hashes of theirs.
    """

    places: int
    asked: int
    unfilled: int
    accepted: Mapping[str, tuple[str, ...]]
    kept: frozenset[str]
    phones: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The promises, each as a count that has to be nothing, and what happened meanwhile."""

    places: int
    invitations: int
    lost: int
    two_accepts: int
    sent_twice: int
    accepts: int
    sent: int
    strangers: int
    in_vain: int
    counts: Mapping[str, int] = field(default_factory=dict)
    kills: int = 0
    seconds: float = 0.0

    @property
    def broken(self) -> tuple[str, ...]:
        """The promises that were not kept, in words."""
        found = []
        if self.lost:
            found.append(f"{self.lost} places were lost")
        if self.two_accepts:
            found.append(f"{self.two_accepts} places have two accepts")
        if self.sent_twice:
            found.append(f"{self.sent_twice} attempts were sent twice")
        if self.accepts != self.sent:
            found.append(f"the provider took {self.accepts}, we hold {self.sent} for sent")
        if self.strangers:
            found.append(f"{self.strangers} attempts hold another one's provider id")
        if self.in_vain:
            found.append(f"{self.in_vain} people were told a place is theirs that is not")
        if self.counts.get("failed"):
            found.append("the provider itself failed")
        return tuple(found)


def read_journal(file: Path) -> Journalled:
    taken: defaultdict[str, list[str]] = defaultdict(list)
    told, counts = [], Counter[str]()
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            counts[one["kind"]] += 1
            if one["kind"] == "create":
                counts[one["fate"]] += 1
                if "sid" in one:
                    taken[one["message"]].append(one["sid"])
            elif one["kind"] == "told":
                told.append(Told(one["message"], one["to"], one["text"]))
    return Journalled({message: tuple(sids) for message, sids in taken.items()}, tuple(told), counts)


def judge(
    session: Session, sealer: Sealer, rows: Rows, journal: Journalled, *, kills: int = 0, seconds: float = 0.0
) -> Verdict:
    """Holds rows and journal against each other."""
    ours = {
        message_id: (subject, sid)
        for message_id, subject, sid in session.exec(
            select(OutgoingMessage.id, OutgoingMessage.subject, OutgoingMessage.provider_sid)
        ).all()
    }
    sent = {message_id: sid for message_id, (_, sid) in ours.items() if sid is not None}
    promised = [one for one in journal.told if _is_acceptance(one.text)]
    return Verdict(
        places=rows.places,
        invitations=rows.asked,
        lost=rows.unfilled,
        two_accepts=sum(len(many) > 1 for many in rows.accepted.values()),
        sent_twice=sum(len(sids) > 1 for sids in journal.taken.values()),
        accepts=sum(map(len, journal.taken.values())),
        sent=len(sent),
        strangers=sum(sid not in journal.taken.get(message_id, ()) for message_id, sid in sent.items()),
        in_vain=sum(not _kept(one, ours, rows, sealer) for one in promised),
        counts=journal.counts,
        kills=kills,
        seconds=seconds,
    )


def unsettled(session: Session, states: Collection[str] = ("queued", "sending", "unknown")) -> int:
    """Messages that are not at the provider, and may still get there."""
    return len(session.exec(select(OutgoingMessage.id).where(col(OutgoingMessage.state).in_(states))).all())


def _is_acceptance(text: str) -> bool:
    """Whether this is the sentence that says the place is theirs: told by its words before the first blank."""
    sentence = wording.render(TemplateId.accepted, "zh", dict.fromkeys(("time", "place"), _BLANK))
    return text.startswith(sentence.partition(_BLANK)[0])


def _kept(one: Told, ours: Mapping[str, tuple[str, str | None]], rows: Rows, sealer: Sealer) -> bool:
    if one.message:
        return one.message in ours and ours[one.message][0] in rows.kept
    return sealer.fingerprint(one.number) in rows.phones
