"""What is put beside the house's own signature, after it and never in its way: a time stamp, and a signature by a program."""

import subprocess
from base64 import b64encode

from app.audit import log_rows, stamps
from app.audit.models import AuditCheckpoint, AuditCosignature, AuditStamp
from app.audit.signed_note import Note, NoteMalformed
from app.core.clock import Clock
from app.core.database import Database, in_turn
from app.core.settings_records import AuditSettings

_PATIENCE_S = 10
_LINE_MOST = 4096


class NotEndorsed(Exception):
    """The program did not print a signature line."""


class Endorser:
    """To be asked again and again. Raises where something failed; whoever asks tries again later."""

    def __init__(self, database: Database, clock: Clock, settings: AuditSettings) -> None:
        if settings.tsa_url is not None:
            stamps.require_library()
        self._database, self._clock, self._settings = database, clock, settings
        self._signed = 0

    def stamp(self) -> bool:
        """Has the newest milestone stamped, which vouches for everything before it, too; whether there was one to stamp."""
        url = self._settings.tsa_url
        if url is None:
            return False
        with self._database.reading() as session:
            row = log_rows.last_milestone(session)
            if row is None or log_rows.stamped(session, row.size):
                return False
        got = stamps.request(url, Note.parse(row.note.encode()).text, self._settings.tsa_roots)
        with self._database.transaction() as session:
            in_turn(session, "audit-stamps")
            if not log_rows.stamped(session, row.size):
                session.add(
                    AuditStamp(
                        size=row.size,
                        token=b64encode(got.response).decode(),
                        stamped_at=got.at,
                        at=self._clock.now(),
                    )
                )
        return True

    def sign(self) -> bool:
        """Has the newest checkpoint signed by the program of the settings; whether there was one to sign."""
        if not self._settings.sign_command:
            return False
        with self._database.reading() as session:
            row = log_rows.last_checkpoint(session)
        if row is None or row.size <= self._signed:
            return False
        kept = self._line(row)
        with self._database.transaction() as session:
            in_turn(session, "audit-cosignatures")
            if session.get(AuditCosignature, (kept.size, kept.key_id)) is None:
                session.add(kept)
        self._signed = row.size
        return True

    def _line(self, row: AuditCheckpoint) -> AuditCosignature:
        text = Note.parse(row.note.encode()).text
        try:
            done = subprocess.run(  # noqa: S603 -- the program of whoever runs the house
                self._settings.sign_command, input=text, capture_output=True, timeout=_PATIENCE_S, check=True
            )
            ((name, key_id, _),) = Note.parse(text + b"\n" + done.stdout).signatures
        except (OSError, subprocess.SubprocessError, NoteMalformed, ValueError) as error:
            raise NotEndorsed(f"no signature line: {type(error).__name__}") from error
        line = done.stdout.decode()
        if len(line) > _LINE_MOST:
            raise NotEndorsed("the signature line is too long")
        return AuditCosignature(
            size=row.size, key_id=key_id.hex(), witness=name, line=line, at=self._clock.now()
        )
