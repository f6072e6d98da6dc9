"""What a party that keeps its own secret says during a draw: short texts, made on its own computer and pasted into its page."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.core.canonical import canonical_json
from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_
from expert_draw.engine.randomness import SHARE_BYTES, Suite, chain_anchor, chain_share
from expert_draw.engine.record import (
    DrawRecord,
    agree_signature,
    approve_signature,
    reveal_signature,
)
from expert_draw.engine.shapes import HASH, SIGNATURE, WORD
from expert_draw.engine.signing import Signer
from expert_draw.engine.verify import verify_record
from expert_draw.parties import CHAIN_LENGTH

FORMAT = "yuanping-party/1"
_FIELDS = {
    "promise": {"anchor": HASH, "key": HASH, "party": WORD},
    "agree": {"party": WORD, "sig": SIGNATURE},
    "approve": {"party": WORD, "sig": SIGNATURE},
    "reveal": {"party": WORD, "share": HASH, "sig": SIGNATURE},
}
STEPS = tuple(_FIELDS)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing a party says: step is promise, agree, approve or reveal; fields are hex texts by name."""

    step: str
    fields: Mapping[str, str]

    @property
    def text(self) -> str:
        return canonical_json({"format": FORMAT, "step": self.step, **self.fields}).decode()


def parse(text: str, step: str) -> Statement:
    """The statement in a pasted text; InvalidInput unless it is one for this step."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    fields = _FIELDS[step]
    if (
        not isinstance(value, dict)
        or value.get("format") != FORMAT
        or value.get("step") != step
        or value.keys() != {"format", "step", *fields}
        or not all(
            isinstance(value[name], str) and shape.fullmatch(value[name]) for name, shape in fields.items()
        )
    ):
        raise InvalidInput(
            "statement-shape",
            N_("这段文字不是这一步所需的声明（{step}）"),
            N_("在本方电脑上运行 yuanping party {step}，把输出的整行原样粘贴"),
            step=step,
        )
    return Statement(step, {name: value[name] for name in fields})


@dataclass(frozen=True, slots=True)
class OwnShare:
    """The secrets of one party for one draw, kept in a file on its own computer. seed signs, secret is the chain's start.

    seen: number and hash of the last line of the record when this party last signed; it signs nothing that changes them.
    """

    party: str
    suite: Suite
    seed: bytes
    secret: bytes
    seen: tuple[int, str] | None = None

    @classmethod
    def new(cls, party: str, suite: Suite) -> "OwnShare":
        return cls(party, suite, secrets.token_bytes(SHARE_BYTES), secrets.token_bytes(SHARE_BYTES))

    @classmethod
    def read(cls, text: str) -> "OwnShare":
        """From the text of its file; InvalidInput unless it is one."""
        try:
            value = json.loads(text)
            share = cls(
                value["party"],
                value["suite"],
                bytes.fromhex(value["seed"]),
                bytes.fromhex(value["secret"]),
                (int(value["seen"]["n"]), str(value["seen"]["hash"])) if "seen" in value else None,
            )
            whole = value["format"] == FORMAT and value["step"] == "share"
        except (ValueError, TypeError, KeyError, RecursionError):
            whole = False
        if (
            not whole
            or {len(share.seed), len(share.secret)} != {SHARE_BYTES}
            or share.suite not in ("sha256", "sm3")
            or not isinstance(share.party, str)
        ):
            raise InvalidInput(
                "share-file",
                N_("这不是本方的密钥文件"),
                N_("选择 yuanping party new 生成的文件；文件丢失则本方无法揭示，抽取将作废"),
            )
        return share

    @property
    def text(self) -> str:
        """What the file holds. Whoever has it can speak for this party."""
        return (
            canonical_json(
                {
                    "format": FORMAT,
                    "party": self.party,
                    "secret": self.secret.hex(),
                    "seed": self.seed.hex(),
                    **({"seen": {"hash": self.seen[1], "n": self.seen[0]}} if self.seen else {}),
                    "step": "share",
                    "suite": self.suite,
                }
            ).decode()
            + "\n"
        )

    def having_seen(self, record: bytes) -> "OwnShare":
        """The same secrets, remembering the record that was just signed."""
        last = _read(record).events[-1]
        return replace(self, seen=(last.n, last.hash))

    def promise(self) -> Statement:
        """What is said before the draw opens: the public key and the end of the chain."""
        anchor = chain_anchor(self.secret, CHAIN_LENGTH, self.suite).hex()
        return Statement("promise", {"anchor": anchor, "key": self._signer.public, "party": self.party})

    def agree(self, record: bytes) -> Statement:
        """Agrees to line 1, after looking whether it says what this party has promised."""
        lines = self._checked(record, "agreeing")
        return self._said("agree", sig=agree_signature(self._signer, lines.events[0].hash))

    def approve(self, record: bytes) -> Statement:
        """Accepts the warnings of the `lock` line: only asked of the supervisor."""
        lines = self._checked(record, "approving")
        return self._said("approve", sig=approve_signature(self._signer, lines.events[-1].hash))

    def reveal(self, record: bytes) -> Statement:
        """Reveals the share of the open round, after checking everything written before it."""
        lines = self._checked(record, "revealing")
        call = lines.history.last_call
        if self.party not in lines.missing:
            raise Conflict("already-revealed", N_("本方已经揭示了这一轮的份额"), N_("等待抽取结果"))
        share = chain_share(self.secret, CHAIN_LENGTH, call.round_no, self.suite)
        sig = reveal_signature(self._signer, call.hash, share)
        return self._said("reveal", share=share.hex(), sig=sig)

    @property
    def _signer(self) -> Signer:
        return Signer(self.seed)

    def _said(self, step: str, **fields: str) -> Statement:
        return Statement(step, {"party": self.party, **fields})

    def _checked(self, record: bytes, phase: str) -> DrawRecord:
        """The record, if it holds in itself, names this party as it promised, and waits for this step."""
        verdict = verify_record(record)
        if not verdict.ok:
            raise Conflict(
                "record-wrong",
                N_("抄来的抽取记录第 {line} 行有问题，不要签署"),
                N_("重新下载记录；仍有问题请通知监督人员"),
                line=verdict.findings[0].line,
            )
        lines = _read(record)
        promised = self.promise().fields
        mine = [party for party in lines.history.opening.parties if party.name == self.party]
        if not mine or (mine[0].key, mine[0].anchor) != (promised["key"], promised["anchor"]):
            raise Conflict(
                "not-my-promise",
                N_("记录首行所列的本方承诺与本密钥文件不符，不要签署"),
                N_("核对是不是同一次抽取；是同一次则通知监督人员"),
            )
        if lines.history.opening.suite != self.suite:
            raise Conflict(
                "another-suite",
                N_("记录用 {suite}，本密钥文件是为 {own} 生成的：本方将无法揭示，不要签署"),
                N_("请主场终止并重新预约，再用 yuanping party new --suite {suite} 重新生成"),
                suite=lines.history.opening.suite,
                own=self.suite,
            )
        if self.seen and (
            self.seen[0] > len(lines.events) or lines.events[self.seen[0] - 1].hash != self.seen[1]
        ):
            raise Conflict(
                "record-changed",
                N_("记录第 {line} 行与本方上次签署时不同，不要签署"),
                N_("保留两份文件，立即通知监督人员"),
                line=self.seen[0],
            )
        if lines.phase != phase:
            raise Conflict(
                "not-now",
                N_("抽取现在不在等待这一步（当前：{phase}）"),
                N_("下载最新的记录后再试"),
                phase=lines.phase,
            )
        return lines


def _read(record: bytes) -> DrawRecord:
    """The lines alone: a supervisor's copy has the lists opened, too."""
    return DrawRecord.trust(line for line in record.split(b"\n") if line.startswith(b'{"at":'))
