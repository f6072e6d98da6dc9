"""Proofs out of rows are those out of leaves in memory, whatever was asked for before."""

from pathlib import Path

import pytest

from app.audit import log_rows
from app.audit.log_proofs import Proofs
from app.audit.log_tree import Frontier, consistency_proof, inclusion_proof, leaf_hash
from app.core.database import Database
from tests.support.databases import furnish

LEAVES = tuple(leaf_hash(b"%d" % n) for n in range(45))


def subtree(start: int, end: int) -> bytes:
    return Frontier().extended(LEAVES[start:end]).root


def test_every_proof_is_the_same_with_and_without_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.audit.log_proofs._BLOCK", 4)
    monkeypatch.setattr("app.audit.log_proofs._BLOCKS", 3)
    database = furnish(Database(f"sqlite:///{tmp_path / 'log.db'}"))
    with database.transaction() as session:
        log_rows.append(session, 0, list(enumerate(LEAVES[:30])))
    proofs = Proofs()
    with database.transaction() as session:
        for size in (1, 4, 5, 16, 30, 31, 45):
            if size == 31:  # the log grows while proofs are kept
                log_rows.append(session, 30, list(enumerate(LEAVES[30:], 30)))
            for place in range(0, size, 2):
                kept = proofs.inclusion(session, place, size)
                assert kept == inclusion_proof(place, size, subtree)
                kept = proofs.consistency(session, place, size)
                assert kept == consistency_proof(place, size, subtree)
    database.dispose()
