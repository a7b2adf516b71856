"""Attacks on signed reports: each must be seen."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, SuspiciousModification

from boneage_desk.common.errors import BoneAgeError, FilmError
from boneage_desk.common.settings import Settings
from boneage_desk.reports import signing_box, signing_cms, signing_write
from boneage_desk.reports.signing import Seals
from boneage_desk.reports.signing_keys import open_pkcs12
from tests import signers
from tests.signers import PASSPHRASE, MemoryKeyring, signature


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seals]:
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    yield Seals(Settings(), tmp_path_factory.mktemp("station"))
    keyring.set_keyring(before)


@pytest.fixture(scope="module")
def first(station: Seals, report: bytes) -> bytes:
    return station.seal(report, signature()).pdf


@pytest.fixture(scope="module")
def second(station: Seals, first: bytes) -> bytes:
    return station.seal(first, signature(2, text="Looked at again.")).pdf


@pytest.fixture(scope="module")
def tiny(station: Seals) -> bytes:
    """A signed page with little on it: many checks are quick."""
    page = signing_box.draw_addendum("A page", (), "Words.", (300.0, 200.0))
    return station.seal(page, signature()).pdf


def holds(seals: Seals, pdf: bytes) -> bool:
    """Whether the file passes as it was signed, by somebody known."""
    try:
        found = seals.verify(pdf)
    except BoneAgeError:
        return False
    return not found.problems and not found.unsigned_changes and bool(found.seals) and all(s.trusted for s in found.seals)


# --- bytes ------------------------------------------------------------------------------------------


def flips(pdf: bytes, count: int, places: list[int] | None = None) -> Iterator[tuple[int, int, bytes]]:
    chance = random.Random(20260302)
    for _ in range(count):
        place, bit = chance.choice(places) if places else chance.randrange(len(pdf)), 1 << chance.randrange(8)
        changed = bytearray(pdf)
        changed[place] ^= bit
        yield place, bit, bytes(changed)


def signature_bytes(pdf: bytes) -> list[int]:
    """Places of the signatures themselves, which no signature covers, brackets and padding with them."""
    found = re.finditer(rb"/Contents (<[0-9A-F]+>)", pdf)
    return [place for match in found for place in range(match.start(1), match.end(1))]


def test_forty_random_bytes_of_a_page_and_forty_of_its_signature(station: Seals, tiny: bytes) -> None:
    assert holds(station, tiny)
    for places in (None, signature_bytes(tiny)):
        for place, bit, changed in flips(tiny, 40, places):
            assert not holds(station, changed), f"byte {place} bit {bit}"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_two_hundred_random_bytes_of_a_report_and_two_hundred_of_its_signature(station: Seals, first: bytes) -> None:
    assert holds(station, first)
    for places in (None, signature_bytes(first)):
        for place, bit, changed in flips(first, 200, places):
            assert not holds(station, changed), f"byte {place} bit {bit}"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_random_bytes_of_a_report_with_an_addendum(station: Seals, second: bytes) -> None:
    assert holds(station, second)
    for places in (None, signature_bytes(second)):
        for place, bit, changed in flips(second, 30, places):
            assert not holds(station, changed), f"byte {place} bit {bit}"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_bytes_of_a_chain_of_certificates(tmp_path: Path) -> None:
    """An authority's certificates travel in the signature; none of their bytes can be changed unseen."""
    data, _, root = signers.chain()
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "root.pem").write_bytes(signers.pem(root))
    (tmp_path / "key.p12").write_bytes(data)
    seals = Seals(Settings(signing_pkcs12=str(tmp_path / "key.p12"), signing_trust=str(tmp_path / "trust")), tmp_path)
    page = signing_box.draw_addendum("A page", (), "Words.", (300.0, 200.0))
    pdf = seals.seal(page, signature(), passphrase=PASSPHRASE).pdf
    assert holds(seals, pdf)
    start = signature_bytes(pdf)[0]
    for place, bit, changed in flips(pdf, 300, list(range(start, start + 4000))):
        assert not holds(seals, changed), f"byte {place} bit {bit}"


@pytest.mark.parametrize("cut", [1, 7, 100, 0.5, 0.9])
def test_a_truncated_file(cut: float, station: Seals, second: bytes) -> None:
    kept = second[:-int(cut)] if cut >= 1 else second[: int(len(second) * cut)]
    assert not holds(station, kept)


@pytest.mark.parametrize("more", [b"\n", b"% a remark\n", b"\0" * 10, b"%%EOF\n", b"x" * 5000])
def test_bytes_after_the_end(more: bytes, station: Seals, first: bytes) -> None:
    found = station.verify(first + more)
    assert found.problems and found.unsigned_changes


