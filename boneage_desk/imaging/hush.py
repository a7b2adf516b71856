"""Python's warning filters belong to the whole process: whoever changes them for a while holds this lock."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def collected_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Remarks of libraries about odd files, collected instead of shown; the film's own warnings say what matters.

    Reads in several threads therefore take turns.
    """
    with _lock, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said
