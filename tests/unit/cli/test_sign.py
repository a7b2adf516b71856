"""sign and verify, as typed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keyring
import pytest

from boneage_desk import wiring
from boneage_desk.cli.app import ModelCheck
from boneage_desk.cli.secret import secret
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.reading.people import Person, Role
from tests import signers
from tests.samples import sha
from tests.signers import PASSPHRASE, MemoryKeyring

WHO = ("--name", "Dr 李明", "--role", "radiologist")


@pytest.fixture
def fd() -> Iterator[Callable[[str], int]]:
    """``fd("secret")``: a descriptor from which the words can be read."""
    opened = []

    def make(words: str) -> int:
        out, into = os.pipe()
        os.write(into, words.encode())
        os.close(into)
        opened.append(out)
        return out

    yield make
    for one in opened:
        os.close(one)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "me.p12"
    path.write_bytes(signers.own("ec"))
    return path


@pytest.fixture
def drawn_report(program: Any, film: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    """(film, its report, a draft)."""
    path, out = film(sex="F", birth_date="20140302"), tmp_path / "report.pdf"
    code, _, err = program.run("read", path, "--pdf", out)
    assert code == 0, err
    return path, out


def test_sign_verify_addendum_verify(
    program: Any, drawn_report: tuple[Path, Path], key_file: Path, tmp_path: Path, fd: Callable[[str], int]
) -> None:
    film, report = drawn_report
    signed, both = tmp_path / "signed.pdf", tmp_path / "both.pdf"
    words = ("--pkcs12", key_file, *WHO)
    code, out, err = program.run(
        "sign", report, "-o", signed, *words, "--reason", "Read and signed", "--passphrase-fd", fd(PASSPHRASE + "\nrest")
    )
    assert (code, "signature 1 by Dr 李明, radiologist" in out) == (0, True), err
    assert "The attached reading is a draft" in err
    (tmp_path / "words.txt").write_text("Looked at again.\n尺骨 6\n", encoding="utf-8")
    code, out, err = program.run(
        "sign", signed, "-o", both, *words, "--addendum", f"@{tmp_path / 'words.txt'}", "--passphrase-fd", fd(PASSPHRASE),
        "--json",
    )  # fmt: skip
    assert (code, json.loads(out)["number"], json.loads(out)["self_issued"]) == (0, 2, True), err
    assert both.read_bytes().startswith(signed.read_bytes())
    code, out, err = program.run("verify", both, "--film", film, "--json")
    told = json.loads(out)
    assert (code, told["whole"], told["trusted"], told["unsigned_changes"]) == (4, True, False, False), err
    assert "unknown-signer" in err
    assert [(s["number"], s["name"], s["role"], s["reason"], s["text"]) for s in told["signatures"]] == [
        (1, "Dr 李明", "radiologist", "Read and signed", ""), (2, "Dr 李明", "radiologist", "Addendum", "Looked at again.\n尺骨 6"),
    ]  # fmt: skip
    assert told["film"] == {"sha256": wiring._films().open(str(film)).source.sha256, "same": True}
    assert {m["here"] for m in told["models"]} == {"absent"}
    assert told["reading_state"] == "draft"


def test_a_station_key_is_known_here_and_the_words_say_what_is_covered(
    program: Any, drawn_report: tuple[Path, Path], tmp_path: Path
) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    try:
        signed = tmp_path / "signed.pdf"
        code, _, err = program.run("sign", drawn_report[1], "-o", signed, *WHO)
        assert code == 0, err
        code, out, err = program.run("verify", signed)
    finally:
        keyring.set_keyring(before)
    assert (code, err) == (0, "")
    for words in ("1 signature, as it was signed", "Dr 李明, radiologist", "self-issued, known here", "is whole", "SHA-256"):
        assert words in out


@pytest.mark.parametrize("where", ["middle", "end"])
def test_an_alteration_ends_with_1_and_says_so(
    where: str, program: Any, drawn_report: tuple[Path, Path], key_file: Path, tmp_path: Path, fd: Callable[[str], int]
) -> None:
    signed = tmp_path / "signed.pdf"
    program.run("sign", drawn_report[1], "-o", signed, "--pkcs12", key_file, *WHO, "--passphrase-fd", fd(PASSPHRASE))
    data = bytearray(signed.read_bytes())
    if where == "end":
        data += b"%"
    else:
        data[len(data) // 3] ^= 4
    signed.write_bytes(bytes(data))
    code, out, err = program.run("verify", signed, "--json")
    assert (code, json.loads(out)["whole"]) == (1, False)
    assert "boneage-desk: altered:" in err
    assert program.run("verify", signed)[0] == 1


def test_another_film_and_other_weights_end_with_1(
    program: Any, drawn_report: tuple[Path, Path], film: Callable[..., Path], key_file: Path, tmp_path: Path,
    fd: Callable[[str], int],
) -> None:  # fmt: skip
    signed = tmp_path / "signed.pdf"
    program.run("sign", drawn_report[1], "-o", signed, "--pkcs12", key_file, *WHO, "--passphrase-fd", fd(PASSPHRASE))
    other = film("other.dcm", sex="M")
    code, out, err = program.run("verify", signed, "--film", other)
    assert (code, "is ANOTHER" in out, "not the film that was read" in err) == (1, True, True)
    for digest, here, ends in ((sha("d"), "same", 4), ("f" * 64, "changed", 1)):
        there = [ModelCheck("detector", "detector", "yolov8n.test", digest, True)]
        program.app = dataclasses.replace(program.app, check_models=lambda there=there: there)
        code, out, _ = program.run("verify", signed, "--json")
        models = {m["name"]: m["here"] for m in json.loads(out)["models"]}
        assert (code, models["detector"], models["grader"]) == (ends, here, "absent")


def test_an_unsigned_report_ends_with_1(program: Any, drawn_report: tuple[Path, Path]) -> None:
    code, out, err = program.run("verify", drawn_report[1])
    assert (code, "0 signatures, NOT" in out, "boneage-desk: unsigned:" in err) == (1, True, True)


@pytest.mark.parametrize(("words", "code"), [
    (("--role", "radiologist"), "profile"), (("--name", "Dr A"), "profile"), ((), "profile"),
    (("--name", "Dr A", "--role", "technologist"), "role"), (("--name", "Dr A", "--role", "surgeon"), "role"),
    ((*WHO, "--addendum", "too early"), "state"), ((*WHO, "--addendum", "  "), "no-text"),
    ((*WHO, "--addendum", "@/nowhere"), "no-text"), (WHO, "passphrase"), ((*WHO, "--passphrase-fd", "97"), "passphrase"),
])  # fmt: skip
def test_refusals_of_sign(
    words: tuple[str, ...], code: str, program: Any, drawn_report: tuple[Path, Path], key_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "never.pdf"
    ended, _, err = program.run("sign", drawn_report[1], "-o", out, "--pkcs12", key_file, *words)
    assert ended == 2 and f"boneage-desk: {code}:" in err
    assert not out.exists()


def test_a_profile_says_who_signs(
    program: Any, drawn_report: tuple[Path, Path], key_file: Path, tmp_path: Path, fd: Callable[[str], int],
    own_data_folder: Path,
) -> None:  # fmt: skip
    services = wiring.build(own_data_folder)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    services.store().set_person(Person(services.who(), "Dr Profile", Role.ENDOCRINOLOGIST), at=now, who=services.who())
    services.close()
    out = tmp_path / "signed.pdf"
    ended, _, err = program.run("sign", drawn_report[1], "-o", out, "--pkcs12", key_file, *WHO)
    assert ended == 2 and "boneage-desk: role:" in err and not out.exists()
    ended, said, err = program.run("sign", drawn_report[1], "-o", out, "--pkcs12", key_file, "--passphrase-fd", fd(PASSPHRASE))
    assert (ended, "by Dr Profile, endocrinologist" in said) == (0, True), err


def test_each_signature_is_in_the_audit_chain(
    program: Any, drawn_report: tuple[Path, Path], key_file: Path, tmp_path: Path, fd: Callable[[str], int],
    own_data_folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def rows() -> list[Any]:
        services = wiring.build(own_data_folder)
        try:
            assert services.store().verify() == []
            return [event for event in services.store().events("") if event.action == "sign-file"]
        finally:
            services.close()

    signed = tmp_path / "signed.pdf"
    code, out, err = program.run(
        "sign", drawn_report[1], "-o", signed, "--pkcs12", key_file, *WHO, "--passphrase-fd", fd(PASSPHRASE), "--json"
    )
    assert code == 0, err
    told = json.loads(out)
    (row,) = rows()
    assert (row.who, row.detail) == (wiring._who(), "signed.pdf, signature 1 by Dr 李明, radiologist")
    assert row.before == f"sha256 {hashlib.sha256(drawn_report[1].read_bytes()).hexdigest()}"
    assert row.after == (
        f"sha256 {hashlib.sha256(signed.read_bytes()).hexdigest()}, certificate sha256 {told['certificate_sha256']}"
    )

    def full(*_: object, **__: object) -> None:
        raise StoreError("The disk is full", "Free space.", code="disk-full")

    other = tmp_path / "other.pdf"
    words = ("--pkcs12", key_file, *WHO, "--passphrase-fd", fd(PASSPHRASE))
    with monkeypatch.context() as patched:
        patched.setattr("boneage_desk.archive.station.Station.note", full)
        code, _, err = program.run("sign", drawn_report[1], "-o", other, *words)
    assert code != 0 and "disk-full" in err
    assert not other.exists(), "no signed file without its audit row"
    assert len(rows()) == 1


def test_doctor_says_which_key_would_sign(program: Any, own_data_folder: Path, tmp_path: Path) -> None:
    def told() -> dict[str, Any]:
        checks = json.loads(program.run("doctor", "--quick", "--json")[1])["checks"]
        return next(check for check in checks if check["name"] == "signing")

    assert told()["ok"] and "no profile yet" in told()["detail"]
    services = wiring.build(own_data_folder)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    services.store().set_person(Person(services.who(), "Dr Profile", Role.RADIOLOGIST), at=now, who=services.who())
    services.close()
    assert "station's own key" in told()["detail"] and "made at the first signature" in told()["detail"]
    assert not list(own_data_folder.rglob("*.p12")), "looking makes none"
    (own_data_folder / "settings.json").write_text(json.dumps({"signing_pkcs12": str(tmp_path / "gone.p12")}))
    assert (told()["ok"], "gone.p12" in told()["detail"]) == (False, True)


def test_the_report_itself_is_not_written_over(program: Any, drawn_report: tuple[Path, Path], key_file: Path) -> None:
    before = drawn_report[1].read_bytes()
    code, _, err = program.run("sign", drawn_report[1], "-o", drawn_report[1], "--pkcs12", key_file, *WHO)
    assert (code, "bad-output" in err, drawn_report[1].read_bytes() == before) == (2, True, True)


def test_a_wrong_passphrase_is_not_told_on(
    program: Any, drawn_report: tuple[Path, Path], key_file: Path, tmp_path: Path, fd: Callable[[str], int]
) -> None:
    code, out, err = program.run(
        "sign", drawn_report[1], "-o", tmp_path / "x.pdf", "--pkcs12", key_file, *WHO, "--passphrase-fd", fd("my secret guess")
    )
    assert (code, "boneage-desk: passphrase:" in err) == (2, True)
    assert "secret guess" not in out + err


@pytest.mark.parametrize("words", ["", "\n", "x" * 5000])
def test_what_comes_from_the_descriptor_must_be_a_line(words: str, fd: Callable[[str], int]) -> None:
    with pytest.raises(InputError) as error:
        secret("passphrase", fd(words))
    assert error.value.code == "passphrase"
    assert secret("", None) is None
    assert secret("pin", fd("12 34 \r\nmore")) == "12 34 "
