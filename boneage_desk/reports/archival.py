"""What makes a finished PDF one for the archive: PDF/A-3b marks, structure tree, attached data, and equal bytes.

After ISO 19005-3: XMP with the identification and the same facts as Info, an sRGB output intent, a file identifier,
associated files with their relation. Fonts are embedded and nothing asks for the outside because of how the pages are
drawn (:mod:`boneage_desk.reports.pdf`); docs/report.md lists each clause with its check.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from boneage_desk.reports.tagging import Node

PART, CONFORMANCE = 3, "B"
ATTACHMENT = "reading.json"
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
   <pdfaid:part>{part}</pdfaid:part>
   <pdfaid:conformance>{conformance}</pdfaid:conformance>
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
   <dc:language><rdf:Bag>{languages}</rdf:Bag></dc:language>
   <xmp:CreateDate>{at}</xmp:CreateDate>
   <xmp:ModifyDate>{at}</xmp:ModifyDate>
   <xmp:MetadataDate>{at}</xmp:MetadataDate>
   <xmp:CreatorTool>{program}</xmp:CreatorTool>
   <pdf:Producer>{program}</pdf:Producer>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What Info and XMP say. ``languages``: RFC 3066 tags, the document's own first; ``at``: of the reading."""

    title: str
    author: str
    subject: str
    program: str
    languages: tuple[str, ...]
    at: datetime


def finish(pdf: bytes, facts: FileFacts, root: Node | None = None, attachment: bytes | None = None) -> bytes:
    """``pdf`` (reportlab's) as PDF/A-3b, with the structure ``root`` and ``attachment`` as reading.json.

    Equal input gives equal bytes: the file's identifier is a digest of its content.
    """
    import pikepdf
    from pikepdf import Array, Dictionary, Name, String

    with pikepdf.open(io.BytesIO(pdf)) as file:
        catalog = file.Root
        stamp = _pdf_date(facts.at)
        info = {"/Title": facts.title, "/Author": facts.author, "/Subject": facts.subject, "/Creator": facts.program,
                "/Producer": facts.program, "/CreationDate": stamp, "/ModDate": stamp}  # fmt: skip
        file.trailer.Info = file.make_indirect(Dictionary({key: String(value) for key, value in info.items()}))
        catalog.Lang = String(facts.languages[0])
        catalog.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        metadata = file.make_stream(_xmp(facts))
        metadata.Type, metadata.Subtype = Name.Metadata, Name.XML
        catalog.Metadata = metadata
        profile = file.make_stream(srgb_profile())
        profile.N = 3
        catalog.OutputIntents = Array([
            Dictionary(
                Type=Name.OutputIntent, S=Name.GTS_PDFA1, OutputConditionIdentifier=String("sRGB IEC61966-2.1"),
                Info=String("sRGB IEC61966-2.1"), RegistryName=String("http://www.color.org"), DestOutputProfile=profile,
            )
        ])  # fmt: skip
        for page in file.pages:
            if "/Trans" in page.obj:  # reportlab writes an empty one
                del page.obj.Trans
        if root is not None:
            _structure(file, root)
        if attachment is not None:
            _attach(file, attachment, stamp)
        out = io.BytesIO()
        file.save(out, deterministic_id=True, min_version="1.7", object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _pdf_date(at: datetime) -> str:
    zone = at.strftime("%z") or "+0000"
    return at.strftime("D:%Y%m%d%H%M%S") + f"{zone[:3]}'{zone[3:5]}'"


def _xmp(facts: FileFacts) -> bytes:
    at = facts.at.replace(microsecond=0)
    text = _XMP.format(
        part=PART, conformance=CONFORMANCE, title=escape(facts.title), author=escape(facts.author),
        subject=escape(facts.subject), program=escape(facts.program),
        languages="".join(f"<rdf:li>{tag}</rdf:li>" for tag in facts.languages),
        at=at.isoformat() if at.tzinfo else f"{at.isoformat()}+00:00",
    )  # fmt: skip
    return text.encode("utf-8")


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Little CMS's own sRGB profile, without the time at which it was made."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes.fromhex("07d000010001000000000000")  # 1 January 2000, 0:00
    profile[84:100] = bytes(16)  # an identifier of 0 is 'not computed'
    return bytes(profile)


def _structure(file: Any, root: Node) -> None:
    """The tree of elements, and from each page's marks back to them."""
    from pikepdf import Array, Dictionary, Name

    places: list[dict[int, Any]] = [{} for _ in file.pages]
    top = file.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    top.K = Array([_element(file, root, top, places)])
    numbers = Array()
    for index, (page, marks) in enumerate(zip(file.pages, places, strict=True)):
        page.obj.StructParents = index
        page.obj.Tabs = Name.S
        numbers.extend([index, file.make_indirect(Array([marks[number] for number in sorted(marks)]))])
    top.ParentTree = file.make_indirect(Dictionary(Nums=numbers))
    top.ParentTreeNextKey = len(places)
    file.Root.StructTreeRoot = top
    file.Root.MarkInfo = Dictionary(Marked=True)


def _element(file: Any, node: Node, parent: Any, places: list[dict[int, Any]]) -> Any:
    from pikepdf import Array, Dictionary, Name, String

    made = file.make_indirect(Dictionary(Type=Name.StructElem, S=Name(f"/{node.role}"), P=parent))
    if node.alt:
        made.Alt = String(" ".join(node.alt.split()))
    if node.scope:
        made.A = Dictionary(O=Name.Table, Scope=Name(f"/{node.scope}"))
    for page, mark in node.marks:
        made.Pg = file.pages[page].obj
        made.K = mark
        places[page][mark] = made
    if node.children:
        made.K = Array([_element(file, child, made, places) for child in node.children])
    return made


def _attach(file: Any, data: bytes, stamp: str) -> None:
    """The reading's JSON as an associated file of the document."""
    from pikepdf import Array, Dictionary, Name, String

    stream = file.make_stream(data)
    stream.Type, stream.Subtype = Name.EmbeddedFile, Name("/application/json")
    stream.Params = Dictionary(Size=len(data), ModDate=String(stamp), CreationDate=String(stamp))
    entry = file.make_indirect(
        Dictionary(
            Type=Name.Filespec, F=String(ATTACHMENT), UF=String(ATTACHMENT), EF=Dictionary(F=stream, UF=stream),
            AFRelationship=Name.Data, Desc=String("The reading as data"),
        )
    )  # fmt: skip
    file.Root.AF = Array([entry])
    file.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([String(ATTACHMENT), entry])))
