"""The headers that every answer carries: what a page of ours may load, and who may frame it (nobody)."""

_POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "frame-src": "'none'",
    "manifest-src": "'none'",
    "object-src": "'none'",
    "worker-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def content_security_policy(*connect: str) -> str:
    """What pages may load. connect: origins that they may open connections to beside the service's own."""
    policy = {**_POLICY, "connect-src": " ".join(["'self'", *connect])}
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


CONTENT_SECURITY_POLICY = content_security_policy()
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    # Pages and data are personal to whoever is signed in; only static files say otherwise themselves.
    "Cache-Control": "no-store",
}
_SECRET_PATHS = ("/api/party/", "/party/", "/sign-in/ticket/")
_SECRET_FORMS = ("/a/", "/set-up", "/welcome/")
_SECRET = {**HEADERS, "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_SECRET_WITH_FORM = {**_SECRET, "Referrer-Policy": "strict-origin"}
"""Of an address that is itself the key nobody is told anything. Under `no-referrer` a form would say that it comes from nowhere,
which an older phone has no other way to tell, so a link that leads to one is told the name of the house and nothing behind it."""


def headers_for(path: str) -> dict[str, str]:
    """What an answer under this path carries unless it says otherwise itself."""
    if path.startswith(_SECRET_FORMS):
        return _SECRET_WITH_FORM
    return _SECRET if path.startswith(_SECRET_PATHS) else HEADERS


HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
