"""Reasons for a grade other than the machine's, to pick from; anything else is typed."""

from __future__ import annotations

from boneage_desk.common.i18n import mark, tr

_REASONS = (
    mark("The epiphysis is wider"),
    mark("The epiphysis is narrower"),
    mark("The epiphysis caps the shaft"),
    mark("The epiphysis does not cap the shaft yet"),
    mark("Fusion has begun"),
    mark("Fusion has not begun"),
    mark("The box was not on the bone"),
    mark("The bone is turned or overlapped"),
    mark("Between two grades"),
)
"""One a key, 1 to 9."""


def picks() -> tuple[str, ...]:
    """The reasons in the window's language, in the order of their keys."""
    return tuple(tr(reason) for reason in _REASONS)
