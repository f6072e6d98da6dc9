"""What the headers allow, said once more beside them: a change of either has to be meant."""

import re
from collections.abc import Iterator

import pytest

from app.accounts.access import doors
from app.web.headers import HEADERS, content_security_policy, headers_for
from tests.support.web import WebHouse, open_web


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    opened = open_web(tmp_path_factory.mktemp("house"))
    yield opened
    opened.close()


def policy(text: str) -> dict[str, set[str]]:
    return {name: set(sources) for name, *sources in (part.split() for part in text.split("; "))}


def test_pages_load_nothing_from_elsewhere_run_nothing_inline_and_are_framed_by_nobody() -> None:
    found = policy(HEADERS["Content-Security-Policy"])
    nobody = ("base-uri", "frame-ancestors", "frame-src", "manifest-src", "object-src", "worker-src")
    assert {name: found[name] for name in nobody} == {name: {"'none'"} for name in nobody}
    ours = ("connect-src", "default-src", "form-action", "script-src", "style-src")
    assert {name: found[name] for name in ours} == {name: {"'self'"} for name in ours}
    assert set.union(*found.values()) == {"'none'", "'self'", "blob:", "data:"}
    workers = policy(content_security_policy("wss://host:8001"))
    assert workers == {**found, "connect-src": {"'self'", "wss://host:8001"}}


def test_nothing_is_guessed_kept_shared_or_told_elsewhere() -> None:
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Cache-Control"] == "no-store"
    assert HEADERS["Cross-Origin-Opener-Policy"] == HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers_for("/today")["Referrer-Policy"] == "same-origin"


def test_an_address_that_is_a_key_is_told_to_nobody(open_house: WebHouse) -> None:
    keys = re.compile(r"\{(code|secret|token)\}")
    paths = {door.path for door in doors(open_house.application) if keys.search(door.path)} | {"/set-up"}
    assert {"/a/{code}", "/welcome/{secret}", "/party/{secret}"} <= paths
    for path in sorted(path for path in paths if not path.startswith("/hooks/")):
        found = headers_for(path)
        assert (found["Referrer-Policy"], found["X-Robots-Tag"]) in {
            ("no-referrer", "noindex"),
            ("strict-origin", "noindex"),  # a form stands there
        }, path
