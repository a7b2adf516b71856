"""Who uses the program: the account of the process, not what the environment says."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import pytest

from boneage_desk import wiring
from boneage_desk.common.accounts import own_account

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def test_the_environment_does_not_say_who_uses_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    before = wiring._who()
    assert before
    for name in NAMES:
        monkeypatch.setenv(name, "drli")
    assert wiring._who() == own_account() == before != "drli"
    for name in NAMES:
        monkeypatch.delenv(name)
    assert wiring._who() == before


@pytest.mark.skipif(sys.platform == "win32", reason="user ids of POSIX")
def test_it_is_the_name_of_the_user_id_or_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nameless(_user: int) -> NoReturn:
        raise KeyError("no such id")

    asked: list[int] = []

    def named(user: int) -> Any:
        asked.append(user)
        return pwd.struct_passwd(("wang", "x", user, user, "", "/", ""))

    monkeypatch.setattr(pwd, "getpwuid", named)
    assert (own_account(), asked) == ("wang", [os.getuid()])
    monkeypatch.setattr(pwd, "getpwuid", nameless)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert own_account() == "uid-4711"
