"""The figures that a record states before there is any chance, from the certificate they were computed with."""

from collections.abc import Sequence
from fractions import Fraction

from expert_draw.engine.certificate import Certificate
from expert_draw.engine.fixed_entries import Lock, Open, Ratio
from expert_draw.engine.lists import Listing, hasher, leaves_of
from expert_draw.engine.merkle import Hash, Leaf, root_of
from expert_draw.engine.wording import RecordBroken


def lock_of(opening: Open, certificate: Certificate, experts: Listing | None) -> Lock:
    """The `lock` line that tells this certificate. experts: the opened list it was computed from, None without experts."""
    lists, words = tuple(certificate.lists), tuple(sorted(set(certificate.warnings)))
    rows = certificate.chance_rows
    if certificate.feasible is None or rows is None or experts is None:
        return Lock(lists, words)
    hash_ = hasher(opening.suite)
    return Lock(
        lists=lists,
        warnings=words,
        feasible=str(certificate.feasible),
        chances=root_of(hash_, chance_leaves(hash_, experts.nonce, rows)).hex(),
        greatest=_ratio(certificate.greatest),
        least=_ratio(certificate.least),
        ten=_ratio(certificate.ten),
    )


def chance_leaves(hash_: Hash, nonce: bytes, rows: Sequence[tuple[str, int]]) -> list[Leaf]:
    """The leaves of the tree `chances`: (code, in how many feasible committees)."""
    return leaves_of(
        hash_, nonce, [code for code, _ in rows], (chance_row(code, count) for code, count in rows)
    )


def chance_row(code: str, count: int | str) -> str:
    return f'["{code}","{count}"]'


def _ratio(value: Fraction | None) -> Ratio:
    if value is None:
        raise RecordBroken("record.wrong_figures", where="lock")
    return str(value.numerator), str(value.denominator)
