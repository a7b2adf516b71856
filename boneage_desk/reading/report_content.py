"""What a report says, as one frozen value, so that text, PDF and DICOM results say the same.

:func:`build` decides every word and number; writers only place them. Facts that are not known are said
to be unknown: ``Fact.known`` is False and ``value`` says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from boneage_desk import __version__
from boneage_desk.reading.findings import BoneFinding, Box
from boneage_desk.reading.follow_up import FollowUp
from boneage_desk.reading.growth_view import GrowthView
from boneage_desk.reading.priors import Prior
from boneage_desk.reading.report_both import both, languages
from boneage_desk.reading.report_detail import Detail, detail
from boneage_desk.reading.report_facts import Words, answered, examination_facts, patient_facts
from boneage_desk.reading.report_growth import GrowthReport, growth_report
from boneage_desk.reading.report_map import MapText, map_text
from boneage_desk.reading.report_priors import comparison
from boneage_desk.reading.report_result import UNGIVEN, headline, headline_note, results
from boneage_desk.reading.report_seal import AddendumLine, addenda, report_revision, signed_by
from boneage_desk.reading.report_values import BoneRow, Fact, clean
from boneage_desk.reading.second_opinion import default_opinion
from boneage_desk.reading.session import Reading, State
from boneage_desk.reading.summary import Summary, summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Qualifier

SOFTWARE = f"BoneAge Desk {__version__}"
SHORT_HASH = 12
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Overlay:
    """One box over the film. ``certain`` False: dashed; ``by_person``: corrected by the reader."""

    bone: str
    label: str
    box: Box
    certain: bool
    by_person: bool


@dataclass(frozen=True, slots=True)
class FlagLine:
    """A doubt in words; ``blocking``: no bone age may be given."""

    text: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All that a report says, in order.

    ``detail``: the second page, None where it is off or there is nothing to show. ``note`` belongs to
    ``headline``: interval, bound or reason. ``sign``: the line for a hand-written signature, with {0} where
    the pen goes; only of a reviewed reading. ``signed``: who signed, '' where nobody did; ``addenda`` came after it.
    ``comparison``: earlier readings, empty where none is known. ``header``, ``footer``: lines of the site.
    """

    language: str
    title: str
    site: str
    state: State
    state_text: str
    notices: tuple[str, ...]
    patient_title: str
    patient: tuple[Fact, ...]
    examination_title: str
    examination: tuple[Fact, ...]
    headline: Fact
    headline_months: str
    note: str
    results: tuple[Fact, ...]
    impression_title: str
    impression: str
    impression_written: bool
    flags_title: str
    flags: tuple[FlagLine, ...]
    flags_none: str
    bones_title: str
    columns: tuple[str, ...]
    bones: tuple[BoneRow, ...]
    total: tuple[str, str]
    legend: str
    film_title: str
    film_caption: str
    film_absent: str
    film_trimmed: str
    sign: str
    film_size: tuple[int, int]
    overlays: tuple[Overlay, ...]
    provenance_title: str
    provenance: tuple[Fact, ...]
    limits: str
    cut_mark: str
    detail: Detail | None = None
    film_alt: str = ""
    """What the picture shows, for those who do not see it."""
    header: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    comparison_title: str = ""
    comparison: tuple[Fact, ...] = ()
    signed: str = ""
    addenda_title: str = ""
    addenda: tuple[AddendumLine, ...] = ()
    page: str = "{number}/{count}"
    """Of the page's number, where there are several."""
    map: MapText | None = None
    """Words around the map of the second opinion's model; None without a second opinion."""
    growth: GrowthReport | None = None
    """The growth page; None where it was not asked for or there is nothing to print."""


