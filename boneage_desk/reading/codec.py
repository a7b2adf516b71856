"""Lossless Reading <-> plain JSON values, for the store. Not the export format: that is document.py.

The shape follows the dataclasses: a dataclass is an object of its fields, a tuple a list, an enum its
value, a date its ISO text. A field that a file lacks takes the dataclass's default, so a new field with
a default needs no new version. Raise :data:`CODEC_VERSION` when a field is renamed or changes its
meaning, and teach :func:`decode_reading` the older shape.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from boneage_desk.common.errors import StoreError
from boneage_desk.reading.session import Reading

CODEC_VERSION = 1

T = TypeVar("T")


def encode_reading(reading: Reading) -> dict[str, Any]:
    """Plain JSON values with the codec's version."""
    return {"codec": CODEC_VERSION, "reading": _encode(reading)}


def decode_reading(data: Any) -> Reading:
    """The reading that :func:`encode_reading` wrote; StoreError 'newer' or 'damaged' otherwise."""
    if not isinstance(data, dict) or not isinstance(data.get("codec"), int):
        raise StoreError("A stored reading has no version.", "Restore a backup.", code="damaged")
    if data["codec"] > CODEC_VERSION:
        raise StoreError(
            "A stored reading was written by a newer version of BoneAge Desk.", "Update the program.", code="newer"
        )
    try:
        return cast(Reading, _decode(Reading, data["reading"], "reading"))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored reading is damaged ({error}).", "Restore a backup.", code="damaged") from error


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


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind))


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        if value is None and len(options) < len(typing.get_args(kind)):
            return None
        if len(options) != 1:
            raise TypeError(f"{where}: a union of several types")
        return _decode(options[0], value, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, where)
    if origin is dict:
        item_kind = typing.get_args(kind)[1]
        if not isinstance(value, dict):
            raise ValueError(f"{where} is no object")
        return {str(key): _decode(item_kind, item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is no object")
        given = {
            name: _decode(field_kind, value[name], f"{where}.{name}")
            for name, field_kind in _fields(cast(Any, kind))
            if name in value
        }
        return cast(Any, kind)(**given)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind in (datetime, date):
        if not isinstance(value, str):
            raise ValueError(f"{where} is no date")
        return kind.fromisoformat(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (str, bool, int, float) and type(value) is kind:
        return value
    raise ValueError(f"{where} is {type(value).__name__}, not {getattr(kind, '__name__', kind)}")


def _decode_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is no list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(kinds) != len(value):
        raise ValueError(f"{where} has {len(value)} items, not {len(kinds)}")
    return tuple(_decode(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True)))
