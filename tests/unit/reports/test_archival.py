"""PDF/A-3b clause by clause, and the tags, read back with pikepdf, fontTools and poppler. No veraPDF runs here."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from boneage_desk.common.settings import Settings
from boneage_desk.reading.document import document
from boneage_desk.reading.people import Role
from boneage_desk.reading.session import State
from boneage_desk.reading.signature import Signature
from boneage_desk.reports.addendum_page import addendum_page
from boneage_desk.reports.archival import srgb_profile
from boneage_desk.reports.pdf import PdfReports
from tests.samples import NOON
from tests.unit.reports.test_pdf import frame, reviewed, small

NS = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/", "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
}  # fmt: skip
SEAL = Signature(1, NOON, "awis", "Anna Wisniewska", Role.RADIOLOGIST, "read", "a" * 64, False, "b" * 64)


def report(folder: Path) -> bytes:
    logo = folder / "logo.png"
    Image.new("RGBA", (60, 20), (20, 90, 160, 128)).save(logo)
    chosen = Settings(
        report_language="en+zh", site_name="A & B <Hospital>", report_logo=str(logo), report_header="One\nTwo", report_footer="Three"
    )
    value = dataclasses.replace(reviewed(), state=State.SIGNED, signatures=(SEAL,))
    return PdfReports(chosen).render(value, frame(value))


def addendum(_folder: Path) -> bytes:
    value = dataclasses.replace(reviewed(), state=State.SIGNED, signatures=(SEAL,))
    more = dataclasses.replace(SEAL, number=2, text="More. 更多。")
    return addendum_page(value, more, settings=Settings(report_language="en+zh", site_name="A & B <Hospital>"))


@pytest.fixture(scope="module", params=[report, addendum], ids=lambda make: make.__name__)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return request.param(tmp_path_factory.mktemp("pdf"))  # type: ignore[no-any-return]


@pytest.fixture
def pdf(data: bytes) -> Any:
    with pikepdf.open(io.BytesIO(data)) as file:
        yield file


def xmp(pdf: pikepdf.Pdf) -> ET.Element:
    return ET.fromstring(pdf.Root.Metadata.read_raw_bytes().decode("utf-8"))  # raw: it must not be filtered


def one(tree: ET.Element, path: str) -> str:
    found = tree.findall(f".//{path}", NS)
    assert len(found) == 1, path
    return (found[0].text or "").strip()


def objects(pdf: pikepdf.Pdf) -> list[Any]:
    return [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary | pikepdf.Stream)]


# --- file structure (6.1) ---------------------------------------------------------------------------------


def test_header_identifier_and_no_encryption(data: bytes, pdf: pikepdf.Pdf) -> None:
    assert re.match(rb"%PDF-1\.[0-7]\n%[\x80-\xff]{4}", data), "6.1.2"
    assert len(pdf.trailer.ID) == 2 and len(bytes(pdf.trailer.ID[0])) >= 16, "6.1.3"
    assert "/Encrypt" not in pdf.trailer, "6.1.3"
    assert data.rstrip().endswith(b"%%EOF")


def test_filters_are_allowed_ones(pdf: pikepdf.Pdf) -> None:
    for item in objects(pdf):
        if isinstance(item, pikepdf.Stream):
            filters = item.get("/Filter", pikepdf.Array([]))
            names = {str(f) for f in (filters if isinstance(filters, pikepdf.Array) else [filters])}
            assert names <= {"/FlateDecode", "/DCTDecode", "/ASCII85Decode"}, "6.1.7: no LZW, no Crypt"
            assert "/F" not in item.stream_dict, "6.1.7.1: no data outside the file"


def test_qpdf_finds_no_fault(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(data)
    done = subprocess.run(["qpdf", "--check", tmp_path / "r.pdf"], capture_output=True, text=True)
    assert done.returncode == 0 and "No syntax or stream encoding errors" in done.stdout


# --- graphics (6.2) ---------------------------------------------------------------------------------------


def test_one_srgb_output_intent(pdf: pikepdf.Pdf) -> None:
    intents = pdf.Root.OutputIntents
    assert len(intents) == 1 and intents[0].S == "/GTS_PDFA1", "6.2.3"
    profile = intents[0].DestOutputProfile
    assert profile.N == 3 and str(intents[0].OutputConditionIdentifier) == "sRGB IEC61966-2.1"
    icc = profile.read_bytes()
    assert int.from_bytes(icc[:4], "big") == len(icc) and icc[36:40] == b"acsp"
    assert icc[12:16] == b"mntr" and icc[16:20] == b"RGB " and icc[8] in (2, 4), "6.2.3: a monitor or printer profile"


def test_the_profile_is_srgb_and_always_the_same() -> None:
    from PIL import ImageCms

    made = srgb_profile()
    srgb_profile.cache_clear()
    assert srgb_profile() == made
    turn = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(made)), ImageCms.createProfile("sRGB"), "RGB", "RGB"
    )
    patch = Image.new("RGB", (2, 2), (200, 30, 120))
    assert max(abs(a - b) for a, b in zip(ImageCms.applyTransform(patch, turn).getpixel((0, 0)), (200, 30, 120), strict=True)) <= 1


def test_colours_are_grey_or_rgb_and_pictures_plain(pdf: pikepdf.Pdf) -> None:
    for page in pdf.pages:
        for operands, operator in pikepdf.parse_content_stream(page):
            assert str(operator) not in ("k", "K"), "6.2.4.3: CMYK has no profile here"
            assert not (str(operator) == "ri" and str(operands[0]) not in ("/RelativeColorimetric", "/Perceptual"))
    for item in objects(pdf):
        if item.get("/Subtype") == "/Image":
            assert item.ColorSpace in ("/DeviceGray", "/DeviceRGB") or str(item.ColorSpace[0]) == "/ICCBased"
            assert not item.get("/Interpolate", False) and "/Alternates" not in item and "/OPI" not in item, "6.2.8"
            assert "/SMask" not in item, "a logo's transparency is flattened"
        if item.get("/Subtype") == "/Form":
            assert "/PS" not in item and "/Ref" not in item, "6.2.9"


def test_graphics_states_hold_nothing_forbidden(pdf: pikepdf.Pdf) -> None:
    for page in pdf.pages:
        for state in page.Resources.get("/ExtGState", pikepdf.Dictionary()).values():
            assert not {"/TR", "/TR2", "/HTP"} & set(state.keys()), "6.2.5"
            assert state.get("/BM", "/Normal") in ("/Normal", "/Compatible"), "6.2.10"
        assert "/Trans" not in page.obj


def test_every_font_is_embedded_as_a_symbolic_subset_whose_widths_are_its_own(pdf: pikepdf.Pdf) -> None:
    fonts = [item for item in objects(pdf) if item.get("/Type") == "/Font"]
    assert len(fonts) >= 3
    for font in fonts:
        assert font.Subtype == "/TrueType" and re.match(r"/[A-Z]{6}\+", str(font.BaseFont)), "6.2.11.4.2"
        described = font.FontDescriptor
        program = TTFont(io.BytesIO(described.FontFile2.read_bytes()))
        assert int(described.Flags) & 4 and not int(described.Flags) & 32 and "/Encoding" not in font, "6.2.11.6"
        tables = program["cmap"].tables
        assert len(tables) == 1, "6.2.11.6: exactly one encoding in a symbolic font"
        scale = 1000 / program["head"].unitsPerEm
        first = int(font.FirstChar)
        for code, glyph in tables[0].cmap.items():
            if first <= code <= int(font.LastChar):
                told, own = float(font.Widths[code - first]), program["hmtx"].metrics[glyph][0] * scale
                assert abs(told - own) <= 1, "6.2.11.5"
        assert "/ToUnicode" in font
        assert "/CIDSet" not in described and "/CharSet" not in described


def test_no_character_is_drawn_that_its_font_lacks(pdf: pikepdf.Pdf) -> None:
    """6.2.11.8: no reference to .notdef."""
    for page in pdf.pages:
        held, name = {}, ""
        for key, font in page.Resources.Font.items():
            held[str(key)] = TTFont(io.BytesIO(font.FontDescriptor.FontFile2.read_bytes()))["cmap"].tables[0].cmap
        for operands, operator in pikepdf.parse_content_stream(page):
            if str(operator) == "Tf":
                name = str(operands[0])
            elif str(operator) in ("Tj", "'"):
                for code in bytes(operands[0]):
                    assert held[name].get(code, ".notdef") != ".notdef", (name, code)


# --- what nothing may hold (6.3 to 6.5) ------------------------------------------------------------------


def test_no_actions_scripts_forms_or_annotations(pdf: pikepdf.Pdf) -> None:
    for name in ("/OpenAction", "/AA", "/JavaScript", "/AcroForm", "/XFA", "/Requirements", "/NeedsRendering"):
        assert name not in pdf.Root, "6.4, 6.5"
    for page in pdf.pages:
        assert "/AA" not in page.obj and "/Annots" not in page.obj and "/PresSteps" not in page.obj
    assert "/JavaScript" not in pdf.Root.get("/Names", pikepdf.Dictionary())


# --- metadata (6.6) ---------------------------------------------------------------------------------------


def test_xmp_says_part_3_b_and_the_same_as_info(pdf: pikepdf.Pdf) -> None:
    stream = pdf.Root.Metadata
    assert stream.Type == "/Metadata" and stream.Subtype == "/XML" and "/Filter" not in stream
    raw = stream.read_raw_bytes()
    assert raw.startswith(b"<?xpacket begin=") and b"bytes=" not in raw and b"encoding=" not in raw, "6.6.2.1"
    tree = xmp(pdf)
    assert one(tree, "pdfaid:part") == "3" and one(tree, "pdfaid:conformance") == "B", "6.6.4"
    info = pdf.docinfo
    for path, key in (
        ("dc:title/rdf:Alt/rdf:li", "/Title"), ("dc:creator/rdf:Seq/rdf:li", "/Author"),
        ("dc:description/rdf:Alt/rdf:li", "/Subject"), ("xmp:CreatorTool", "/Creator"), ("pdf:Producer", "/Producer"),
    ):  # fmt: skip
        assert one(tree, path) == str(info[key]), "6.6.3"
    for path, key in (("xmp:CreateDate", "/CreationDate"), ("xmp:ModifyDate", "/ModDate")):
        at = datetime.fromisoformat(one(tree, path))
        assert str(info[key]) == f"D:{at:%Y%m%d%H%M%S}+00'00'" and at.astimezone(UTC) == NOON
    assert {item.text for item in tree.findall(".//dc:language/rdf:Bag/rdf:li", NS)} == {"en-GB", "zh-Hans-CN"}


def test_another_program_reads_the_xmp(data: bytes, pdf: pikepdf.Pdf, tmp_path: Path) -> None:
    with pdf.open_metadata() as meta:
        assert meta.pdfa_status == "3B" and meta["dc:title"] == str(pdf.docinfo["/Title"])
    (tmp_path / "r.pdf").write_bytes(data)
    told = subprocess.run(["pdfinfo", "-meta", tmp_path / "r.pdf"], capture_output=True, text=True, check=True).stdout
    assert "<pdfaid:part>3</pdfaid:part>" in told


# --- associated files (6.8) -------------------------------------------------------------------------------


def test_the_reading_is_attached_as_data(tmp_path: Path) -> None:
    data = report(tmp_path)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        entry = pdf.Root.AF[0]
        assert len(pdf.Root.AF) == 1 and entry.AFRelationship == "/Data" and str(entry.F) == str(entry.UF) == "reading.json"
        stream = entry.EF.F
        assert stream.Subtype == "/application/json" and stream.Type == "/EmbeddedFile"
        assert int(stream.Params.Size) == len(stream.read_bytes()) and "/ModDate" in stream.Params
        names = pdf.Root.Names.EmbeddedFiles.Names
        assert str(names[0]) == "reading.json" and names[1].objgen == entry.objgen
        made = json.loads(stream.read_bytes())
    wanted = document(dataclasses.replace(reviewed(), state=State.SIGNED, signatures=(SEAL,)))
    assert made["input"].pop("path") == "左手 film.dcm", "no folder of this computer"
    wanted["input"].pop("path")
    assert made == json.loads(json.dumps(wanted))
    (tmp_path / "r.pdf").write_bytes(data)
    subprocess.run(["pdfdetach", "-saveall", "-o", tmp_path, tmp_path / "r.pdf"], check=True, capture_output=True)
    assert json.loads((tmp_path / "reading.json").read_text(encoding="utf-8"))["schema_version"] == 1


# --- tags -------------------------------------------------------------------------------------------------


def leaves(element: Any) -> list[Any]:
    """Elements that hold marks, in order."""
    kids = element.get("/K")
    if isinstance(kids, pikepdf.Array):
        return [leaf for kid in kids for leaf in leaves(kid)]
    return [element]


def test_every_mark_has_its_element_and_the_other_way(pdf: pikepdf.Pdf) -> None:
    root = pdf.Root.StructTreeRoot
    assert bool(pdf.Root.MarkInfo.Marked) and root.K[0].S == "/Document" and str(pdf.Root.Lang) == "en-GB"
    found = leaves(root.K[0])
    numbers = list(root.ParentTree.Nums)
    for index, page in enumerate(pdf.pages):
        marks, depth = [], 0
        for operands, operator in pikepdf.parse_content_stream(page):
            name = str(operator)
            if name in ("BMC", "BDC"):
                depth += 1
                if name == "BDC" and "/MCID" in operands[1]:
                    marks.append((int(operands[1].MCID), str(operands[0])))
            elif name == "EMC":
                depth -= 1
            elif name in ("Tj", "'", "TJ", "Do", "f", "S", "B", "f*"):
                assert depth > 0, "everything that is drawn is marked, as content or as an artifact"
        assert depth == 0
        assert [number for number, _ in marks] == list(range(len(marks))), "drawn in reading order"
        mine = [leaf for leaf in found if leaf.Pg.objgen == page.obj.objgen]
        assert [(int(leaf.K), str(leaf.S)) for leaf in mine] == marks, "the tree is in the order of the page"
        assert int(page.obj.StructParents) == index and page.obj.Tabs == "/S"
        parents = numbers[numbers.index(index) + 1]
        assert [parent.objgen for parent in parents] == [leaf.objgen for leaf in mine]


def test_headings_tables_and_pictures_are_what_they_are(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(report(tmp_path))) as pdf:
        found = leaves(pdf.Root.StructTreeRoot.K[0])
        roles = [str(leaf.S) for leaf in found]
        assert roles.count("/H1") == 2 and roles.count("/H2") >= 3
        figures = [leaf for leaf in found if leaf.S == "/Figure"]
        assert all(str(leaf.Alt).strip() for leaf in figures) and len(figures) == 15
        assert any("Radiograph of the hand with the boxes of 13 bones" in str(leaf.Alt) for leaf in figures)
        tables = [item for item in objects(pdf) if item.get("/S") == "/Table"]
        # a row of titles, 13 bones, a total; titles, 13 bones; titles, 5 standards
        assert sorted(len(table.K) for table in tables) == [6, 14, 15]
        scopes = {str(leaf.A.Scope) for leaf in found if leaf.S == "/TH"}
        assert scopes == {"/Column", "/Row"}


def test_poppler_reads_the_structure(tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(report(tmp_path))
    told = subprocess.run(["pdfinfo", "-struct-text", tmp_path / "r.pdf"], capture_output=True, text=True, check=True).stdout
    assert told.index("Bone age report") < told.index("LI Ming") < told.index("Grades of the 13 bones") < told.index("Signed by")


# --- the same ---------------------------------------------------------------------------------------------


def test_equal_readings_give_equal_bytes(tmp_path: Path) -> None:
    assert report(tmp_path) == report(tmp_path)
    assert addendum(tmp_path) == addendum(tmp_path)


def test_a_logo_that_cannot_be_used_is_told_and_left_out(tmp_path: Path) -> None:
    broken, film = tmp_path / "broken.png", tmp_path / "film.bmp"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    Image.new("L", (10, 10)).save(film)
    value = small(reviewed())
    plain = PdfReports(Settings())
    assert plain.trouble() == ""
    for path in (tmp_path / "gone.png", broken, film, tmp_path):
        writer = PdfReports(Settings(report_logo=str(path)))
        assert "logo" in writer.trouble() and str(path) in writer.trouble()
        assert writer.render(value, None) == plain.render(value, None)


def test_a_huge_logo_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    Image.new("1", (8000, 8000)).save(bomb)
    assert "million pixels" in PdfReports(Settings(report_logo=str(bomb))).trouble()
