"""The roster in memory: read once, then it follows every change, and knows the root of its tree."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock

import numpy as np
from sqlalchemy import func, insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import in_turn
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer
from expert_draw.engine.merkle import Tree
from expert_draw.models import RosterChange, RosterLeaf
from expert_draw.roster_rows import leaf_hash, leaf_salt, read_experts
from expert_draw.roster_view import LEAF_BYTES, Grown, Leaves, RosterView, Words, grown, nobody

_KEPT = 4
_FRESH_TREE = 4
"""A tree is made anew, rather than changed, when more than one leaf in so many differs."""
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class LeafProof:
    """That an expert stood in the roster when it had this root: what a slip shows of it."""

    text: str
    salt: bytes
    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A change of the roster being made (专家库变更): its number, and the roster before it, None if it had no root yet."""

    n: int
    before: RosterView | None


class Rosters:
    """The roster of this process (专家库内存快照). Any number of threads may ask at the same time.

    It assumes nothing about other processes beyond the rows they leave: which change was the last is read every time.
    The views of the last changes are kept, so that a reader with an earlier view of the database, or a writer whose
    transaction was given up, costs nothing.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._key = sealer.derive("roster-leaf")
        self._lock = RLock()
        self._words = Words()
        self._views: list[RosterView] = []
        self._tree = Tree(_sha256)
        self._in_tree: Leaves = np.zeros((0, LEAF_BYTES), dtype=np.uint8)

    def current(self, session: Session) -> RosterView:
        """The roster as this session sees it."""
        while True:
            last = _last(session)
            view = self._seen(session, last)
            # A writer on PostgreSQL sees what others commit from one question to the next: then it asks again.
            if view.recorded or _mark(_last(session)) == _mark(last):
                return view

    def _seen(self, session: Session, last: RosterChange | None) -> RosterView:
        with self._lock:
            if last is None:
                return self._view(
                    grown(nobody(), self._words, self._key, read_experts(session), ()), 0, "", None
                )
            known = next((view for view in self._views if view.mark == last.mark), None)
            if known is not None:
                return known
            view = self._followed(session, last)
            if not view.recorded:
                view = self._read_anew(session, last)
            # A view with another root is not kept: once the altered rows are mended, they must read as mended.
            if view.recorded:
                self._keep(view)
            return view

    def settle(self, session: Session, now: datetime) -> RosterView:
        """As `current`; a roster that was filled before roots were kept gets its first one entered. For writers."""
        view = self.current(session)
        return view if view.n else self.seal(session, now, Change(1, None))

    def begin(self, session: Session) -> Change:
        """What a writer of the roster calls before it writes: the number of its change, and the roster before it."""
        in_turn(session, "roster")
        last = session.exec(select(func.max(RosterChange.n))).one() or 0
        return Change(last + 1, self.current(session) if last else None)

    def seal(
        self,
        session: Session,
        now: datetime,
        change: Change,
        *,
        gone: Collection[str] = (),
        actor: str = "house",
    ) -> RosterView:
        """Enters a change of the roster with the root after it; every writer of the roster ends with this.

        The experts touched carry `change.n` as their revision and are flushed; `gone` are ids of those taken out.
        Raises Conflict `roster-busy` when somebody else has entered a change of that number meanwhile.
        """
        before = change.before or nobody()
        mark = new_id(now)
        with self._lock:
            touched = list(read_experts(session, change.n - 1 if change.before else None))
            view = self._view(grown(before, self._words, self._key, touched, gone), change.n, mark, root=None)
        entry = RosterChange(n=change.n, mark=mark, root=view.root, size=view.size, at=now)
        leaves = [(one.id, one.text) for one in touched] + [(id_, "") for id_ in gone]
        # Who reads as before needs no new leaf: the older one still tells what stood there.
        fresh = [(id_, text) for id_, text in leaves if text != _text_in(before, id_)]
        _enter(session, entry, fresh)
        audit.record(
            session,
            now,
            case="house",
            tag=Tag.roster_changed,
            actor=actor,
            subject="roster",
            data={"change": change.n, "experts": view.size, "root": entry.root, "touched": len(fresh)},
        )
        with self._lock:
            self._keep(view)
        return view

    def proof_then(self, session: Session, root: str, expert_id: str) -> LeafProof:
        """The expert's leaf and path in the roster as it was when it had this root (hex), however long ago.

        Raises NotFound `roster-root` or `roster-stranger`.
        """
        change = session.exec(
            select(RosterChange).where(RosterChange.root == root).order_by(col(RosterChange.n)).limit(1)
        ).first()
        if change is None:
            raise NotFound("roster-root", N_("没有登记过这个专家库根"), N_("核对抽取记录"))
        with self._lock:
            known = next((view for view in self._views if view.mark == change.mark), None)
        if known is not None and known.row(expert_id) is not None:
            return LeafProof(
                known.text(expert_id), known.salt(expert_id), known.leaf(expert_id), known.proof(expert_id)
            )
        texts = _texts_at(session, change.n)
        if expert_id not in texts:
            raise NotFound("roster-stranger", N_("当时专家库中没有这名专家"), N_("核对专家和抽取编号"))
        salt = leaf_salt(self._key, expert_id)
        leaf = leaf_hash(salt, texts[expert_id])
        leaves = (leaf_hash(leaf_salt(self._key, id_), text) for id_, text in texts.items())
        tree = Tree(_sha256, ((one, one) for one in leaves))
        return LeafProof(texts[expert_id], salt, leaf, tree.path(leaf))

    def _followed(self, session: Session, to: RosterChange) -> RosterView:
        """The view after a change, made out of the newest one kept that lies on the same line of history."""
        for base in self._views:
            marks = session.exec(
                select(RosterChange.mark).where(RosterChange.n == base.n, RosterChange.n < to.n)
            ).all()
            if base.mark in marks:
                entered = read_experts(session, base.n)
                gone = session.exec(
                    select(RosterLeaf.expert_id).where(RosterLeaf.n > base.n, RosterLeaf.row == "")
                ).all()
                # Who came back after going has been touched again, and entering comes after leaving.
                without = grown(base, self._words, self._key, (), gone)
                after = grown(without, self._words, self._key, entered, ())
                return self._view(after, to.n, to.mark, to.root)
        return self._read_anew(session, to)

    def _read_anew(self, session: Session, to: RosterChange) -> RosterView:
        everybody = grown(nobody(), self._words, self._key, read_experts(session), ())
        return self._view(everybody, to.n, to.mark, to.root)

    def _view(self, after: Grown, n: int, mark: str, root: str | None) -> RosterView:
        """A view with its root; `root` is what was entered for the change, None for a new one."""
        self._turn(after.leaves)
        found = self._tree.root().hex()
        return RosterView(
            n=n,
            mark=mark,
            root=found,
            size=after.size,
            recorded=root is None or root == found,
            ids=after.ids,
            texts=after.texts,
            columns=after.columns,
            own_code=after.own_code,
            region=after.region,
            leaves=after.leaves,
            words=self._words,
            _row=after.row,
            _key=self._key,
            _path=self._path,
        )

    def _path(self, view: RosterView, leaf: bytes) -> tuple[bytes, ...]:
        with self._lock:
            self._turn(view.leaves)
            return self._tree.path(leaf)

    def _turn(self, leaves: Leaves) -> None:
        """Brings the tree to these leaves, by as many steps as there are differences."""
        if leaves is self._in_tree:
            return
        shared = min(len(leaves), len(self._in_tree))
        differs = np.flatnonzero((leaves[:shared] != self._in_tree[:shared]).any(axis=1))
        old = _hashes(self._in_tree[differs]) + _hashes(self._in_tree[shared:])
        new = _hashes(leaves[differs]) + _hashes(leaves[shared:])
        if (len(old) + len(new)) * _FRESH_TREE > len(leaves):
            self._tree = Tree(_sha256, ((leaf, leaf) for leaf in _hashes(leaves)))
        else:
            for leaf in old:
                self._tree.drop(leaf)
            for leaf in new:
                self._tree.put(leaf, leaf)
        self._in_tree = leaves

    def _keep(self, view: RosterView) -> None:
        self._views = [view, *self._views][:_KEPT]


def _last(session: Session) -> RosterChange | None:
    return session.exec(select(RosterChange).order_by(col(RosterChange.n).desc()).limit(1)).first()


def _mark(change: RosterChange | None) -> str | None:
    return change.mark if change else None


def _hashes(leaves: Leaves) -> list[bytes]:
    """The leaves that are there, as bytes."""
    there = np.ascontiguousarray(leaves[leaves.any(axis=1)])
    raw = there.tobytes()
    return [raw[start : start + LEAF_BYTES] for start in range(0, len(raw), LEAF_BYTES)]


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _text_in(before: RosterView | Grown, expert_id: str) -> str:
    row = before.row(expert_id) if isinstance(before, RosterView) else None
    return "" if row is None else before.texts[row]


def _enter(session: Session, change: RosterChange, leaves: Sequence[tuple[str, str]]) -> None:
    try:
        with session.begin_nested():
            session.add(change)
            session.flush()
    except IntegrityError as error:
        raise Conflict("roster-busy", N_("专家库刚被他人修改"), N_("稍后重试")) from error
    rows = [{"expert_id": id_, "n": change.n, "row": text} for id_, text in leaves]
    for start in range(0, len(rows), _AT_ONCE):
        session.execute(insert(RosterLeaf), rows[start : start + _AT_ONCE])


def _texts_at(session: Session, n: int) -> dict[str, str]:
    """Everybody's row in the tree after change `n`."""
    latest = (
        select(RosterLeaf.expert_id, func.max(RosterLeaf.n).label("n"))
        .where(RosterLeaf.n <= n)
        .group_by(col(RosterLeaf.expert_id))
        .subquery()
    )
    rows: Sequence[tuple[str, str]] = session.exec(
        select(RosterLeaf.expert_id, RosterLeaf.row).join(
            latest, (col(RosterLeaf.expert_id) == latest.c.expert_id) & (col(RosterLeaf.n) == latest.c.n)
        )
    ).all()
    return {expert_id: text for expert_id, text in rows if text}