def test_what_is_no_pdf(station: Seals) -> None:
    with pytest.raises(FilmError) as error:
        station.verify(b"GIF89a")
    assert error.value.code == "not-a-pdf"


# --- changes by incremental update ---------------------------------------------------------------------


class _Writer(IncrementalPdfFileWriter):
    def _update_meta(self) -> None:
        pass


def updated(pdf: bytes, change: Callable[[Any], None]) -> bytes:
    writer = _Writer(io.BytesIO(pdf))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def page_of(writer: Any, index: int = 0) -> Any:
    return writer.find_page_for_modification(index)[0].get_object()


def replace_the_page(writer: Any) -> None:
    """Shadow attack, replace: the page's content is another."""
    page = page_of(writer)
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"BT /F1 40 Tf 50 400 Td (forged) Tj ET"))
    writer.update_container(page)


def replace_in_place(writer: Any) -> None:
    """The same with the object's own number."""
    raw = page_of(writer).raw_get("/Contents")
    ref = raw[0] if isinstance(raw, generic.ArrayObject) else raw
    writer.objects[(0, ref.idnum)] = generic.StreamObject(stream_data=b"BT (forged) Tj ET")


def hide_an_annotation(writer: Any) -> None:
    """Shadow attack, hide: the seal's box is taken off the page."""
    page = page_of(writer)
    page["/Annots"] = generic.ArrayObject()
    writer.update_container(page)


def write_over_the_page(writer: Any) -> None:
    page = page_of(writer)
    note = generic.DictionaryObject({
        generic.pdf_name("/Type"): generic.pdf_name("/Annot"), generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
        generic.pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (50, 50, 300, 300))),
        generic.pdf_name("/Contents"): generic.pdf_string("forged"), generic.pdf_name("/DA"): generic.pdf_string("/Helv 12 Tf"),
    })  # fmt: skip
    page["/Annots"] = generic.ArrayObject([*page["/Annots"], writer.add_object(note)])
    writer.update_container(page)


def take_a_page_out(writer: Any) -> None:
    pages = writer.root["/Pages"]
    pages["/Kids"] = generic.ArrayObject(list(pages["/Kids"])[:-1] or [])
    pages["/Count"] = generic.NumberObject(len(pages["/Kids"]))
    writer.update_container(pages)


def put_a_page_in(writer: Any) -> None:
    signing_write._append_page(writer, signing_box.draw_addendum("forged", (), "forged", (595.0, 842.0)))


def put_a_page_first(writer: Any) -> None:
    put_a_page_in(writer)
    kids = writer.root["/Pages"]["/Kids"]
    kids.insert(0, kids.pop())
    writer.update_container(kids)


def change_the_title(writer: Any) -> None:
    info = writer.trailer["/Info"]
    info["/Title"] = generic.pdf_string("another child")
    writer.update_container(info)


