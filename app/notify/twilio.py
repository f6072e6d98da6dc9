"""The one door to Twilio: hands calls and texts over, writes what a call says, and knows a genuine report.

Measured traps this door keeps shut: the async client ignores its own time-out (asyncio's is used), its
`max_retries` repeats a POST on 5xx (never set), and it logs numbers and texts (its logger is silenced).
"""

import asyncio
import base64
import hmac
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
from twilio.auth_strategy.auth_strategy import AuthStrategy
from twilio.auth_strategy.auth_type import AuthType
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.credential.credential_provider import CredentialProvider
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import Gather, VoiceResponse

from app.notify import wording
from app.notify.delivery import state_of
from app.notify.messenger import (
    FateUnknown,
    Found,
    LookUpFailed,
    Outgoing,
    PutBack,
    Rejected,
    SendResult,
    Taken,
)
from app.notify.pacing import CalleeLimit

SIGNATURE_HEADER = "X-Twilio-Signature"
# The number is at fault, or its owner: no later try will do. Whatever else is refused blames us or our account, and is mended
# by a person: nobody may count as unreachable because of a wrong setting of ours.
_NUMBER_CODES = frozenset(
    {13223, 13224, 13225, 13227, 21211, 21214, 21217, 21219, 21265, 21421, 21610, 21612, 21614, 21635}
    | set(range(30003, 30008))
)
_LOOKED_AT = 50
_SHORTEST_S, _LONGEST_S = 1, 36_000
_CALL_LIMIT_S = 300
_AGENT_RING_S, _TALK_LIMIT_S = 30, 1800
_SERVER_ERROR, _REQUEST_TIMEOUT, _NOT_FOUND = 500, 408, 404
_PAUSE_S = 2
_RETRY_REPORTS = "#rc=5&rp=all"  # Twilio itself repeats a report that we could not take

_log = logging.getLogger(__name__)
_silent = logging.getLogger("yuanping.twilio-client")
_silent.disabled = True

PACE = {"voice": 1.0, "sms": 10.0}
"""What an account may create a second unless its owner has arranged for more."""
LIMITS = (
    CalleeLimit("voice", 1, 60),
    CalleeLimit("voice", 5, 3_600),
    CalleeLimit("voice", 20, 86_400),
    CalleeLimit("sms", 20, 86_400),
)
"""Nobody wants to be rung up more often than that, whatever the provider would do."""


class _BasicStrategy(AuthStrategy):  # type: ignore[misc]
    """The account's name and token as a header; the client's own way is deprecated in aiohttp."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        super().__init__(AuthType.BASIC)
        self._header = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()

    def get_auth_string(self) -> str:
        return self._header

    def requires_authentication(self) -> bool:
        return True


class _BasicCredentials(CredentialProvider):  # type: ignore[misc]
    def __init__(self, account_sid: str, auth_token: str) -> None:
        super().__init__(AuthType.BASIC)
        self._strategy = _BasicStrategy(account_sid, auth_token)

    def to_auth_strategy(self) -> AuthStrategy:
        return self._strategy


class _ExactClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Posts a form byte by byte as `wire` has written it, and nothing that was not written before."""

    async def request(
        self, method: str, url: str, params: Any = None, data: Any = None, **options: Any
    ) -> Any:
        if data is not None:
            if (body := _form(data)) != _expected.get():
                raise WireMismatch
            data = body
        return await super().request(method, url, params, data, **options)


class WireMismatch(Exception):
    """The client library would send something else than what was written down: it has changed, and nothing leaves."""


_expected: ContextVar[bytes | None] = ContextVar("expected", default=None)


