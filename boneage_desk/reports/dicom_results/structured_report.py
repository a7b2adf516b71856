"""The reading as an Enhanced SR by TID 1500 Measurement Report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from boneage_desk import __version__
from boneage_desk.reading.assessment import State
from boneage_desk.reading.session import Reading
from boneage_desk.reading.signature import Signature
from boneage_desk.reading.summary import summarise
from boneage_desk.reports.dicom_results import base, coding, items, uids
from boneage_desk.reports.dicom_results.groups import groups

if TYPE_CHECKING:
    from boneage_desk.reports.dicom_results.origin import Origin

UNNAMED = "not stated"
"""Verifying organization where neither site nor film names one: the attribute may not be empty."""


def report(origin: Origin, reading: Reading) -> Dataset:
    """The SR document. The signer verifies for the station's site, else for where the film was made."""
    made = base.begin(origin, reading, base.REPORT)
    made.CodingSchemeIdentificationSequence = coding.scheme_items()
    made.CompletionFlag = "PARTIAL" if reading.state is State.DRAFT else "COMPLETE"
    made.CompletionFlagDescription = base.status_words(reading).capitalize()
    made.PreliminaryFlag = "FINAL" if base.signed(reading) else "PRELIMINARY"
    made.VerificationFlag = "VERIFIED" if base.signed(reading) else "UNVERIFIED"
    if base.signed(reading):
        organization = origin.site or origin.institution or UNNAMED
        made.VerifyingObserverSequence = [_verifier(signature, organization) for signature in reading.signatures]
    made.ReferencedPerformedProcedureStepSequence = []
    made.PerformedProcedureCodeSequence = []
    for element in _content(origin, reading):
        made[element.tag] = element
    made.CurrentRequestedProcedureEvidenceSequence = [
        base.study_reference(origin.study_uid, [base.series_reference(origin.series_uid, [origin.whole()])])
    ]
    return made


def _verifier(signature: Signature, organization: str) -> Dataset:
    item = Dataset()
    item.VerifyingObserverName = base.person_name(signature.name)
    item.VerifyingOrganization = organization[:64]
    item.VerificationDateTime = base.moment(signature.at)
    item.VerifyingObserverIdentificationCodeSequence = []
    return item


def _content(origin: Origin, reading: Reading) -> Dataset:
    """The root container with all under it."""
    from highdicom.sr import MeasurementReport

    summary = summarise(reading)
    root = MeasurementReport(
        observation_context=_observers(reading, origin),
        procedure_reported=coding.sct("plain-radiography"),
        imaging_measurements=groups(origin, reading, summary),
    )[0]
    root.ContentSequence.insert(_library_place(root), _library(origin, reading))
    said = _said(reading)
    if said:
        root.ContentSequence.append(_container("C0034375", "UMLS", "Qualitative Evaluations", said))
    return root


def observer_contexts(reading: Reading) -> tuple[Any, Any]:
    """(person, device): the signer or None while nobody signed, and this program."""
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext, PersonObserverIdentifyingAttributes
    from pydicom.sr.codedict import codes

    person = None
    if reading.signatures:
        first = reading.signatures[0]
        person = ObserverContext(
            codes.DCM.Person,
            PersonObserverIdentifyingAttributes(
                base.person_name(first.name),
                role_in_organization=items.coded(coding.sct("physician")),  # no other role may sign
                role_in_procedure=items.coded(coding.dcm("verifying")),
            ),
        )
    device = ObserverContext(
        codes.DCM.Device,
        DeviceObserverIdentifyingAttributes(
            uid=uids.device(__version__), name=base.SOFTWARE, manufacturer_name=base.SOFTWARE, model_name=base.SOFTWARE
        ),
    )
    return person, device


def _observers(reading: Reading, origin: Origin) -> Any:
    from highdicom.sr import ObservationContext

    person, device = observer_contexts(reading)
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _library_place(root: Dataset) -> int:
    """Before the measurements."""
    for i, item in enumerate(root.ContentSequence):
        if item.ConceptNameCodeSequence[0].CodeValue == "126010":
            return i
    return len(root.ContentSequence)


def _library(origin: Origin, reading: Reading) -> Any:
    """TID 1600 with the one film: its kind, side, date and size as far as they are known."""
    from highdicom.sr import ContentSequence, ImageContentItem

    image = ImageContentItem(
        name=coding.sct("source"),
        referenced_sop_class_uid=origin.sop_class,
        referenced_sop_instance_uid=origin.sop_uid,
        referenced_frame_numbers=None if origin.frame is None else [origin.frame],
        relationship_type="CONTAINS",
    )
    image.ContentSequence = ContentSequence(_descriptors(origin, reading))
    return _container("111028", "DCM", "Image Library", [_container("126200", "DCM", "Image Library Group", [image])])


_MODALITIES = {"CR": "Computed Radiography", "DX": "Digital Radiography", "RG": "Radiographic imaging"}


def _descriptors(origin: Origin, reading: Reading) -> list[Any]:
    from highdicom.sr import DateContentItem, NumContentItem
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    found: list[Any] = []
    if origin.modality in _MODALITIES:
        kind = Code(origin.modality, "DCM", _MODALITIES[origin.modality])
        found.append(items.code(codes.DCM.Modality, kind, "HAS ACQ CONTEXT"))
    side = coding.side(reading.study.laterality)
    if side is not None:
        found.append(items.code(codes.DCM.ImageLaterality, side, "HAS ACQ CONTEXT"))
    if reading.study.study_date is not None:
        day = reading.study.study_date.strftime("%Y%m%d")
        found.append(DateContentItem(codes.DCM.StudyDate, day, relationship_type="HAS ACQ CONTEXT"))
    pixels = Code("{pixels}", "UCUM", "pixels")
    for name, count in ((codes.DCM.PixelDataRows, origin.rows), (codes.DCM.PixelDataColumns, origin.columns)):
        found.append(NumContentItem(name, count, pixels, relationship_type="HAS ACQ CONTEXT"))
    return found


def _said(reading: Reading) -> list[Any]:
    """What is said in words: doubts and what was answered to them, the impression, addenda."""
    found = []
    if reading.study.synthetic:
        found.append(items.text(coding.private("SYNTHETIC"), "Synthetic film: drawn or made, not of a patient."))
    answers = {(answer.code, answer.message): answer.words for answer in reading.answers}
    for flag in summarise(reading).flags:
        found.append(items.text(coding.private("DOUBT"), flag.message))
        words = answers.get((flag.code, flag.message), "")
        if words:
            found.append(items.text(coding.private("ANSWER"), words))
    if reading.impression.strip():
        found.append(items.text(coding.dcm("impression"), reading.impression))
    for signature in reading.signatures:
        if signature.text.strip():
            head = f"Addendum {signature.number - 1}, signed by {signature.name} ({signature.role}), {signature.at.isoformat()}"
            found.append(items.text(coding.private("ADDENDUM"), f"{head}: {signature.text}"))
    return found


def _container(value: str, scheme: str, meaning: str, content: list[Any]) -> Any:
    from highdicom.sr import ContainerContentItem, ContentSequence
    from pydicom.sr.coding import Code

    made = ContainerContentItem(name=Code(value, scheme, meaning), relationship_type="CONTAINS")
    made.ContentSequence = ContentSequence(content)
    return made