def change_the_metadata(writer: Any) -> None:
    forged = generic.StreamObject(stream_data=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
    writer.root["/Metadata"] = writer.add_object(forged)
    writer.update_root()


def replace_the_reading(writer: Any) -> None:
    stream = writer.root["/Names"]["/EmbeddedFiles"]["/Names"][1].get_object()["/EF"].raw_get("/F")
    writer.objects[(0, stream.idnum)] = generic.StreamObject(stream_data=b'{"state": "signed"}')


def attach_another(writer: Any) -> None:
    file = writer.add_object(generic.StreamObject(stream_data=b"{}"))
    spec = generic.DictionaryObject({
        generic.pdf_name("/Type"): generic.pdf_name("/Filespec"), generic.pdf_name("/F"): generic.pdf_string("reading.json"),
        generic.pdf_name("/EF"): generic.DictionaryObject({generic.pdf_name("/F"): file}),
    })  # fmt: skip
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    names += [generic.pdf_string("reading.json"), writer.add_object(spec)]
    writer.update_container(names)


def run_a_script(writer: Any) -> None:
    writer.root["/OpenAction"] = generic.DictionaryObject({
        generic.pdf_name("/S"): generic.pdf_name("/JavaScript"), generic.pdf_name("/JS"): generic.pdf_string("app.alert(1)"),
    })  # fmt: skip
    writer.update_root()


def take_the_signature_out(writer: Any) -> None:
    field = writer.root["/AcroForm"]["/Fields"][0].get_object()
    del field["/V"]
    writer.update_container(field)


CHANGES = [
    replace_the_page, replace_in_place, hide_an_annotation, write_over_the_page, take_a_page_out, put_a_page_in,
    put_a_page_first, change_the_title, change_the_metadata, replace_the_reading, attach_another, run_a_script,
    take_the_signature_out,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_signature(change: Callable[[Any], None], station: Seals, first: bytes) -> None:
    forged = updated(first, change)
    assert forged.startswith(first) and len(forged) > len(first)
    found = station.verify(forged)
    assert found.problems, "it is seen"
    if found.seals:
        assert found.unsigned_changes
        assert found.seals[0].intact, "and the part that was signed is still vouched for"
        assert found.reading is None or found.reading["bones"], "the reading is the signed one"


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_somebody_else_signs(change: Callable[[Any], None], station: Seals, first: bytes) -> None:
    """An attacker's own signature covers the whole file: the first one must say that it was changed after it."""
    key = open_pkcs12(signers.own("ec"), PASSPHRASE, "attacker")
    box = signing_box.draw_box(["Mallory"], signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
    page = signing_box.draw_addendum("Addendum", (), "Nothing to see.", (595.0, 842.0))
    forged = signing_write.write(
        updated(first, change), signature(2, name="Mallory", text="Nothing to see."), key, signing_write.Drawn(box, page)
    )
    found = station.verify(forged)
    assert any(problem.startswith("Signature 1") for problem in found.problems) or not found.seals or (
        change is take_the_signature_out and found.problems
    )
    assert not holds(station, forged)


def test_somebody_elses_addendum_is_told_apart_but_is_no_alteration(station: Seals, first: bytes) -> None:
    key = open_pkcs12(signers.own("ec"), PASSPHRASE, "other")
    box = signing_box.draw_box(["Mallory"], signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
    page = signing_box.draw_addendum("Addendum", (), "A second opinion.", (595.0, 842.0))
    seal = signature(2, name="Mallory", text="A second opinion.")
    found = station.verify(signing_write.write(first, seal, key, signing_write.Drawn(box, page)))
    assert found.problems == ()
    assert [s.trusted for s in found.seals] == [True, False]


def test_an_added_page_may_hold_nothing_but_its_content_and_its_seal(station: Seals, first: bytes) -> None:
    """Links, actions and notes on an added page are not taken for an addendum, whoever signs."""
    key = open_pkcs12(signers.own("ec"), PASSPHRASE, "other")
    box = signing_box.draw_box(["Mallory"], signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
    page = signing_box.draw_addendum("Addendum", (), "x", (595.0, 842.0))
    real = signing_write._append_page

    def append(writer: Any, data: bytes) -> None:
        real(writer, data)
        new = writer.root["/Pages"]["/Kids"][-1].get_object()
        new["/AA"] = generic.DictionaryObject({generic.pdf_name("/O"): generic.DictionaryObject()})

    signing_write._append_page = append  # type: ignore[assignment]
    try:
        forged = signing_write.write(first, signature(2, text="x"), key, signing_write.Drawn(box, page))
    finally:
        signing_write._append_page = real
    assert any("more than a page may" in problem for problem in station.verify(forged).problems)


def test_a_box_over_what_was_signed(station: Seals, first: bytes) -> None:
    """Its appearance could say anything, so another signature's box may only stand on a page that it adds."""
    key = open_pkcs12(signers.own("ec"), PASSPHRASE, "other")
    box = signing_box.draw_box(["Bone age 17 y"], signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
    forged = signing_write.write(first, signature(2, name="Mallory"), key, signing_write.Drawn(box))
    found = station.verify(forged)
    assert [s.intact for s in found.seals] == [True, True]
    assert any("put on a page that was signed" in problem for problem in found.problems)


def test_an_empty_field_with_a_picture_under_an_addendum(station: Seals, first: bytes) -> None:
    def add_field(writer: Any) -> None:
        field = writer.add_object(generic.DictionaryObject({
            generic.pdf_name("/FT"): generic.pdf_name("/Sig"), generic.pdf_name("/T"): generic.pdf_string("Empty"),
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"), generic.pdf_name("/Subtype"): generic.pdf_name("/Widget"),
            generic.pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (50, 50, 300, 300))),
        }))  # fmt: skip
        form, page = writer.root["/AcroForm"], page_of(writer)
        form["/Fields"].append(field)
        page["/Annots"] = generic.ArrayObject([*page["/Annots"], field])
        writer.update_container(form["/Fields"])
        writer.update_container(page)

    key = open_pkcs12(signers.own("ec"), PASSPHRASE, "other")
    box = signing_box.draw_box(["Mallory"], signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
    page = signing_box.draw_addendum("Addendum", (), "x", (595.0, 842.0))
    forged = signing_write.write(updated(first, add_field), signature(2, text="x"), key, signing_write.Drawn(box, page))
    assert any("not a plain signature" in problem for problem in station.verify(forged).problems)


# --- signatures moved about ------------------------------------------------------------------------------


def test_two_signatures_exchanged(station: Seals, second: bytes) -> None:
    one, two = re.findall(rb"/Contents <([0-9A-F]+)>", second)

    def at_size(content: bytes, size: int) -> bytes:
        """An elliptic signature's length differs by a byte or two; the zeros after it make up for that."""
        return content[:size].ljust(size, b"0")

    swapped = second.replace(one, b"?" * len(one)).replace(two, at_size(one, len(two)))
    swapped = swapped.replace(b"?" * len(one), at_size(two, len(one)))
    assert swapped != second and len(swapped) == len(second)
    found = station.verify(swapped)
    assert found.problems and not any(s.intact for s in found.seals)


def test_a_signature_of_another_file(station: Seals, first: bytes, tiny: bytes) -> None:
    (mine,), (other,) = (re.findall(rb"/Contents <([0-9A-F]+)>", pdf) for pdf in (first, tiny))
    size = min(len(mine), len(other))
    forged = first.replace(mine, other[:size].ljust(len(mine), b"0"))
    assert not holds(station, forged)


@pytest.mark.parametrize("change", [
    lambda obj: obj.update({"/ByteRange": generic.ArrayObject(map(generic.NumberObject, (0, 10, 20, 5)))}),
    lambda obj: obj.update({"/ByteRange": generic.ArrayObject(map(generic.NumberObject, (0, -1, 0, 0)))}),
    lambda obj: obj.update({"/ByteRange": generic.NullObject()}), lambda obj: obj.pop("/ByteRange"),
    lambda obj: obj.update({"/Contents": generic.ByteStringObject(b"")}), lambda obj: obj.pop("/Contents"),
    lambda obj: obj.update({"/Contents": generic.NullObject()}), lambda obj: obj.update({"/SubFilter": generic.pdf_name("/x")}),
    lambda obj: obj.update({"/Name": generic.pdf_string("Mallory")}),
])  # fmt: skip
def test_a_signature_whose_own_entries_are_forged(change: Callable[[Any], None], station: Seals, first: bytes) -> None:
    """Universal forgeries: a signature without bytes, ranges or content must not pass for one."""

    def forge(writer: Any) -> None:
        field = writer.root["/AcroForm"]["/Fields"][0].get_object()
        ref = field.raw_get("/V")
        entries = generic.DictionaryObject(ref.get_object())
        change(entries)
        writer.objects[(0, ref.idnum)] = entries

    found = station.verify(updated(first, forge))
    assert found.problems and not any(seal.whole and seal.intact and not seal.problem for seal in found.seals)


def test_a_report_that_says_signed_and_is_not(station: Seals, report: bytes) -> None:
    found = station.verify(report)
    assert found.seals == () and not found.unsigned_changes
    assert any("signed, but the file has no signature" in problem for problem in found.problems)


def test_an_addendum_cut_off_leaves_what_was_signed_first(station: Seals, first: bytes, second: bytes) -> None:
    """Nothing in a file can tell that it had more after its end: the store and the reading's record do."""
    assert second[: len(first)] == first
    assert holds(station, first)


def test_a_name_that_is_not_that_of_the_stations_certificate(station: Seals, report: bytes) -> None:
    with station._key.open(signature(), None) as key:
        box = signing_box.draw_box(["x"], signing_box.SEAL_WIDE, signing_box.SEAL_HIGH)
        forged = signing_write.write(report, signature(name="Dr Somebody Else"), key, signing_write.Drawn(box))
    found = station.verify(forged)
    assert any("name is not that of" in problem for problem in found.problems)
    assert any("the attached reading says" in problem for problem in found.problems)


# --- why rules of our own --------------------------------------------------------------------------------


def test_pyhankos_own_rules_know_no_added_page(second: bytes) -> None:
    """Where they learn to, ours are no longer needed."""
    signed = PdfFileReader(io.BytesIO(second), strict=True).embedded_signatures[0]
    signed.compute_integrity_info(diff_policy=DEFAULT_DIFF_POLICY)
    assert isinstance(signed.diff_result, SuspiciousModification)


@pytest.mark.parametrize(("data", "der"), [
    (b"\x30\x03\x02\x01\x05", True), (b"\x30\x80\x02\x01\x05\x00\x00", False), (b"\x30\x81\x03\x02\x01\x05", False),
    (b"\x02\x02\x00\x05", False), (b"\x02\x02\x00\x85", True), (b"\x01\x01\x01", False), (b"\x01\x01\xff", True),
    (b"\x05\x01\x00", False), (b"\x30\x05\x02\x01\x05", False), (b"\x00\x00", False), (b"", True), (b"\x02\x00", False),
])  # fmt: skip
def test_der_has_one_form(data: bytes, der: bool) -> None:
    assert signing_cms.is_der(data) is der
