"""A witness goes on with a log that grew, and refuses by name one that was altered, cut, rewritten or forked."""

from collections.abc import Sequence

import pytest

from app.audit.log_tree import Frontier, consistency_proof, leaf_hash
from app.audit.signed_note import Checkpoint, Note, Signer
from app.audit.witnessing import Refused, Witness

HOUSE = Signer.of_seed("example.org/log", bytes(32))
LEAVES = tuple(leaf_hash(b"%d" % n) for n in range(9))
OTHERS = (*LEAVES[:3], leaf_hash(b"!"), *LEAVES[4:])


def told(leaves: Sequence[bytes]) -> Checkpoint:
    return Checkpoint("example.org/log", len(leaves), Frontier().extended(leaves).root)


def note(leaves: Sequence[bytes], signer: Signer = HOUSE) -> bytes:
    return Note(told(leaves).to_text()).signed(signer).to_bytes()


def proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    return consistency_proof(
        first, len(leaves), lambda start, end: Frontier().extended(leaves[start:end]).root
    )


WITNESS = Witness(HOUSE.verifier, told(LEAVES[:5]))


def test_what_is_seen_for_the_first_time_is_believed_and_what_grew_is_followed() -> None:
    for witness, size in ((Witness(HOUSE.verifier), 9), (WITNESS, 5), (WITNESS, 9)):
        fetched, point = witness.read(note(LEAVES[:size]))
        witness.judge(point, proof(LEAVES[:size], witness.size))
        assert (fetched.to_bytes(), point) == (note(LEAVES[:size]), told(LEAVES[:size]))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "altered"),
        (note(LEAVES, Signer.of_seed("example.org/log", b"x" * 32)), "altered"),
        (note(LEAVES[:4]), "rolled-back"),
        (note(OTHERS[:5]), "rewritten"),
    ],
)
def test_a_note_that_cannot_follow_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refused, match=code) as refused:
        WITNESS.read(data)
    assert refused.value.code == code


def test_a_longer_history_that_does_not_begin_with_the_known_one_is_a_fork() -> None:
    _, point = WITNESS.read(note(OTHERS))
    for path in (proof(OTHERS, 5), proof(LEAVES, 5), ()):
        with pytest.raises(Refused, match="forked") as refused:
            WITNESS.judge(point, path)
    assert (refused.value.first, refused.value.last) == (5, 9)
