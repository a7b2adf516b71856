"""Drawn films in every form that the program reads, as small as they may be: what the mutants are made of."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from boneage_desk.imaging.hostile.elements import BIG, EXPLICIT, IMPLICIT, Encoding

if TYPE_CHECKING:
    import numpy.typing as npt
    from pydicom.dataset import Dataset

ROWS, COLUMNS = 96, 80
MOST_INFLATED = 1 << 20
_EXPLICIT, _IMPLICIT, _BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_DEFLATED, _BASELINE, _RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
_JPEG_LS, _NEAR, _J2K = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90"
_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True)
class Form:
    """A file that is read as it is. ``kind``: 'dicom', 'deflated', 'bare', 'dicomdir', 'zip', 'png', 'jpeg', 'tiff' or
    'webp'. ``encoding``: of a DICOM data set. ``beside``: other files in its folder, by name."""

    name: str
    kind: str
    data: bytes
    file_name: str
    encoding: Encoding = EXPLICIT
    beside: Mapping[str, bytes] = field(default_factory=dict)


def all_forms() -> tuple[Form, ...]:
    """Every form, always the same bytes. Takes about a second."""
    return tuple([*_dicom_forms(), *_raster_forms(), *_collections()])


def _pixels() -> npt.NDArray[np.uint16]:
    """(ROWS, COLUMNS) uint16, 12 bits: the demo hand."""
    from boneage_desk.imaging.phantom import draw_hand
    from boneage_desk.imaging.phantom.demo import DEMO_SPEC

    drawn = draw_hand(replace(DEMO_SPEC, size=(ROWS, COLUMNS)))
    return np.asarray(drawn.pixels >> max(drawn.spec.bits - 12, 0), np.uint16)


def _dataset(pixels: npt.NDArray[Any], syntax: str = _EXPLICIT, **tags: Any) -> Dataset:
    """A CR film of (rows, columns), (frames, rows, columns) or (rows, columns, 3) with one of everything that is read."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.file_meta.ImplementationClassUID = UID("1.2.3.4")
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["DERIVED", "PRIMARY", "", "SYNTHETIC"]
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.1")
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = UID("1.2.3.5"), UID("1.2.3.6"), UID("1.2.3.7")
    ds.StudyDate = ds.AcquisitionDate = "20240711"
    ds.AccessionNumber, ds.Modality, ds.StudyDescription = "A1", "CR", "Bone age, hand PA (synthetic)"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "PHANTOM^DEMO=手^片", "P1", "20140215", "F"
    ds.ReferringPhysicianName, ds.InstitutionName, ds.PatientAge = "DOC^TOR", "Demonstration", "010Y"
    ds.BodyPartExamined, ds.ViewPosition, ds.Laterality = "HAND", "PA", "L"
    ds.PixelSpacing = ds.ImagerPixelSpacing = [0.1, 0.1]
    ds.PixelSpacingCalibrationType = "GEOMETRY"
    ds.AnatomicRegionSequence = [_region()]
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    if pixels.ndim == 3 and not colour:
        ds.NumberOfFrames = len(pixels)
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = 12 if pixels.dtype.itemsize == 2 else ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    ds.RescaleSlope, ds.RescaleIntercept, ds.PixelPaddingValue = 1, 0, 0
    ds.WindowCenter, ds.WindowWidth, ds.WindowCenterWidthExplanation = [2000, 1000], [3000, 1500], ["BONE", "SOFT"]
    ds.VOILUTFunction, ds.PresentationLUTShape = "LINEAR", "IDENTITY"
    for keyword, value in tags.items():
        setattr(ds, keyword, value)
    data = (pixels.astype(pixels.dtype.newbyteorder(">")) if syntax == _BIG else pixels).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    return ds


def _region() -> Dataset:
    from pydicom.dataset import Dataset

    side, region = Dataset(), Dataset()
    side.CodeValue, side.CodingSchemeDesignator, side.CodeMeaning = "G-A101", "SRT", "Left"
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "T-D8700", "SRT", "Hand"
    region.AnatomicRegionModifierSequence = [side]
    return region


def _lut(first: int, entries: npt.NDArray[np.uint16], bits: int) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTExplanation = "TABLE"
    item.LUTData = entries.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    item["LUTDescriptor"].VR = "US"
    return item


def _saved(ds: Dataset) -> bytes:
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _compressed(ds: Dataset, syntax: str, plugin: str, **how: Any) -> bytes:
    ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False, **how)
    return _saved(ds)


