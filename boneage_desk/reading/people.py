"""Who reads at this station: an account of the operating system with a profile, and what its role allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boneage_desk.common.errors import InputError


class Role(StrEnum):
    """What somebody is at this station."""

    RADIOLOGIST = "radiologist"
    ENDOCRINOLOGIST = "endocrinologist"
    TECHNOLOGIST = "technologist"
    ADMINISTRATOR = "administrator"


MAY_SIGN = frozenset({Role.RADIOLOGIST, Role.ENDOCRINOLOGIST})
"""Roles that may seal a report: physicians. An administrator keeps the station, a technologist prepares readings."""
MAY_MANAGE = frozenset({Role.ADMINISTRATOR})
"""Roles that may change profiles and restore a backup."""


@dataclass(frozen=True, slots=True)
class Person:
    """A profile. ``account``: the operating system's account name; ``name``: as printed in reports.

    Raises InputError where one of them is empty: a report signed by nobody is none.
    """

    account: str
    name: str
    role: Role

    def __post_init__(self) -> None:
        if not self.account.strip() or not self.name.strip():
            raise InputError("A profile needs an account and a name.", "Enter both.", code="profile")

    @property
    def may_sign(self) -> bool:
        return self.role in MAY_SIGN


def parse_role(text: str) -> Role:
    """The role of that word. Raises InputError for another."""
    try:
        return Role(text.strip().lower())
    except ValueError:
        raise InputError(
            f"'{text}' is no role.", f"Use one of: {', '.join(role.value for role in Role)}.", code="role"
        ) from None
