"""A passphrase or PIN: from a file descriptor or a terminal, never from the command line or the environment."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from boneage_desk.common.errors import InputError

LONGEST = 4096
PROMPTS = {
    "passphrase": "Passphrase of the signing key: ",
    "pin": "PIN of the token: ",
    "new-passphrase": "New passphrase for this station's key: ",
    "store": "Passphrase of the data base: ",
    "new-store": "New passphrase for the data base (write it down): ",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-fd", type=int, metavar="N", help="read the passphrase or PIN from this open file descriptor, to its first line break"
    )


def secret(asked: str, fd: int | None) -> str | None:
    """What `ReportSigner.asks` wants; None where nothing is asked and no descriptor given.

    Raises InputError 'passphrase' where there is nobody to ask.
    """
    if fd is not None:
        return _from_fd(fd)
    if not asked:
        return None
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(
            f"The {'PIN of the token' if asked == 'pin' else 'passphrase of the key'} is needed, and nobody is here to ask.",
            "Give --passphrase-fd N.",
            code="passphrase",
        )
    given = getpass.getpass(PROMPTS[asked], stream=sys.stderr)
    if asked.startswith("new-") and getpass.getpass("Once more: ", stream=sys.stderr) != given:
        raise InputError("The two are not the same.", "Try again.", code="passphrase")
    if not given:
        raise InputError("Nothing was entered.", "Enter the passphrase.", code="passphrase")
    return given


def _from_fd(fd: int) -> str:
    try:
        with open(fd, "rb", closefd=False, buffering=0) as stream:
            data = b""
            while b"\n" not in data and len(data) <= LONGEST:
                more = stream.read(LONGEST)
                if not more:
                    break
                data += more
        text = data.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8")
    except OSError as error:
        raise InputError(
            f"The passphrase cannot be read from file descriptor {fd} ({os.strerror(error.errno or 0)}).",
            f"Open it: --passphrase-fd {fd} {fd}< FILE",
            code="passphrase",
        ) from error
    except UnicodeDecodeError:
        raise InputError("The passphrase is not UTF-8.", "Give it as text.", code="passphrase") from None
    if not text or len(data) > LONGEST:
        raise InputError("The passphrase is empty or too long.", "Give one line.", code="passphrase")
    return text