def _dicom_forms() -> Iterator[Form]:
    from PIL import Image
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    deep = _pixels()
    flat = np.asarray(deep >> 4, np.uint8)

    def form(name: str, data: bytes, kind: str = "dicom", encoding: Encoding = EXPLICIT) -> Form:
        return Form(name, kind, data, f"{name}.dcm", encoding)

    plain = _saved(_dataset(deep))
    yield form("explicit", plain)
    yield form("implicit", _saved(_dataset(deep, _IMPLICIT)), encoding=IMPLICIT)
    yield form("big", _saved(_dataset(deep, _BIG)), encoding=BIG)
    yield form("deflated", _saved(_dataset(deep, _DEFLATED)), "deflated")
    yield form("eight-bit", _saved(_dataset(flat, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")))
    yield form("signed", _saved(_dataset(deep.astype(np.int16), RescaleSlope=-2, RescaleIntercept=100)))
    yield form("32-bit", _saved(_dataset(deep.astype(np.uint32))))
    tables = {
        "ModalityLUTSequence": [_lut(0, np.arange(4096, dtype=np.uint16), 12)],
        "VOILUTSequence": [_lut(0, np.arange(4096, dtype=np.uint16) // 2, 12)],
    }
    yield form("tables", _saved(_dataset(deep, **tables)))
    grey = np.repeat(flat[..., None], 3, -1)
    secondary = {"SOPClassUID": UID(_SECONDARY), "Modality": "OT"}
    yield form("colour", _saved(_dataset(grey, **secondary)))
    palette = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in ("Red", "Green", "Blue")}
    palette |= {f"{name}PaletteColorLookupTableData": (np.arange(256, dtype="<u2") * 257).tobytes() for name in ("Red", "Green", "Blue")}
    yield form("palette", _saved(_dataset(flat, PhotometricInterpretation="PALETTE COLOR", **secondary, **palette)))
    yield form("frames", _saved(_dataset(np.stack([deep, deep[::-1]]))))
    unsaid = _dataset(deep, PatientName="PHANTOM")
    del unsaid.SpecificCharacterSet
    unsaid["PatientName"].value = "PHANTOM"
    yield form("bare", _saved(unsaid)[132:], "bare")
    yield form("rle", _compressed(_dataset(deep), _RLE, "pydicom"))
    yield form("rle-frames", _compressed(_dataset(np.stack([deep, deep])), _RLE, "pydicom"))
    yield form("jpeg-ls", _compressed(_dataset(deep), _JPEG_LS, "pyjpegls"))
    yield form("jpeg-ls-near", _compressed(_dataset(deep), _NEAR, "pyjpegls", jls_error=2))
    yield form("jpeg-2000", _compressed(_dataset(deep), _J2K, "pylibjpeg"))
    yield form("jpeg-lossless", _jpeg_lossless(deep))
    picture = io.BytesIO()
    Image.fromarray(flat).save(picture, "JPEG", quality=90)
    baseline = _dataset(flat)
    baseline.file_meta.TransferSyntaxUID = UID(_BASELINE)
    baseline.PixelData = encapsulate([picture.getvalue()])
    baseline["PixelData"].VR = "OB"
    yield form("jpeg", _saved(baseline))


def _jpeg_lossless(pixels: npt.NDArray[np.uint16]) -> bytes:
    """The commonest compression of old archives, which only GDCM can write."""
    import tempfile
    from pathlib import Path

    import gdcm
    from pydicom import dcmread
    from pydicom.uid import UID

    with tempfile.TemporaryDirectory(prefix="boneage-forms-") as folder:
        plain, packed = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
        plain.write_bytes(_saved(_dataset(pixels)))
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(plain))
        read = reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        changed = read and change.Change()
        writer.SetFileName(str(packed))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        if not changed or not writer.Write():
            raise RuntimeError("GDCM could not write JPEG Lossless")
        stream = dcmread(packed).PixelData
    ds = _dataset(pixels)  # GDCM gives the file UIDs and a time of its own
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.70")
    ds.PixelData = stream
    ds["PixelData"].VR = "OB"
    return _saved(ds)


def _raster_forms() -> Iterator[Form]:
    from PIL import Image

    deep = _pixels()
    sixteen, eight = Image.fromarray(deep * np.uint16(16)), Image.fromarray(np.asarray(deep >> 4, np.uint8))
    pages = [eight.copy(), eight.copy()]
    exif = Image.Exif()
    exif[0x0112] = 6

    def form(name: str, kind: str, image: Image.Image, **how: Any) -> Form:
        out = io.BytesIO()
        image.save(out, {"jpeg": "JPEG"}.get(kind, kind.upper()), **how)
        return Form(name, kind, out.getvalue(), f"{name}.{kind}")

    yield form("png", "png", eight, exif=exif, icc_profile=b"\0" * 128)
    yield form("png-16", "png", sixteen)
    yield form("png-palette", "png", eight.convert("P"), transparency=3)
    yield form("png-alpha", "png", eight.convert("LA"))
    yield form("png-frames", "png", eight, save_all=True, append_images=[eight.rotate(180)])
    yield form("jpeg-picture", "jpeg", eight, quality=90, exif=exif, icc_profile=b"\0" * 128)
    yield form("jpeg-progressive", "jpeg", eight.convert("RGB"), progressive=True)
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield form(f"tiff-{compression or 'plain'}", "tiff", eight, compression=compression)
    yield form("tiff-16", "tiff", sixteen, compression="tiff_lzw")
    yield form("tiff-float", "tiff", Image.fromarray(deep.astype(np.float32)))
    yield form("tiff-pages", "tiff", pages[0], save_all=True, append_images=pages[1:])
    yield form("webp", "webp", eight, lossless=True)
    yield form("webp-frames", "webp", eight, save_all=True, append_images=[eight.rotate(180)])


def _collections() -> Iterator[Form]:
    """A zip archive of films and a DICOMDIR with its folder."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    deep = _pixels()
    film = _saved(_dataset(deep))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a/film.dcm", "a/film.png", "notes.txt"):
            info = zipfile.ZipInfo(name, (2024, 7, 11, 9, 30, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, {"a/film.dcm": film, "a/film.png": _png(deep)}.get(name, b"notes"))
    yield Form("zip", "zip", out.getvalue(), "films.zip")

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(_EXPLICIT)
    ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.8")
    records = []
    for names in (["IMAGES", "IM1"], ["IMAGES", "IM2"], ["IM3"]):
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", names
        records.append(record)
    ds.DirectoryRecordSequence = records
    yield Form("dicomdir", "dicomdir", _saved(ds), "DICOMDIR", beside={"IMAGES/IM1": film, "IMAGES/IM2": film, "IM3": film})


def _png(pixels: npt.NDArray[np.uint16]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def inflated(data: bytes, start: int) -> bytes:
    """The data set of a deflated file, which begins at ``start``; of a bomb the first part."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:], MOST_INFLATED)


def deflated(body: bytes) -> bytes:
    """A data set as a deflated file holds it."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()
