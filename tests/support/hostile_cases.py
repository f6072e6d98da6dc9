"""What hostile callers send: schemathesis over the whole interface, pages and their forms included, and what it would not send."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable

from app.web.pages import booking_form
from tests.support.hostile import Door, HostileHouse, Knock
from tools.groundwork import ROOT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.core.result import Ok

_BASE = "http://testserver"
_NAMED = re.compile(r"\{(\w+)(?::path)?\}")
_FORM = "application/x-www-form-urlencoded"
_JSON, _KIND = b"application/json", b"content-type"
_PASSED_ON = {"content-type", "accept"}
_DEEP = 100_000
_LAST = {"POST /sign-out"}
Given = tuple[Door, Knock]


def cases(
    house: HostileHouse, each: int, number: int = 1, only: Callable[[str], bool] = lambda _label: True
) -> Iterator[Given]:
    """About so many requests for each door, the same for the same number; first what only asks, then what acts.

    only: which of the operations, by labels as `POST /seat`.
    """
    document = _whole_document(house)
    document["paths"] = {
        path: wanted
        for path, methods in document["paths"].items()
        if (wanted := {method: one for method, one in methods.items() if only(f"{method.upper()} {path}")})
    }
    schema = schemathesis.openapi.from_dict(document)
    by_label = {f"{door.method} {_plain(door.path)}": door for door in house.doors}
    found = sorted(
        (one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)),
        key=lambda one: (one.method != "get", one.label in _LAST, one.label),
    )
    for operation in found:
        door = by_label[operation.label]
        sent = operation.body or operation.query
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if sent else (GenerationMode.POSITIVE,)
        for mode in modes:
            strategy = operation.as_strategy(generation_mode=mode)
            for at, case in enumerate(_drawn(strategy, max(each // len(modes), 1), number)):
                yield door, _knock(case, house.known, at)
        for knock in rough(door, house.known):
            yield door, knock


def rough(door: Door, known: Mapping[str, Sequence[str]]) -> Iterator[Knock]:
    """What no schema would make: broken encodings, depths, types and paths."""
    path = _path(door.path, {name: values[0] for name, values in known.items()})
    if door.method == "GET":
        for broken in ("%ff%fe", "%00", "..%2f..%2fetc%2fpasswd", "%F0%9F%92%A9" * 50, "1e999", "-1", "٣"):
            yield Knock("GET", _path(door.path, dict.fromkeys(known, broken)))
        yield Knock("GET", f"{path}?lang=%ff&at=9999-99-99&state[]=x&from=1e400&=&&")
        yield Knock(
            "GET",
            path,
            ((b"range", b"bytes=9999999999999999999-1"), (b"cookie", b"yuanping=\xff; lang=\x01")),
        )
        return
    bodies: tuple[tuple[bytes, bytes], ...] = (
        (_JSON, b"[" * _DEEP),
        (_JSON, b'{"a":' * _DEEP),
        (_JSON, b'{"reason": "\\ud800", "text": "\\u0000"}'),
        (_JSON, b'{"minutes": 1e999, "seat_no": NaN, "revision": 123456789012345678901234567890}'),
        (_JSON, b"\xff\xfe\x00{"),
        (
            _FORM.encode(),
            b"reason=%ff%00%ed%a0%80&act=%00&minutes=99999999999999999999&starts_at=0000-00-00T99:99",
        ),
        (_FORM.encode(), b"&".join(b"a%d=1" % number for number in range(5000))),
        (
            b"multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="sheet"; filename="\xff.xlsx"\r\n\r\nPK\x03\x04\r\n--x--',
        ),
        (b"multipart/form-data", b"--"),
        (b"text/xml; charset=utf-99", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
    )
    for kind, body in bodies:
        yield Knock(door.method, path, ((_KIND, kind),), body)


def _drawn(strategy: Any, count: int, number: int) -> list[Any]:
    """So many examples of a strategy, always the same ones for a number."""
    found: list[Any] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    try:
        collect()
    except Unsatisfiable:  # nothing of it can be sent wrongly
        return []
    return found


def _knock(case: Any, known: Mapping[str, Sequence[str]], at: int) -> Knock:
    """The case as it is sent; two of three name what exists, so that what lies behind is reached."""
    for name in tuple(case.path_parameters):
        values = known.get(name)
        if values and at % 3:
            case.path_parameters[name] = values[at % len(values)]
    prepared = requests.Request(
        **{
            name: value
            for name, value in case.as_transport_kwargs(base_url=_BASE).items()
            if name != "timeout"
        }
    ).prepare()
    address = urlsplit(str(prepared.url))
    body = prepared.body or b""
    headers = tuple(
        (name.lower().encode(), value.encode("utf-8") if isinstance(value, str) else value)
        for name, value in prepared.headers.items()
        if name.lower() in _PASSED_ON
    )
    target = address.path + (f"?{address.query}" if address.query else "")
    return Knock(
        str(prepared.method), target, headers, body if isinstance(body, bytes) else str(body).encode()
    )


def _whole_document(house: HostileHouse) -> dict[str, Any]:
    """The interface's own description, and the pages' beside it."""
    document: dict[str, Any] = house.application.openapi()
    paths = document["paths"] = dict(document["paths"])
    fields = {"type": "object", "properties": {name: _field(name, house.known) for name in _field_names()}}
    for door in house.doors:
        path = _plain(door.path)
        if door.method.lower() in paths.get(path, {}):
            continue
        operation: dict[str, Any] = {"responses": {"200": {"description": "a page"}}}
        named = _NAMED.findall(door.path)
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in named
        ]
        if door.method == "GET":
            operation["parameters"] += [
                {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
                for name in ("lang", "act", "next")
            ]
        else:
            operation["requestBody"] = {"content": {_FORM: {"schema": fields}}}
        paths[path] = {**paths.get(path, {}), door.method.lower(): operation}
    return document


def _field(name: str, known: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    values = known.get(name)
    return {"anyOf": [{"type": "string"}, {"enum": list(values)}]} if values else {"type": "string"}


def _field_names() -> list[str]:
    """Every field that a page's form may hold, as the pages read them."""
    pages = (ROOT / "app/web/pages").glob("*.py")
    found = {
        name
        for page in pages
        for name in re.findall(r'one\(typed, "(\w+)"\)', page.read_text(encoding="utf-8"))
    }
    rows = {name for pair in booking_form._GROUPS.values() for name, _ in pair}
    return sorted(found | rows | set(booking_form._SINGLE))


def _plain(path: str) -> str:
    return _NAMED.sub(r"{\1}", path)


def _path(path: str, values: Mapping[str, str]) -> str:
    return _NAMED.sub(lambda found: _quoted(values.get(found[1], "none")), path)


def _quoted(value: str) -> str:
    return value if "%" in value else quote(value)
