"""What the house remembers of itself."""

from sqlmodel import Field, SQLModel


class KeyCheck(SQLModel, table=True):
    """By what the master key is recognized (密钥校验值); a single row, and nothing leads from it back to the key."""

    __tablename__ = "key_check"

    id: int = Field(default=1, primary_key=True)
    fingerprint: str = Field(max_length=64)
