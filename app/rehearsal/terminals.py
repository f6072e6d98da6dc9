"""A pretend seat terminal: what the browser of one does with its key (app/web/static/js/terminal.js), without a browser."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from venue.proofs import Purpose, signed_text

_COORDINATE = 32


class SoftwareTerminal:
    """A key, and the id under which it was enrolled; empty before."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.id = ""

    @property
    def jwk(self) -> dict[str, str]:
        """The public half, as Web Crypto exports it."""
        point = self._key.public_key().public_numbers()
        x, y = (_text(number.to_bytes(_COORDINATE, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def sign(self, purpose: Purpose, challenge: str, said: str = "") -> str:
        r, s = decode_dss_signature(self._key.sign(signed_text(purpose, challenge, said), ec.ECDSA(SHA256())))
        return _text(r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big"))

    def proof(self, purpose: Purpose, challenge: str, said: str = "") -> dict[str, object]:
        """What is shown for a question, as the interface takes it."""
        return {
            "terminal": self.id,
            "challenge": challenge,
            "signature": self.sign(purpose, challenge, said),
        }

    def vouch(self, challenge: str, said: str) -> str:
        """What goes with a request that writes `said`, as `venue.at_terminal.HEADER` has it."""
        return " ".join((self.id, challenge, self.sign(Purpose.save, challenge, said)))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
