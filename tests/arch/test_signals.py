"""PySide6 6.12.0 on Python 3.11 loses a reference to True at every emit and aborts after some 580 of them."""

from __future__ import annotations

import subprocess
import sys

EMIT = """
from PySide6.QtCore import QCoreApplication, QObject, Signal

class Sender(QObject):
    said = Signal(bool)

application = QCoreApplication([])
sender = Sender()
heard = 0

def hear(value):
    global heard
    heard += value is True

sender.said.connect(hear)
for _ in range(5000):
    sender.said.emit(True)
print(heard)
"""


def test_a_signal_is_emitted_5000_times() -> None:
    # in a child: what it guards against ends the process
    done = subprocess.run([sys.executable, "-c", EMIT], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "5000"), done.stderr
