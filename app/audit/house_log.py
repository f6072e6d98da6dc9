"""The log of this house: who signs for it, who may witness it, and all that reads or writes it in one process."""

from dataclasses import dataclass
from hashlib import sha256

from app.audit.endorsing import Endorser
from app.audit.log_proofs import Proofs
from app.audit.sequencer import Log, Sequencer
from app.audit.signed_note import ED25519, NoteMalformed, Signer, Verifier
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.core.settings_records import AuditSettings

_PURPOSE = "audit-log"
_TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class HouseLog:
    """key: what others verify our checkpoints with. witnesses: whose cosignatures are taken."""

    key: Verifier
    witnesses: tuple[Verifier, ...]
    sequencer: Sequencer
    endorser: Endorser
    proofs: Proofs


def open_log(settings: AuditSettings, database: Database, clock: Clock, sealer: Sealer) -> HouseLog:
    """Raises InvalidInput for a witness whose key cannot be read, or a stamping service without the library for it."""
    signer = signer_of(settings, sealer)
    return HouseLog(
        signer.verifier,
        tuple(map(_witness, settings.witnesses)),
        Sequencer(database, clock, Log(signer, settings.checkpoint_s - _TICK_S)),
        Endorser(database, clock, settings),
        Proofs(),
    )


def signer_of(settings: AuditSettings, sealer: Sealer) -> Signer:
    """The log has a key of its own; without a name of its own it is named by that."""
    seed = sealer.derive(_PURPOSE)
    name = settings.origin
    if name is None:
        key = Signer.of_seed(_PURPOSE, seed, ED25519).verifier.key
        name = f"yuanping.audit/{sha256(key).hexdigest()[:16]}"
    return Signer.of_seed(name, seed, ED25519)


def _witness(text: str) -> Verifier:
    try:
        return Verifier.parse(text)
    except NoteMalformed as error:
        raise InvalidInput(
            "witness-key",
            N_("YUANPING_AUDIT__WITNESSES 中的公钥无法识别：{key}"),
            N_("整段复制 yuanping witness-key 输出的公钥"),
            key=text,
        ) from error
