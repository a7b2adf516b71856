"""Time stamps: an authority of pyHanko's own behind a real HTTP server in this process."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asn1crypto import cms, keys, tsp, x509
from cryptography.hazmat.primitives import serialization
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.settings import Settings
from boneage_desk.reports.signing import Seals
from tests import signers
from tests.signers import AT, PASSPHRASE, signature

Answer = Callable[[bytes], bytes]
STAMPED = AT + timedelta(seconds=3)


@pytest.fixture(scope="module")
def authority() -> tuple[DummyTimeStamper, bytes]:
    """(an authority, its certificate as PEM)."""
    key = signers.private_key("rsa", "authority")
    found = signers.certificate(key, "Test Time-Stamp Authority", stamps=True)
    der = serialization.Encoding.DER
    private = key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stamper = DummyTimeStamper(
        x509.Certificate.load(found.public_bytes(der)), keys.PrivateKeyInfo.load(private), fixed_dt=STAMPED
    )
    return stamper, signers.pem(found)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """``serve(answer)`` starts an HTTP server whose body is ``answer(request)``; its URL."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200 if body else 503)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/tsa"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def signed(tmp_path: Path, url: str) -> Seals:
    (tmp_path / "key.p12").write_bytes(signers.own("ec"))
    trust = tmp_path / "trust"
    trust.mkdir(exist_ok=True)
    return Seals(Settings(signing_pkcs12=str(tmp_path / "key.p12"), signing_tsa=url, signing_trust=str(trust)), tmp_path)


def honest(authority: DummyTimeStamper) -> Answer:
    def answer(request: bytes) -> bytes:
        return bytes(asyncio.run(authority.async_request_tsa_response(tsp.TimeStampReq.load(request))).dump())

    return answer


def test_a_time_stamp_goes_with_the_signature(
    tmp_path: Path, report: bytes, authority: tuple[DummyTimeStamper, bytes], serve: Callable[[Answer], str]
) -> None:
    seals = signed(tmp_path, serve(honest(authority[0])))
    pdf = seals.seal(report, signature(), passphrase=PASSPHRASE).pdf
    found = seals.verify(pdf)
    assert found.problems == ()
    assert "2026-03-02 14:05:09 UTC by " in found.seals[0].time_stamp and "not known here" in found.seals[0].time_stamp
    (tmp_path / "trust" / "tsa.pem").write_bytes(authority[1])
    assert "(trusted)" in seals.verify(pdf).seals[0].time_stamp


def test_a_time_stamp_that_was_taken_off_is_missed(
    tmp_path: Path, report: bytes, authority: tuple[DummyTimeStamper, bytes], serve: Callable[[Answer], str]
) -> None:
    seals = signed(tmp_path, serve(honest(authority[0])))
    pdf = seals.seal(report, signature(), passphrase=PASSPHRASE).pdf
    (before,) = re.findall(rb"/Contents <([0-9A-F]+)>", pdf)
    info = cms.ContentInfo.load(bytes.fromhex(before.decode()))
    signer = info["content"]["signer_infos"][0]
    del signer["unsigned_attrs"]
    after = info.dump(force=True).hex().upper().encode().ljust(len(before), b"0")
    found = seals.verify(pdf.replace(before, after))
    assert any("time stamp is missing" in problem for problem in found.problems)


@pytest.mark.parametrize("answer", [
    pytest.param(lambda _: b"", id="refuses"), pytest.param(lambda _: b"no time stamp at all", id="nonsense"),
    pytest.param(lambda _: b"0" * (1 << 18), id="endless"),
    pytest.param(
        lambda _: tsp.TimeStampResp({"status": tsp.PKIStatusInfo({"status": "rejection"})}).dump(), id="rejects"
    ),
])  # fmt: skip
def test_an_authority_that_fails_means_that_nothing_is_signed(
    answer: Answer, tmp_path: Path, report: bytes, serve: Callable[[Answer], str]
) -> None:
    with pytest.raises(BoneAgeError, match="nothing was signed") as error:
        signed(tmp_path, serve(answer)).seal(report, signature(), passphrase=PASSPHRASE)
    assert error.value.code == "time-stamp" and error.value.remedy


def test_an_authority_that_stamps_something_else(
    tmp_path: Path, report: bytes, authority: tuple[DummyTimeStamper, bytes], serve: Callable[[Answer], str]
) -> None:
    """It answers another request than ours: the number that goes with each shows it."""

    def answer(_request: bytes) -> bytes:
        _, other = authority[0].request_cms(bytes(32), "sha256")
        return bytes(asyncio.run(authority[0].async_request_tsa_response(other)).dump())

    with pytest.raises(BoneAgeError) as error:
        signed(tmp_path, serve(answer)).seal(report, signature(), passphrase=PASSPHRASE)
    assert error.value.code == "time-stamp"


def test_an_authority_that_is_not_there(tmp_path: Path, report: bytes) -> None:
    with pytest.raises(BoneAgeError) as error:
        signed(tmp_path, "http://127.0.0.1:9/tsa").seal(report, signature(), passphrase=PASSPHRASE)
    assert error.value.code == "time-stamp"