def build(
    reading: Reading,
    summary: Summary | None = None,
    *,
    language: str = "en",
    site_name: str = "",
    reader_name: str = "",
    header: str = "",
    footer: str = "",
    software: str = SOFTWARE,
    with_detail: bool = True,
    priors: Sequence[Prior] = (),
    reference: tuple[Fact, ...] = (),
    growth: tuple[GrowthView, FollowUp | None] | None = None,
    later: bool = False,
) -> ReportContent:
    """The report of ``reading`` as it stands; ``language`` 'en', 'zh', or 'en+zh' for both in one.

    ``with_detail``: the second page too. ``header``, ``footer``: several lines of the site. ``priors``: earlier readings
    of the child (`reading.priors`). ``later``: others came after the signature, and it says so. ``reference``: what a named
    table says of the child's age, in lines that replace the one that none was used. ``growth``: what its growth page shows;
    None: without. ``summary`` is worked out when not given.
    Raises InputError for an unknown language.
    """
    chosen = languages(language)
    summary = summarise(reading) if summary is None else summary
    made = [
        _build(reading, summary, Words(one), site_name, reader_name, software, with_detail, priors, reference, later)
        for one in chosen
    ]
    pages = [growth_report(*growth, one) for one in chosen] if growth is not None else [None]
    grown = both([page for page in pages if page is not None]) if all(pages) else None
    return dataclasses.replace(
        both(made), language=language, header=_lines(header), footer=_lines(footer), growth=grown
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in clean(text, lines=True).split("\n") if line)


def _build(
    reading: Reading, summary: Summary, words: Words, site_name: str, reader_name: str, software: str, with_detail: bool,
    priors: Sequence[Prior], reference: tuple[Fact, ...], later: bool,
) -> ReportContent:  # fmt: skip
    """In one language."""
    impression = clean(reading.impression, lines=True)
    rows = tuple(_row(finding, reading, words) for finding in reading.bones)
    second = detail(reading, rows, words, summary) if with_detail else None
    return ReportContent(
        language=words.language,
        title=words("title"),
        site=clean(site_name),
        state=reading.state,
        state_text=words(f"state.{reading.state.value}"),
        notices=(words("synthetic"),) if reading.study.synthetic else (),
        patient_title=words("patient"),
        patient=patient_facts(reading, summary, words),
        examination_title=words("examination"),
        examination=examination_facts(reading, words),
        headline=headline(reading, summary, words),
        headline_months=words("months", months=f"{summary.bone_age.months:.1f}")
        if summary.bone_age is not None and summary.bone_age.qualifier is Qualifier.POINT
        else "",
        note=headline_note(reading, summary, words),
        results=results(reading, summary, words, "" if reading.signatures else clean(reader_name), reference),
        impression_title=words("impression"),
        impression=impression or words("impression.none"),
        impression_written=bool(impression),
        flags_title=words("flags"),
        flags=_flags(reading, summary, second, words),
        flags_none=words("flags.none"),
        bones_title=words("findings"),
        columns=tuple(words(f"col.{key}") for key in ("bone", "machine", "probability", "human", "final", "score")),
        bones=rows,
        total=(words("total"), NOTHING if summary.score is None else str(summary.score)),
        legend=" ".join([words("legend"), *([words("second_opinion.legend")] if reading.whole_hand else [])]),
        film_title=words("film"),
        film_caption=words("film.caption"),
        film_absent=words("film.absent"),
        film_trimmed=words("film.trimmed"),
        sign=words("sign") if reading.state is State.REVIEWED else "",
        film_size=(reading.width, reading.height),
        overlays=_overlays(reading),
        provenance_title=words("provenance"),
        provenance=_provenance(reading, words, software),
        limits=words("limits"),
        cut_mark=words("cut"),
        detail=second,
        film_alt=words("film.alt", count=sum(finding.box is not None for finding in reading.bones)),
        comparison_title=words("comparison"),
        comparison=comparison(reading, priors, words, later),
        signed=signed_by(reading, words),
        addenda_title=words("addenda"),
        addenda=addenda(reading, words),
        page=words("page"),
        map=map_text(opinion, words) if (opinion := default_opinion(reading)) is not None else None,
    )


def bone_code(bone: str) -> str:
    """The short name beside a joint: 'R', 'U', 'MC1', 'PP3' ..."""
    return {"radius": "R", "ulna": "U"}.get(bone, bone.upper())


def _flags(reading: Reading, summary: Summary, second: Detail | None, words: Words) -> tuple[FlagLine, ...]:
    """Flags in words with the person's answers, the blocking ones first; the same sentence is said once. Last, what the second page says
    against grades."""
    lines: dict[str, FlagLine] = {}
    there = [flag for flag in summary.flags if flag.code not in UNGIVEN]
    for flag in sorted(there, key=lambda flag: not flag.blocking):
        said = answered(reading, flag, words)
        shown = words("flags.blocking", text=said) if flag.blocking else said
        lines.setdefault(said, FlagLine(shown, flag.blocking))
    if second is not None and second.against:
        bones = ", ".join(row.row.code for row in second.against)
        lines["against"] = FlagLine(words("flags.against", count=len(second.against), bones=bones), blocking=False)
    return tuple(lines.values())


