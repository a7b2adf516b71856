"""Lossless Reading <-> plain JSON values, for the store. Not the export format: that is document.py.

The shape follows the dataclasses: a dataclass is an object of its fields, a tuple a list, an enum its
value, a date its ISO text. A field that a file lacks takes the dataclass's default, so a new field with
a default needs no new version. A key that no field has was written by a newer program: the reading is
refused ('newer'), since whoever wrote it back would lose that fact. Raise :data:`CODEC_VERSION` when a
field is renamed or changes its meaning, and teach :func:`decode_reading` the older shape.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, NoReturn, cast

from boneage_desk.common.errors import StoreError
from boneage_desk.reading.session import Reading

CODEC_VERSION = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """A stored reading that this program cannot decode, in a list of others; ``error`` says why ('newer' or 'damaged')."""

    reading_id: str
    error: StoreError


Decoder = Callable[[Any], Any]


def encode_reading(reading: Reading) -> dict[str, Any]:
    """Plain JSON values with the codec's version."""
    return {"codec": CODEC_VERSION, "reading": _encode(reading)}


def decode_reading(data: Any) -> Reading:
    """The reading that :func:`encode_reading` wrote; StoreError 'newer' or 'damaged' otherwise."""
    if not isinstance(data, dict) or not isinstance(data.get("codec"), int):
        raise StoreError("A stored reading has no version.", "Restore a backup.", code="damaged")
    if data["codec"] > CODEC_VERSION:
        raise _newer()
    try:
        return cast(Reading, _decode(Reading, data["reading"]))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored reading is damaged ({error}).", "Restore a backup.", code="damaged") from error


def _newer() -> StoreError:
    return StoreError(
        "A stored reading was written by a newer version of BoneAge Desk.", "Update the program.", code="newer"
    )


def _encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _encode(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"no plain JSON for {type(value).__name__}")


# --- decoding: one function a type, made once; a work list decodes thousands of readings -----------
def _decode(kind: Any, value: Any) -> Any:
    return _decoder(kind)(value)


@cache
def _decoder(kind: Any) -> Decoder:
    """The function that turns plain JSON into a value of ``kind``; it raises ValueError."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _optional(typing.get_args(kind))
    if origin is tuple:
        return _tuple(typing.get_args(kind))
    if origin is dict:
        return _dict(typing.get_args(kind)[1])
    if dataclasses.is_dataclass(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = {member.value: member for member in kind}
        return lambda value: members[value] if isinstance(value, str) and value in members else _refuse(value, kind)
    if kind in (datetime, date):
        return lambda value: kind.fromisoformat(value) if isinstance(value, str) else _refuse(value, kind)
    if kind is float:
        return lambda value: float(value) if type(value) in (float, int) else _refuse(value, kind)
    if kind in (str, bool, int):
        return lambda value: value if type(value) is kind else _refuse(value, kind)
    raise TypeError(f"no decoder for {kind}")


def _refuse(value: Any, kind: Any) -> NoReturn:
    raise ValueError(f"{type(value).__name__} where {getattr(kind, '__name__', kind)} belongs")


def _optional(kinds: tuple[Any, ...]) -> Decoder:
    options = [kind for kind in kinds if kind is not type(None)]
    if len(options) != 1 or len(options) == len(kinds):
        raise TypeError(f"no decoder for a union of {kinds}")
    inner = _decoder(options[0])
    return lambda value: None if value is None else inner(value)


def _tuple(kinds: tuple[Any, ...]) -> Decoder:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        one = _decoder(kinds[0])
        return lambda value: tuple([one(item) for item in value]) if isinstance(value, list) else _refuse(value, list)
    each = [_decoder(kind) for kind in kinds]

    def fixed(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(each):
            _refuse(value, list)
        return tuple([decode(item) for decode, item in zip(each, value, strict=True)])

    return fixed


def _dict(kind: Any) -> Decoder:
    one = _decoder(kind)

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            _refuse(value, dict)
        return {key: one(item) for key, item in value.items()}

    return decode


def _object(kind: Any) -> Decoder:
    hints = typing.get_type_hints(kind)
    fields = [(field.name, _decoder(hints[field.name])) for field in dataclasses.fields(kind)]

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            _refuse(value, dict)
        given = {}
        for name, one in fields:
            if name in value:
                try:
                    given[name] = one(value[name])
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{name}: {error}") from None
        if len(given) != len(value):  # a key that no field has
            raise _newer()
        return kind(**given)

    return decode
