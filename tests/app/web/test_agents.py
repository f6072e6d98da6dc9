"""What a browser calls itself, in the few words by which its owner recognizes it."""

import pytest

from app.web.agents import in_words

ENGINE = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {ENGINE} Chrome/140.0 Safari/537.36",
            "Chrome · Windows",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0) {ENGINE} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox · Linux"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {ENGINE} Safari/604.1", "Safari · iPhone"),
        (f"Mozilla/5.0 (Linux; Android 15) {ENGINE} Chrome/140 MicroMessenger/8.0", "WeChat · Android"),
        ("python-httpx/1.0", "python-httpx"),
        ("x" * 500, "x" * 24),
        ("a\x00b", "ab"),
        ("", ""),
    ],
)
def test_a_browser_is_named_in_words(user_agent: str, words: str) -> None:
    assert in_words(user_agent) == words
