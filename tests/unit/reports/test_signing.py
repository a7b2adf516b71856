"""Seals with real keys, looked at by pyHanko's own rules and by poppler and qpdf."""

from __future__ import annotations

import dataclasses
import io
import logging
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from boneage_desk.common.errors import BoneAgeError, FilmError, InputError, StoreError
from boneage_desk.common.settings import Settings
from boneage_desk.reading.session import Reading
from boneage_desk.reports import signing_keystore, signing_write
from boneage_desk.reports.addendum_page import addendum_page
from boneage_desk.reports.page import signature_box
from boneage_desk.reports.signing import Seals
from tests import signers
from tests.signers import AT, NAME, PASSPHRASE, REASON, MemoryKeyring, signature

KINDS = ("rsa", "ec")


def with_file(folder: Path, data: bytes, **settings: Any) -> Seals:
    path = folder / "key.p12"
    path.write_bytes(data)
    return Seals(Settings(signing_pkcs12=str(path), **settings), folder)


@pytest.fixture
def station(tmp_path: Path, key_store: MemoryKeyring) -> Seals:
    return Seals(Settings(site_name="Children's Hospital 儿童医院"), tmp_path)


def code_of(error: pytest.ExceptionInfo[BoneAgeError]) -> str:
    assert error.value.remedy, "it says what helps"
    assert PASSPHRASE not in str(error.value)
    return error.value.code


# --- what is written -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_file_signs_and_its_seal_says_who_when_and_why(kind: str, tmp_path: Path, report: bytes) -> None:
    seals = with_file(tmp_path, signers.own(kind))
    sealed = seals.seal(report, signature(), passphrase=PASSPHRASE)
    assert sealed.pdf.startswith(report), "nothing before the signature is touched"
    found = seals.verify(sealed.pdf)
    assert (found.problems, found.unsigned_changes, len(found.seals)) == ((), False, 1)
    seal = found.seals[0]
    assert (seal.number, seal.name, seal.role, seal.at, seal.reason) == (1, NAME, "radiologist", AT, REASON)
    assert (seal.intact, seal.whole, seal.trusted) == (True, True, False), "a file that nobody here vouches for"
    assert (seal.certificate_sha256, seal.self_issued) == (sealed.certificate_sha256, sealed.self_issued)
    assert sealed.self_issued
    assert found.reading is not None and found.reading["state"] == "signed"


def test_it_is_pades_with_sha256_and_changes_no_metadata(station: Seals, report: bytes) -> None:
    sealed = station.seal(report, signature()).pdf
    added = sealed[len(report) :]
    assert b"/SubFilter /ETSI.CAdES.detached" in added and b"D:20260302140506Z" in added.replace(b"\\072", b":")
    before, after = PdfReader(io.BytesIO(report)), PdfReader(io.BytesIO(sealed))
    assert before.metadata == after.metadata
    assert (before.xmp_metadata is None) or before.xmp_metadata.stream.get_data() == after.xmp_metadata.stream.get_data()  # type: ignore[union-attr]
    field = after.get_fields()["Signature1"]  # type: ignore[index]
    assert field["/FT"] == "/Sig"


def test_the_box_stands_where_the_page_keeps_its_place_free_and_says_who(station: Seals, report: bytes) -> None:
    page = PdfReader(io.BytesIO(station.seal(report, signature()).pdf)).pages[0]
    widgets = [a.get_object() for a in page["/Annots"] if a.get_object()["/Subtype"] == "/Widget"]  # type: ignore[attr-defined]
    assert len(widgets) == 1
    assert [float(v) for v in widgets[0]["/Rect"]] == pytest.approx(signature_box("A4")[1:], abs=0.01)
    assert int(widgets[0]["/F"]) & 4, "it is printed"
    assert not int(widgets[0]["/F"]) & 2, "it is not hidden"


def shown(pdf: bytes, folder: Path, page: int = 1) -> str:
    """What poppler reads on a page, the boxes of signatures with it."""
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext (poppler-utils)")
    path = folder / "shown.pdf"
    path.write_bytes(pdf)
    words = ["pdftotext", "-f", str(page), "-l", str(page), "-layout", str(path), "-"]
    return " ".join(subprocess.run(words, capture_output=True, check=True, text=True).stdout.split())


