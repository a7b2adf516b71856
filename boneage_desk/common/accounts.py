"""The account of the operating system that runs this process: what an audit row, a profile and a signature name."""

from __future__ import annotations

import os
import sys


def own_account() -> str:
    """The account's name by the process's own user id; 'uid-1000' and the like where that id has no name.

    Never from the environment: LOGNAME, USER and USERNAME are whatever the person who starts the program writes there.
    Raises OSError where Windows does not tell.
    """
    if sys.platform == "win32":
        return _windows_account()
    import pwd

    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name or f"uid-{user}"
    except KeyError:
        return f"uid-{user}"


def _windows_account() -> str:
    """GetUserNameW of advapi32: of the thread's access token. Its longest name has UNLEN = 256 characters."""
    if sys.platform != "win32":
        raise OSError("not on this system")
    import ctypes

    size = ctypes.c_ulong(257)
    name = ctypes.create_unicode_buffer(size.value)
    if not ctypes.WinDLL("advapi32", use_last_error=True).GetUserNameW(name, ctypes.byref(size)) or not name.value:
        raise ctypes.WinError(ctypes.get_last_error())
    return name.value
