"""A report to sign, and a key store that forgets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import keyring
import pytest

from boneage_desk.common.settings import Settings
from boneage_desk.reading.session import AcceptGrade, MarkReviewed, Reading
from boneage_desk.reading.signing import as_signed
from boneage_desk.reports.pdf import PdfReports
from boneage_desk.standards import rus_chn
from tests import signers
from tests.samples import NOON, WHO, analysed


@pytest.fixture
def key_store() -> Iterator[signers.MemoryKeyring]:
    """The system's key store, open and empty."""
    before = keyring.get_keyring()
    store = signers.MemoryKeyring()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture(scope="session")
def signed_reading() -> Reading:
    session = analysed()
    for bone in rus_chn.BONES:
        session.do(AcceptGrade(bone), at=NOON, who=WHO)
    session.do(MarkReviewed(), at=NOON, who=WHO)
    return as_signed(dataclasses.replace(session.reading, width=800, height=600), signers.signature())


@pytest.fixture(scope="session")
def report(signed_reading: Reading) -> bytes:
    """The PDF of a reading that is being signed, before its seal."""
    return PdfReports(Settings()).render(signed_reading, None)