@pytest.mark.parametrize(("language", "says"), [
    ("en", ("Signed electronically: " + NAME + ", radiologist", "2026-03-02 14:05 +00:00", "Reason: " + REASON, "self-issued")),
    ("zh", ("电子签名：" + NAME, "放射科医师", "理由: " + REASON, "自签发")),
    ("en+zh", ("Signed electronically", "电子签名", "Reason / 理由: " + REASON)),
])  # fmt: skip
def test_the_box_is_read_by_poppler(
    language: str, says: tuple[str, ...], tmp_path: Path, report: bytes, key_store: MemoryKeyring
) -> None:
    seals = Seals(Settings(report_language=language), tmp_path)
    text = shown(seals.seal(report, signature()).pdf, tmp_path)
    for words in says:
        assert words in text or words.replace(" ", "") in text.replace(" ", "")


def test_a_name_and_reason_that_the_box_cannot_hold_are_refused_not_cut(station: Seals, report: bytes) -> None:
    with pytest.raises(InputError) as error:
        station.seal(report, signature(reason="because " * 200))
    assert code_of(error) == "too-long"


# --- addenda --------------------------------------------------------------------------------------


def test_an_addendum_is_a_page_that_is_signed_and_leaves_the_first_signature_as_it_was(
    station: Seals, report: bytes, signed_reading: Reading, tmp_path: Path
) -> None:
    first = station.seal(report, signature()).pdf
    second = signature(2, text="The ulna was looked at again: 尺骨 is grade 6.", reason="Addendum")
    page = addendum_page(signed_reading, second)
    twice = station.seal(first, second, page=page).pdf
    thrice = station.seal(twice, signature(3, text="And the film was turned.")).pdf
    assert twice.startswith(first) and thrice.startswith(twice), "what was signed is there bit for bit"
    pages = len(PdfReader(io.BytesIO(report)).pages)
    assert len(PdfReader(io.BytesIO(thrice)).pages) == pages + 2
    found = station.verify(thrice)
    assert found.problems == ()
    assert [(s.number, s.intact, s.whole, s.trusted, s.problem) for s in found.seals] == [
        (n, True, True, True, "") for n in (1, 2, 3)
    ]
    assert [s.text for s in found.seals] == ["", second.text, "And the film was turned."]
    assert "The ulna was looked at again: 尺骨" in shown(thrice, tmp_path, pages + 1)
    last = shown(thrice, tmp_path, pages + 2)
    assert "And the film was turned." in last and "Addendum 2" in last
    assert station.verify(first).problems == () == station.verify(twice).problems


def test_nobody_signs_out_of_turn_or_under_signatures_that_do_not_hold(station: Seals, report: bytes) -> None:
    first = station.seal(report, signature()).pdf
    for pdf, seal in (
        (report, signature(2, text="too early")), (first, signature()), (first, signature(2)), (first, signature(3, text="x")),
    ):  # fmt: skip
        with pytest.raises(InputError) as error:
            station.seal(pdf, seal)
        assert code_of(error) == "state"
    with pytest.raises(InputError) as error:
        station.seal(first + b"% more\n", signature(2, text="on sand"))
    assert code_of(error) == "altered"


# --- what cannot be signed ---------------------------------------------------------------------------


def test_wrong_passphrase_missing_file_and_what_is_no_key_file(tmp_path: Path, report: bytes) -> None:
    seals = with_file(tmp_path, signers.own("ec"))
    assert seals.asks(signature()) == "passphrase"
    for given in ("wrong", "", None):
        with pytest.raises(InputError) as wrong:
            seals.seal(report, signature(), passphrase=given)
        assert code_of(wrong) == "passphrase"
    (tmp_path / "key.p12").write_bytes(b"not a key at all")
    with pytest.raises(StoreError) as no_key:
        seals.seal(report, signature(), passphrase=PASSPHRASE)
    assert code_of(no_key) == "key-file"
    (tmp_path / "key.p12").unlink()
    with pytest.raises(StoreError) as gone:
        seals.seal(report, signature(), passphrase=PASSPHRASE)
    assert code_of(gone) == "key-file"


@pytest.mark.parametrize(("facts", "says"), [
    ({"days": 30}, "expired"), ({"start": AT + timedelta(days=3)}, "valid only from"), ({"sign": False}, "not for signing"),
    ({"stamps": True}, "not for signing documents"),
])  # fmt: skip
def test_certificates_that_may_not_sign(facts: dict[str, Any], says: str, tmp_path: Path, report: bytes) -> None:
    key = signers.private_key("ec")
    seals = with_file(tmp_path, signers.p12(key, signers.certificate(key, NAME, **facts)))
    with pytest.raises(InputError, match=says) as error:
        seals.seal(report, signature(), passphrase=PASSPHRASE)
    assert code_of(error) == "certificate"


