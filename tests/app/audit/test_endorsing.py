"""Stamps from a real service on this machine, and signatures by a program: beside the house's own, and never in its way."""

import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlmodel import select

from app.audit import log_rows, stamps
from app.audit.bundle_check import check
from app.audit.endorsing import Endorser, NotEndorsed
from app.audit.models import AuditCosignature, AuditStamp
from app.audit.signed_note import Note
from app.audit.stamps import StampRefused
from app.audit.tags import Tag
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import InvalidInput
from app.core.settings_records import AuditSettings
from tests.support.databases import furnish
from tests.support.trail_attacks import KEY, Trail
from tests.support.world import START

CONFIG = """
[tsa]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:false
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
"""
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit-log.md"
SM2_SIGNER = DOCUMENT.read_text("utf-8").split("## SM2")[1].split("```sh\n")[1].split("```")[0]
"""The program of the document, word for word."""


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a stamping service, and the folder with its root certificate `ca.pem`; `broken` in the folder breaks it."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf")
    openssl(
        folder,
        "req",
        "-x509",
        *new,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=Test root",
        "-extensions",
        "ca",
    )
    openssl(folder, "req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-extfile", "tsa.cnf", "-extensions", "ext")  # fmt: skip

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl(folder, "ts", "-reply", "-queryfile", "query", "-config", "tsa.cnf", "-section", "tsa", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply")  # fmt: skip
            broken = (folder / "broken").read_text() if (folder / "broken").exists() else ""
            answer = (folder / ("kept" if broken == "old" else "reply")).read_bytes()
            if broken == "cut":
                answer = answer[:1]
            (folder / "kept").write_bytes(answer)
            self.send_response(500 if broken == "away" else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    database = furnish(Database(f"sqlite:///{tmp_path / 'trail.db'}"))
    yield Trail(database, ManualClock(START))
    database.dispose()


def milestone(trail: Trail) -> None:
    trail.record(("case-a", "drawn"), tag=Tag.draw_round)
    trail.sequencer.advance()


def kept(trail: Trail) -> list[AuditStamp]:
    with trail.database.reading() as session:
        return list(session.exec(select(AuditStamp)).all())


def test_milestones_are_stamped_once_and_the_stamp_is_checked_offline(
    trail: Trail, tsa: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = tsa
    roots = folder / "ca.pem"
    endorser = Endorser(trail.database, trail.clock, AuditSettings(tsa_url=url, tsa_roots=roots))
    assert not endorser.stamp()
    trail.fill(1)
    trail.sequencer.advance()
    assert not endorser.stamp()
    milestone(trail)
    assert [endorser.stamp(), endorser.stamp()] == [True, False]
    (stamp,) = kept(trail)
    text = Note.parse(trail.note()).text
    response = b64decode(stamp.token)
    assert stamps.moment_of(response, text, roots) == stamp.stamped_at
    with pytest.raises(StampRefused, match="another text"):
        stamps.moment_of(response, text + b"!")
    other = tmp_path / "other.pem"
    openssl(tmp_path, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out", "other.pem", "-subj", "/CN=x")  # fmt: skip
    with pytest.raises(StampRefused):
        stamps.moment_of(response, text, other)
    # What is exported can be checked with openssl alone.
    verdict = check(trail.export(tmp_path / "audit.zip"), KEY.verifier, [])
    (tmp_path / "stamp.tsr").write_bytes(verdict.stamps[2])
    (tmp_path / "text").write_bytes(verdict.texts[2])
    openssl(tmp_path, "ts", "-verify", "-in", "stamp.tsr", "-data", "text", "-CAfile", str(roots))


@pytest.mark.parametrize(
    ("broken", "reason"), [("away", "status 500"), ("cut", "ASN.1"), ("old", "another question")]
)
def test_a_service_that_fails_is_asked_again_and_holds_no_signature_up(
    trail: Trail, tsa: tuple[str, Path], broken: str, reason: str
) -> None:
    url, folder = tsa
    endorser = Endorser(trail.database, trail.clock, AuditSettings(tsa_url=url))
    milestone(trail)
    endorser.stamp()
    milestone(trail)
    (folder / "broken").write_text(broken)
    with pytest.raises(StampRefused, match=reason):
        endorser.stamp()
    (folder / "broken").unlink()
    milestone(trail)
    assert endorser.stamp()
    assert [stamp.size for stamp in kept(trail)] == [1, 3]


def test_nobody_there_and_no_library_are_said(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    milestone(trail)
    with pytest.raises(StampRefused, match="ConnectError"):
        Endorser(trail.database, trail.clock, AuditSettings(tsa_url="http://127.0.0.1:9/")).stamp()
    assert not Endorser(trail.database, trail.clock, AuditSettings()).stamp()
    monkeypatch.setitem(__import__("sys").modules, "rfc3161_client", None)
    with pytest.raises(InvalidInput, match="timestamps-missing"):
        Endorser(trail.database, trail.clock, AuditSettings(tsa_url="http://127.0.0.1:9/"))


def program(folder: Path, script: str) -> tuple[str, ...]:
    file = folder / "signer"
    file.write_text(script)
    file.chmod(0o755)
    return (str(file),)


def test_a_program_signs_with_sm2_and_the_signature_is_checked_with_openssl(
    trail: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openssl(tmp_path, "genpkey", "-algorithm", "SM2", "-out", "sm2.key")
    openssl(tmp_path, "pkey", "-in", "sm2.key", "-pubout", "-out", "sm2.pub")
    command = program(tmp_path, SM2_SIGNER)
    monkeypatch.setenv("SM2_KEY", str(tmp_path / "sm2.key"))
    endorser = Endorser(trail.database, trail.clock, AuditSettings(sign_command=command))
    assert not endorser.sign()
    trail.fill(1)
    trail.sequencer.advance()
    assert [endorser.sign(), endorser.sign()] == [True, False]
    assert not Endorser(trail.database, trail.clock, AuditSettings()).sign()
    again = Endorser(trail.database, trail.clock, AuditSettings(sign_command=command))
    assert again.sign()  # after a start; what is kept stays
    with trail.database.reading() as session:
        (line,) = session.exec(select(AuditCosignature)).all()
        row = log_rows.last_checkpoint(session)
        assert row is not None
        note = Note.parse(log_rows.note_of(session, row))
    name, key_id, signature = note.signatures[1]
    assert (name, key_id.hex()) == ("house.example/sm2", line.key_id)
    (tmp_path / "text").write_bytes(note.text)
    (tmp_path / "sig").write_bytes(signature)
    check_it = ("pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", "sm2.pub")
    openssl(tmp_path, *check_it, "-in", "text", "-sigfile", "sig")
    assert note.checkpoint(KEY.verifier).size == 1
    (tmp_path / "text").write_bytes(note.text + b"!")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(tmp_path, *check_it, "-in", "text", "-sigfile", "sig")


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho no line\n", "no program"])
def test_a_program_that_fails_is_said_to(trail: Trail, tmp_path: Path, script: str) -> None:
    trail.fill(1)
    trail.sequencer.advance()
    endorser = Endorser(trail.database, trail.clock, AuditSettings(sign_command=program(tmp_path, script)))
    with pytest.raises(NotEndorsed):
        endorser.sign()
