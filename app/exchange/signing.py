"""Signs what is posted to another platform, after the rules of Standard Webhooks: any of its libraries can check it."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime


def headers(key: bytes, message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers: HMAC-SHA-256 over id, Unix seconds and the exact bytes of the body, joined by dots."""
    seconds = str(int(at.timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