def test_a_weak_key_is_refused(tmp_path: Path, report: bytes) -> None:
    key = signers.private_key("rsa-weak")
    with pytest.raises(InputError, match="too weak") as error:
        with_file(tmp_path, signers.p12(key, signers.certificate(key, NAME))).seal(
            report, signature(), passphrase=PASSPHRASE
        )
    assert code_of(error) == "certificate"


def test_what_is_no_pdf_or_a_broken_or_locked_one(station: Seals, report: bytes) -> None:
    for data, code in ((b"hello", "not-a-pdf"), (report[: len(report) // 2], "damaged"), (b"%PDF-1.7\n", "damaged")):
        with pytest.raises(FilmError) as error:
            station.seal(data, signature())
        assert code_of(error) == code


# --- keys --------------------------------------------------------------------------------------------


def test_a_station_makes_its_key_once_for_each_person_and_keeps_it_closed(
    station: Seals, report: bytes, tmp_path: Path, key_store: MemoryKeyring
) -> None:
    assert station.asks(signature()) == ""
    first, again = station.seal(report, signature()), station.seal(report, signature())
    assert first.certificate_sha256 == again.certificate_sha256 and first.self_issued
    other = station.seal(report, signature(name="Dr Other"))
    assert other.certificate_sha256 != first.certificate_sha256
    subject = station.verify(first.pdf).seals[0].certificate_subject
    for words in (NAME, "radiologist", "Self-issued by BoneAge Desk", "Not confirmed by any authority", "Children's Hospital"):
        assert words in subject
    files = sorted((tmp_path / "signing").iterdir())
    assert [file.suffix for file in files] == [".p12", ".pem"] * 2 or {f.suffix for f in files} == {".p12", ".pem"}
    if os.name == "posix":
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        assert (tmp_path / "signing").stat().st_mode & 0o777 == 0o700
    assert len(key_store.kept) == 2
    for (service, _), passphrase in key_store.kept.items():
        assert service == "BoneAge Desk" and len(passphrase) >= 40
        assert all(passphrase.encode() not in file.read_bytes() for file in files), "never in clear beside the key"


def test_the_stations_certificate_is_for_signing_and_lasts_five_years(station: Seals, report: bytes, tmp_path: Path) -> None:
    from cryptography import x509

    station.seal(report, signature())
    (path,) = (tmp_path / "signing").glob("*.pem")
    found = x509.load_pem_x509_certificate(path.read_bytes())
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and not usage.key_cert_sign
    assert found.not_valid_after_utc.year - found.not_valid_before_utc.year == 5
    assert found.issuer == found.subject


def test_an_expired_station_key_gives_way_to_a_new_one_and_its_signatures_stay_known(station: Seals, report: bytes) -> None:
    old = station.seal(report, signature())
    later = dataclasses.replace(signature(), at=AT.replace(year=AT.year + 6))
    new = station.seal(report, later)
    assert new.certificate_sha256 != old.certificate_sha256
    for sealed in (old, new):
        found = station.verify(sealed.pdf)
        assert found.problems == () and found.seals[0].trusted


def test_without_a_key_store_the_person_chooses_a_passphrase(tmp_path: Path, report: bytes) -> None:
    seals = Seals(Settings(), tmp_path)
    assert seals.asks(signature()) == "new-passphrase"
    with pytest.raises(InputError) as error:
        seals.seal(report, signature())
    assert code_of(error) == "passphrase"
    with pytest.raises(InputError, match="8 characters") as error:
        seals.seal(report, signature(), passphrase="short")
    assert code_of(error) == "passphrase"
    assert not list(tmp_path.rglob("*.p12"))
    seals.seal(report, signature(), passphrase=PASSPHRASE)
    assert seals.asks(signature()) == "passphrase"
    with pytest.raises(InputError) as error:
        seals.seal(report, signature(), passphrase="another one")
    assert code_of(error) == "passphrase"
    with pytest.raises(InputError) as error:
        seals.keep(signature(), PASSPHRASE)
    assert code_of(error) == "keyring"


def test_a_locked_or_lost_key_store_asks_instead_of_making_another_key(
    station: Seals, report: bytes, key_store: MemoryKeyring
) -> None:
    station.seal(report, signature())
    key_store.broken = True
    assert station.asks(signature()) == "passphrase"
    with pytest.raises(InputError, match="locked") as error:
        station.seal(report, signature())
    assert code_of(error) == "passphrase"


def test_a_passphrase_that_worked_can_be_kept(tmp_path: Path, report: bytes, key_store: MemoryKeyring) -> None:
    seals = with_file(tmp_path, signers.own("ec"))
    seals.seal(report, signature(), passphrase=PASSPHRASE)
    seals.keep(signature(), PASSPHRASE)
    assert seals.asks(signature()) == ""
    assert seals.verify(seals.seal(report, signature()).pdf).problems == ()


@pytest.mark.parametrize("module", ["keyrings.alt.file", "keyring.backends.null", "keyring.backends.fail"])
def test_a_key_store_that_keeps_secrets_in_clear_is_none(module: str, key_store: MemoryKeyring) -> None:
    import keyring

    kind = type("Keyring", (MemoryKeyring,), {"__module__": module})
    keyring.set_keyring(kind())
    assert not signing_keystore.available()


def test_no_secret_is_ever_logged_or_told(
    tmp_path: Path, report: bytes, key_store: MemoryKeyring, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        caplog.handler.setLevel(logging.DEBUG)
        seals = with_file(tmp_path, signers.own("ec"))
        seals.seal(report, signature(), passphrase=PASSPHRASE)
        with pytest.raises(InputError) as error:
            seals.seal(report, signature(), passphrase="wrong but secret")
        Seals(Settings(), tmp_path).seal(report, signature())
    secrets = [PASSPHRASE, "wrong but secret", *key_store.kept.values()]
    told = caplog.text + "".join(capfd.readouterr()) + str(error.value) + repr(error.value.__cause__)
    assert all(secret not in told for secret in secrets)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert all(secret.encode() not in path.read_bytes() for secret in secrets)


# --- a chain of certificates --------------------------------------------------------------------------


def test_a_chain_is_trusted_where_its_root_is_and_only_there(tmp_path: Path, report: bytes) -> None:
    data, _, root = signers.chain()
    trust = tmp_path / "trust"
    trust.mkdir()
    seals = with_file(tmp_path, data, signing_trust=str(trust))
    sealed = seals.seal(report, signature(), passphrase=PASSPHRASE)
    assert not sealed.self_issued
    unknown = seals.verify(sealed.pdf)
    assert (unknown.problems, unknown.seals[0].trusted) == ((), False)
    (trust / "readme.pem").write_text("no certificate")
    (trust / "root.pem").write_bytes(signers.pem(root))
    known = seals.verify(sealed.pdf)
    assert (known.problems, known.seals[0].trusted) == ((), True)


# --- other people's programs ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, "station"])
def test_pdfsig_calls_every_signature_valid_and_the_last_total(
    kind: str, tmp_path: Path, report: bytes, key_store: MemoryKeyring
) -> None:
    if shutil.which("pdfsig") is None:
        pytest.skip("needs pdfsig (poppler-utils)")
    seals = Seals(Settings(), tmp_path) if kind == "station" else with_file(tmp_path, signers.own(kind))
    given = None if kind == "station" else PASSPHRASE
    first = seals.seal(report, signature(), passphrase=given).pdf
    both = seals.seal(first, signature(2, text="More."), passphrase=given).pdf
    path = tmp_path / "both.pdf"
    path.write_bytes(both)
    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    one, two = re.split(r"Signature #\d:", said)[1:]
    for part in (one, two):
        assert "Signature Validation: Signature is Valid." in part and "ETSI.CAdES.detached" in part
        assert "SHA-256" in part
    assert "Not total document signed" in one and "- Total document signed" in two
    (tmp_path / "one.pdf").write_bytes(first)
    said = subprocess.run(["pdfsig", "-nocert", str(tmp_path / "one.pdf")], capture_output=True, text=True, check=False).stdout
    assert "- Total document signed" in said
    altered = bytearray(both)
    altered[len(report) // 2] ^= 1
    path.write_bytes(bytes(altered))
    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" not in said


def test_qpdf_finds_nothing_wrong(station: Seals, report: bytes, tmp_path: Path) -> None:
    if shutil.which("qpdf") is None:
        pytest.skip("needs qpdf")
    both = station.seal(station.seal(report, signature()).pdf, signature(2, text="More.")).pdf
    (tmp_path / "both.pdf").write_bytes(both)
    done = subprocess.run(["qpdf", "--check", str(tmp_path / "both.pdf")], capture_output=True, text=True, check=False)
    assert (done.returncode, "WARNING" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr


def test_a_key_that_makes_nonsense_is_noticed(
    station: Seals, report: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token with a fault: what it made is checked before anybody relies on it."""
    real = signing_write.write

    def nonsense(*given: Any) -> bytes:
        made = bytearray(real(*given))
        made[made.rindex(b"/Contents <") + 600] ^= 1
        return bytes(made)

    monkeypatch.setattr(signing_write, "write", nonsense)
    with pytest.raises(InputError, match="does not hold"):
        station.seal(report, signature())