class TwilioMessenger:
    """Twilio as a carrier; made inside the running event loop, closed by `close`.

    `base_url` points the same client at the built-in simulator. `public_url` is where Twilio reaches us.
    """

    def __init__(
        self,
        *,
        name: str,
        pace: Mapping[str, float],
        limits: tuple[CalleeLimit, ...],
        account_sid: str,
        auth_token: str,
        from_number: str,
        public_url: str,
        timeout_s: float,
        base_url: str | None = None,
    ) -> None:
        self.name = name
        self.pace = pace
        self.limits = limits
        self._http = _ExactClient(logger=_silent)
        self._client = Client(
            account_sid=account_sid,
            http_client=self._http,
            credential_provider=_BasicCredentials(account_sid, auth_token),
            # A region in the environment would rewrite the host, also that of the simulator.
            environment={"TWILIO_REGION": "", "TWILIO_EDGE": ""},
        )
        if base_url is not None:
            self._client.api.base_url = base_url
        self._from = from_number
        self._public_url = public_url
        self._timeout_s = timeout_s

    def wire(self, message: Outgoing) -> bytes:
        named = {_field(name): value for name, value in self._arguments(message).items()}
        return _form(named)

    async def send(self, message: Outgoing) -> SendResult:
        resource = self._client.calls if message.channel == "voice" else self._client.messages
        expected = _expected.set(self.wire(message))
        try:
            async with asyncio.timeout(self._timeout_s):
                created = await resource.create_async(**self._arguments(message))
        except WireMismatch:
            _log.error(
                "the client library does not post what was written down; message %s stays", message.message_id
            )
            return PutBack("wire-mismatch")
        except (TwilioRestException, TwilioServiceException) as error:
            return _refusal(error.status, error.code)
        except aiohttp.ClientConnectorError:
            return PutBack("connect")
        except TimeoutError:
            return FateUnknown("timeout")
        except (aiohttp.ClientError, TwilioException, OSError, ValueError) as error:
            # The request left and no readable reply came back: a ValueError is a reply that is not JSON.
            return FateUnknown(type(error).__name__[:32])
        finally:
            _expected.reset(expected)
        return Taken(str(created.sid)) if created.sid else FateUnknown("no-sid")

    async def find(self, channel: str, to: str) -> tuple[Found, ...]:
        listing = self._client.calls if channel == "voice" else self._client.messages
        records = await self._look_up(listing.list_async(to=to, limit=_LOOKED_AT, page_size=_LOOKED_AT))
        return tuple(_found(record) for record in records or ())

    async def fetch(self, channel: str, sid: str, to: str) -> Found | None:  # noqa: ARG002 -- the id says it all
        context = self._client.calls(sid) if channel == "voice" else self._client.messages(sid)
        record = await self._look_up(context.fetch_async())
        return None if record is None else _found(record)

    async def close(self) -> None:
        await self._http.close()

    def _arguments(self, message: Outgoing) -> dict[str, Any]:
        """What the client library is asked to create, by the names of its arguments."""
        common = {"to": message.to, "from_": self._from, "status_callback": self._report_url(message)}
        if message.channel == "voice":
            document = f"{self._public_url}/hooks/twilio/voice/{message.message_id}"
            return {
                **common,
                "url": document,
                "method": "POST",
                "fallback_url": document,
                "fallback_method": "POST",
                "status_callback_event": ["initiated", "ringing", "answered", "completed"],
                "status_callback_method": "POST",
                "timeout": message.ring_s,
                "time_limit": _CALL_LIMIT_S,
            }
        body = wording.render(message.template, message.language, message.variables, self._public_url)
        text: dict[str, Any] = {**common, "body": body, "content_retention": "discard"}
        if message.valid_s is not None:
            text["validity_period"] = max(_SHORTEST_S, min(message.valid_s, _LONGEST_S))
        return text

    def _report_url(self, message: Outgoing) -> str:
        """Carries our own id, so that a report finds its message even when the reply to the send was lost."""
        return f"{self._public_url}/hooks/twilio/status/{message.message_id}{_RETRY_REPORTS}"

    async def _look_up(self, question: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await question
        except (TwilioRestException, TwilioServiceException) as error:
            if error.status == _NOT_FOUND:
                return None
            raise LookUpFailed(f"{error.status} {error.code}") from error
        except (TwilioException, aiohttp.ClientError, OSError, ValueError) as error:
            raise LookUpFailed(type(error).__name__) from error


def _field(argument: str) -> str:
    """The provider's name of an argument: `status_callback` is StatusCallback, `from_` From."""
    return "".join(part.capitalize() for part in argument.split("_"))


def _form(fields: Mapping[str, Any]) -> bytes:
    """The fields as a form is posted, in alphabetical order."""
    return urlencode(sorted(fields.items()), doseq=True).encode()


def _refusal(status: int, code: int | None) -> SendResult:
    text = str(code or status)
    if code in _NUMBER_CODES:
        return Rejected(text)
    if status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT:
        return FateUnknown(text)
    return PutBack(text)


def _found(record: Any) -> Found:
    created: datetime | None = record.date_created
    error = getattr(record, "error_code", None)
    return Found(
        sid=str(record.sid),
        state=state_of(str(record.status)),
        created_at=created,
        body=getattr(record, "body", None),
        error_code=str(error) if error else None,
    )


class Signatures:
    """Tells genuine reports from forged ones; two tokens are accepted while one is being replaced."""

    def __init__(self, public_url: str, *tokens: str | None) -> None:
        self._public_url = public_url
        self._validators = tuple(RequestValidator(token) for token in tokens if token)

    def genuine(self, raw_path: str, raw_query: str, fields: Any, signature: str | None) -> bool:
        """Whether the provider signed exactly this; path and query as they came, never rebuilt."""
        if not signature:
            return False
        url = f"{self._public_url}{raw_path}" + (f"?{raw_query}" if raw_query else "")
        return any(self._signed(validator, url, fields, signature) for validator in self._validators)

    def _signed(self, validator: RequestValidator, url: str, fields: Any, signature: str) -> bool:
        """Nearly always the address itself was signed; the library also knows how else its port may have been written."""
        expected = validator.compute_signature(url, fields)
        return hmac.compare_digest(expected.encode(), signature.encode()) or validator.validate(
            url, fields, signature
        )


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    """The signature Twilio would send with these fields to this URL."""
    return str(RequestValidator(token).compute_signature(url, dict(fields)))


def ask_document(text: str, language: str, action: str, wait_s: int = 6) -> str:
    """A call that speaks and waits for one key; the whole text may be interrupted by the key."""
    response = VoiceResponse()
    gather = Gather(
        input="dtmf", num_digits=1, action=action, method="POST", timeout=wait_s, action_on_empty_result=True
    )
    gather.say(text, language=wording.spoken_language(language))
    response.append(gather)
    return str(response)


def connecting_document(text: str, language: str, number: str, caller_id: str, action: str) -> str:
    """A call that speaks and is put through to `number`, which sees `caller_id` and never who calls."""
    response = VoiceResponse()
    response.say(text, language=wording.spoken_language(language))
    response.dial(
        number,
        caller_id=caller_id,
        action=action,
        method="POST",
        timeout=_AGENT_RING_S,
        time_limit=_TALK_LIMIT_S,
    )
    return str(response)


def closing_document(text: str, language: str) -> str:
    """A call that speaks and hangs up."""
    response = VoiceResponse()
    response.say(text, language=wording.spoken_language(language))
    response.hangup()
    return str(response)


def patience_document(text: str, language: str, again: str) -> str:
    """A call that speaks, waits a little and asks once more at this address."""
    response = VoiceResponse()
    response.say(text, language=wording.spoken_language(language))
    response.pause(length=_PAUSE_S)
    response.redirect(again, method="POST")
    return str(response)


def reply_document(text: str | None) -> str:
    """The answer to a text: one more text, or nothing."""
    response = MessagingResponse()
    if text is not None:
        response.message(text)
    return str(response)
