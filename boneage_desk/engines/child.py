"""One inference process and the parent's end of its pipe."""

from __future__ import annotations

import multiprocessing
import threading
from contextlib import suppress
from multiprocessing import connection
from typing import cast

from boneage_desk.engines import transport as wire
from boneage_desk.engines import worker


class Child:
    """One inference process and the parent's end of its pipe."""

    def __init__(self, config: worker.WorkerConfig) -> None:
        context = multiprocessing.get_context("spawn")
        self.conn, theirs = context.Pipe()
        self._ending = threading.Lock()
        self.process = context.Process(
            target=worker.run, args=(theirs, config), name="boneage-desk engine", daemon=True
        )
        try:
            self.process.start()
        finally:
            theirs.close()

    def send(self, request: wire.Request, film: memoryview | None = None) -> None:
        """A request, and after it the film's bytes where they did not fit into shared memory.

        Raises EOFError when the child is gone.
        """
        try:
            self.conn.send(request)
            if film is not None:
                self.conn.send_bytes(film)
        except OSError as error:
            raise EOFError from error

    def cancel(self, request_id: int) -> None:
        """Say that no one waits for a request any more; a child that is gone need not hear it."""
        with suppress(OSError, ValueError):
            self.conn.send(wire.Cancel(request_id))

    def receive(self, seconds: float) -> wire.Reply | None:
        """The next message, or None when none came in time. Raises EOFError when the child is gone."""
        try:
            ready = connection.wait([self.conn, self.process.sentinel], seconds)
            if self.conn in ready:
                return cast(wire.Reply, self.conn.recv())
        except (OSError, ValueError) as error:  # ended by another thread
            raise EOFError from error
        if ready:
            raise EOFError
        return None

    def end(self) -> None:
        """Terminate, then kill; returns when the process is gone. Any number of threads may call it."""
        with self._ending:
            with suppress(ValueError):  # closed already
                self.process.terminate()
                self.process.join(2)
                if self.process.exitcode is None:
                    self.process.kill()
                    self.process.join(5)
            self.close()

    def close(self) -> None:
        """Close the parent's end of the pipe; a no-op the second time, also from another thread."""
        with suppress(OSError):  # another thread was between the two steps of Connection.close
            self.conn.close()

    def fate(self) -> str:
        """How the process ended, in words."""
        self.process.join(2)
        code = self.process.exitcode
        if code is None:
            return "it closed its pipe"
        if code == -9:
            return "it was killed, perhaps for want of memory"
        return f"signal {-code}" if code < 0 else f"exit code {code}"
