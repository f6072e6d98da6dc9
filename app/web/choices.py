"""What a reader likes, a language or a theme, as their browser keeps it; a page's script may set the theme itself."""

from starlette.requests import HTTPConnection


def cookie_name(name: str, *, secure: bool) -> str:
    """Over HTTPS bound to this very host, as the session is: no neighbor in the domain can set it."""
    return f"__Host-{name}" if secure else name


def chosen(connection: HTTPConnection, name: str) -> tuple[str | None, str | None]:
    """What the address asks for, and what the browser remembers."""
    secure = connection.url.scheme in {"https", "wss"}
    return connection.query_params.get(name), connection.cookies.get(cookie_name(name, secure=secure))
