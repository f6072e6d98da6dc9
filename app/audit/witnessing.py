"""How a witness judges what a house shows it: signed by its key, and grown from what the witness remembers (见证)."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.audit.log_tree import EMPTY_ROOT, is_consistent
from app.audit.signed_note import Checkpoint, Note, NoteMalformed, Verifier
from app.core.i18n import N_


class Refused(Exception):
    """The house shows a history that is not the one remembered. code: `altered`, `forked`, `rewritten` or `rolled-back`.

    reason: a text of the catalogue, with `first` and `last` for the sizes.
    """

    def __init__(self, code: str, reason: str, first: int = 0, last: int = 0) -> None:
        super().__init__(code)
        self.code, self.reason, self.first, self.last = code, reason, first, last


@dataclass(frozen=True, slots=True)
class Witness:
    """key: of the house. remembered: the last checkpoint that was found good, if any."""

    key: Verifier
    remembered: Checkpoint | None = None

    def read(self, data: bytes) -> tuple[Note, Checkpoint]:
        """The note that was fetched. Raises Refused when it is not signed by the house, or older than what is remembered."""
        try:
            note = Note.parse(data)
            told = note.checkpoint(self.key)
        except NoteMalformed as error:
            raise Refused("altered", N_("不是由该公钥签署的检查点")) from error
        if told.size < self.size:
            raise Refused(
                "rolled-back", N_("日志被回退：曾签署 {first} 条，现在只有 {last} 条"), self.size, told.size
            )
        if told.size == self.size and told.root != self.root:
            raise Refused(
                "rewritten", N_("历史被改写：同样 {last} 条留痕，根哈希却不同"), self.size, told.size
            )
        return note, told

    def judge(self, told: Checkpoint, proof: Sequence[bytes]) -> None:
        """Raises Refused unless what is told begins with what is remembered. proof: from the one to the other."""
        if not is_consistent(self.size, self.root, told.size, told.root, proof):
            raise Refused(
                "forked",
                N_("历史分叉：现在的 {last} 条留痕并不以曾签署的 {first} 条开头"),
                self.size,
                told.size,
            )

    @property
    def size(self) -> int:
        return self.remembered.size if self.remembered else 0

    @property
    def root(self) -> bytes:
        return self.remembered.root if self.remembered else EMPTY_ROOT
