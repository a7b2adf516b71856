"""Work in a child process that is counted: processor time and memory, with an end to both where the system can."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_CHILD = """
import json, resource, sys
limit = int(sys.argv[1]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 5))
{imports}
before = resource.getrusage(resource.RUSAGE_SELF)
value = {call}
after = resource.getrusage(resource.RUSAGE_SELF)
peak = after.ru_maxrss
try:  # Linux hands a parent's peak down to what it starts; this one begins with the program itself
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
except OSError:
    pass
print(json.dumps([value, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak >> 10]))
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """``value``: what came back, plain JSON. ``seconds``: of processor time. ``megabytes``: most memory of the process."""

    value: Any
    seconds: float
    megabytes: int


def counted(imports: str, call: str, *arguments: object, megabytes: int = 4000, seconds: int = 60) -> Counted:
    """``call`` (an expression that may use sys.argv[3] and on) in a fresh process; AssertionError when that ended."""
    code = _CHILD.format(imports=imports, call=call)
    command = [sys.executable, "-c", code, str(megabytes), str(seconds), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-600:]}"
    return Counted(*json.loads(done.stdout.splitlines()[-1]))
