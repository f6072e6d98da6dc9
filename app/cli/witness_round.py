"""One round of a witness: fetch a house's checkpoint, compare it with the one kept, keep it, and sign it."""

import os
from datetime import datetime
from pathlib import Path

import httpx2

from app.audit.signed_note import COSIGNATURE, Checkpoint, Note, Signer, Verifier
from app.audit.witnessing import Refused, Witness
from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_

_PATIENCE_S = 30.0
_OK = 200
_MOST = 1024 * 1024


def client() -> httpx2.Client:
    """What the house is asked with; the settings of the surroundings do not lead it elsewhere."""
    return httpx2.Client(timeout=_PATIENCE_S, trust_env=False)


def make(
    asked: httpx2.Client, url: str, key: Verifier, state: Path, signer: Signer | None, now: datetime
) -> tuple[Checkpoint, tuple[str, ...]]:
    """What was found good and is kept now, and who has cosigned it. state: file of the last checkpoint; not there at first.

    Raises Refused, having kept what was shown beside the state; InvalidInput for a state that is none; Unavailable when the house
    does not answer. The state is written before anything is signed: a witness never signs what it would forget.
    """
    if signer is not None and signer.verifier.kind != COSIGNATURE:
        raise InvalidInput("witness-key-kind", N_("这不是见证密钥"), N_("用 yuanping witness-key 生成"))
    house = _House(asked, url.rstrip("/"))
    knows = Witness(key, _kept(state, key))
    fetched = house.get("/api/audit/checkpoint").content
    try:
        note, told = knows.read(fetched)
        knows.judge(told, house.consistency(knows.size, told.size))
    except Refused:
        _write(state.with_name(f"{state.name}.refused"), fetched)
        raise
    own = Note(note.text, tuple(one for one in note.signatures if (one[0], one[1]) == (key.name, key.key_id)))
    _write(state, own.to_bytes())
    if signer is None:
        return told, ()
    return told, house.cosign(own.signed(signer, int(now.timestamp())))


class _House:
    def __init__(self, client: httpx2.Client, url: str) -> None:
        self._client, self._url = client, url

    def get(self, path: str, **asked: int) -> httpx2.Response:
        return self._answered(self._client.build_request("GET", self._url + path, params=asked))

    def consistency(self, first: int, last: int) -> tuple[bytes, ...]:
        if first in {0, last}:
            return ()
        try:
            told = self.get("/api/audit/consistency", first=first, last=last).json()
            return tuple(bytes.fromhex(node) for node in told["proof"])
        except (ValueError, TypeError, KeyError):
            return ()  # what is no proof proves nothing

    def cosign(self, note: Note) -> tuple[str, ...]:
        body = {"note": note.to_bytes().decode()}
        asked = self._client.build_request("POST", f"{self._url}/api/audit/cosignatures", json=body)
        return tuple(map(str, self._answered(asked).json()["witnesses"]))

    def _answered(self, asked: httpx2.Request) -> httpx2.Response:
        try:
            answer = self._client.send(asked)
        except httpx2.HTTPError as error:
            raise self._away(type(error).__name__) from error
        if answer.status_code != _OK or len(answer.content) > _MOST:
            raise self._away(f"{answer.status_code} {answer.text[:200]}")
        return answer

    def _away(self, reason: str) -> Unavailable:
        return Unavailable(
            "house-away",
            N_("{url} 没有按预期应答：{reason}"),
            N_("核对地址和网络；对方若拒绝联署，请其把您的公钥加入见证方"),
            url=self._url,
            reason=reason,
        )


def _kept(state: Path, key: Verifier) -> Checkpoint | None:
    try:
        data = state.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Note.parse(data).checkpoint(key)
    except ValueError as error:
        raise InvalidInput(
            "witness-state",
            N_("{path} 不是由该公钥签署的检查点"),
            N_("核对 --key；更换对方或公钥时换一个 --state 文件，不要覆盖旧的"),
            path=state,
        ) from error


def _write(file: Path, data: bytes) -> None:
    """Wholly or not at all, and on the disk before it counts."""
    part = file.with_name(f"{file.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb") as written:
        written.write(data)
        written.flush()
        os.fsync(written.fileno())
    part.replace(file)
