"""Rows of experts for tests that fill the roster without sealing anything."""

from tests.support.halls import NOW


def expert_row(number: int, **changes: object) -> dict[str, object]:
    """The columns of an expert of whom nothing matters but what is changed."""
    return {
        "id": f"e{number}",
        "number": f"ZJ-{number:04d}",
        "name_sealed": "x",
        "gender": "1",
        "identity_sealed": "x",
        "identity_fingerprint": f"i{number}",
        "birth_year": 1980,
        "region_code": "530102",
        "phone_sealed": "x",
        "phone_fingerprint": f"p{number}",
        "employer": f"单位{number}",
        "employer_code": f"91{number}",
        "title": "教授",
        "state": "active",
        "entered_at": NOW,
        "imported_at": NOW,
        **changes,
    }
