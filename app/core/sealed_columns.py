"""Every sealed column there is, and how the place of a value in it is spelled.

Whoever seals or unseals takes the column from here, so that rotation, erasure and the tests find all of them.
"""

from dataclasses import dataclass

from app.core.sealing import Place

ERASED = "-"
"""What stands in a sealed column when the text was erased for good; it opens as nothing."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values (封存列). keys: the primary key, in the order in which `at` takes its values.

    fixed: a guard refuses every change, so values stay under the key they were sealed with. inner: sealed under a key of
    the draw, which is itself sealed by the house's, and therefore not by rotation.
    """

    table: str
    column: str
    keys: tuple[str, ...] = ("id",)
    fixed: bool = False
    inner: bool = False

    def at(self, *values: str | int) -> Place:
        """The place of the value in the row of this primary key."""
        if len(values) != len(self.keys):
            raise ValueError(f"a row of {self.table} is named by {', '.join(self.keys)}")
        return Place(self.table, self.column, ":".join(map(str, values)))


AUTHENTICATOR = SealedColumn("second_factor", "secret_sealed")
BIDDER_LIST = SealedColumn("bidder_list", "list_sealed", ("evaluation_id", "n"))
CALL_PHONE = SealedColumn("simulated_call", "phone_sealed", ("sid",))
CALL_SPOKEN = SealedColumn("simulated_call", "spoken_sealed", ("sid",))
CANDIDATES = SealedColumn("candidate_batch", "people_sealed", ("draw_id", "first"), inner=True)
DOCUMENT_BODY = SealedColumn("sent_document", "body_sealed", fixed=True)
DRAW_KEY = SealedColumn("draw", "key_sealed")
DRAW_SALT = SealedColumn("draw", "salt_sealed")
EXPERT_IDENTITY = SealedColumn("expert", "identity_sealed")
EXPERT_NAME = SealedColumn("expert", "name_sealed")
EXPERT_PHONE = SealedColumn("expert", "phone_sealed")
INVITED = SealedColumn("invitation", "expert_sealed", inner=True)
MESSAGE_TO = SealedColumn("outgoing_message", "to_sealed")
MESSAGE_VARIABLES = SealedColumn("outgoing_message", "variables_sealed")
PARTY_KEY = SealedColumn("draw_party", "key_sealed", ("evaluation_id", "party"))
PARTY_SECRET = SealedColumn("draw_party", "secret_sealed", ("evaluation_id", "party"))
REPORT_FIELDS = SealedColumn("simulated_report", "fields_sealed")
TEXT_BODY = SealedColumn("simulated_text", "body_sealed", ("sid",))
TEXT_PHONE = SealedColumn("simulated_text", "phone_sealed", ("sid",))

SEALED_COLUMNS = (
    AUTHENTICATOR,
    BIDDER_LIST,
    CALL_PHONE,
    CALL_SPOKEN,
    CANDIDATES,
    DOCUMENT_BODY,
    DRAW_KEY,
    DRAW_SALT,
    EXPERT_IDENTITY,
    EXPERT_NAME,
    EXPERT_PHONE,
    INVITED,
    MESSAGE_TO,
    MESSAGE_VARIABLES,
    PARTY_KEY,
    PARTY_SECRET,
    REPORT_FIELDS,
    TEXT_BODY,
    TEXT_PHONE,
)