# --- table and film ------------------------------------------------------------------------------


def _row(finding: BoneFinding, reading: Reading, words: Words) -> BoneRow:
    sex = reading.patient.sex
    bone, opinion, final = finding.bone, finding.opinion, finding.final_grade
    human = NOTHING
    if finding.human_grade is not None:
        human = rus_chn.label(bone, finding.human_grade)
    elif finding.reviewed:
        human = words("looked_at")
    return BoneRow(
        bone=bone,
        code=bone_code(bone),
        name=rus_chn.bone_name(bone, words.language),
        machine=rus_chn.label(bone, opinion.grade) if opinion else NOTHING,
        probability=_percent(opinion.probability) if opinion else NOTHING,
        human=human,
        final=rus_chn.label(bone, final) if final is not None else NOTHING,
        score=str(rus_chn.score(bone, final, sex)) if final is not None and sex is not None else NOTHING,
        changed=finding.overridden,
        uncertain=finding.uncertain and reading.analysed_at is not None,
        note=words("join").join(_notes(finding, reading, words)),
    )


def _notes(finding: BoneFinding, reading: Reading, words: Words) -> list[str]:
    """What there is to say of one bone, in the order in which a reader asks."""
    notes: list[str] = []
    region = finding.machine_region
    if finding.overridden:
        notes.append(words("mark.changed"))
    if finding.blind_grade is not None and finding.blind_grade != finding.final_grade:
        notes.append(words("mark.blind", label=rus_chn.label(finding.bone, finding.blind_grade)))
    if finding.human_box is not None:
        notes.append(words("mark.moved"))
        if finding.machine_grade is not None:
            first = rus_chn.label(finding.bone, finding.machine_grade.grade)
            notes.append(words("mark.first", label=first))
    elif finding.box_removed:
        notes.append(words("mark.removed"))
    elif region is None and reading.analysed_at is not None:
        notes.append(words("mark.not_found"))
    elif region is not None and not region.certain:
        reason = clean(region.reason)
        notes.append(words("mark.doubt", reason=reason) if reason else words("mark.uncertain"))
    if finding.final_grade is None and any(other.final_grade is not None for other in reading.bones):
        notes.append(words("mark.missing"))
    comment = clean(finding.comment)
    if comment:
        notes.append(words("comment", comment=comment))
    return notes


def _percent(probability: float) -> str:
    """'72'; '>99' and '<1' instead of a certainty that no model has."""
    if probability > 0.99:
        return ">99"
    return "<1" if probability < 0.01 else f"{probability * 100:.0f}"


def _overlays(reading: Reading) -> tuple[Overlay, ...]:
    shown = []
    for finding in reading.bones:
        if finding.box is None:
            continue
        grade = finding.final_grade
        label = bone_code(finding.bone)
        if grade is not None:
            label += f" {rus_chn.label(finding.bone, grade)}"
        shown.append(Overlay(finding.bone, label, finding.box, not finding.uncertain, finding.human_box is not None))
    return tuple(shown)


# --- origin --------------------------------------------------------------------------------------


def _provenance(reading: Reading, words: Words, software: str) -> tuple[Fact, ...]:
    source = reading.source
    frame = ""
    if source.frame_count > 1:
        frame = words("frame", number=source.frame_number, count=source.frame_count)
    film = words(
        "film_hash.value",
        digest=clean(source.sha256)[:16],
        width=reading.width,
        height=reading.height,
        frame=frame,
    )
    models = "; ".join(
        f"{clean(model.name)} {clean(model.tag)} @ {clean(model.sha256)[:SHORT_HASH]}" for model in reading.models
    )
    analysed = reading.analysed_at
    return (
        Fact("models", words("models"), models or words("not_recorded"), known=bool(models)),
        Fact("film", words("film_hash"), film if source.sha256 else words("not_recorded"), bool(source.sha256)),
        Fact("software", words("software"), clean(software)),
        Fact(
            "reading",
            words("reading"),
            words("reading.value", id=clean(reading.reading_id), revision=report_revision(reading)),
        ),
        Fact(
            "analysed",
            words("analysed"),
            words.moment(analysed) if analysed else words("machine.not_read"),
            known=analysed is not None,
        ),
        Fact("printed", words("printed"), words.moment(reading.changed_at)),
    )
