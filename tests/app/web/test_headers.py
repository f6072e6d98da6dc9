"""What the headers allow, said once more beside them: a change of either has to be meant."""

from app.web.headers import HEADERS, content_security_policy, headers_for


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
    for path in ("/party/secret", "/api/party/secret/record", "/sign-in/ticket/token"):
        assert headers_for(path)["Referrer-Policy"] == "no-referrer"
