"""The standard that a site goes by: listed first and marked, kept with the reading, and never taken for the bone age."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.common.paths import packaged_dir
from boneage_desk.common.settings import SITE_STANDARDS, Settings
from boneage_desk.reading.all_standards import SHOWN, all_standards
from boneage_desk.reading.codec import decode_reading, encode_reading
from boneage_desk.reading.document import document
from boneage_desk.reading.film import Film, Frame, Voi
from boneage_desk.reading.growth import Growth
from boneage_desk.reading.reference import reference_of
from boneage_desk.reading.report_content import build
from boneage_desk.reading.report_fhir import bundle
from boneage_desk.reading.report_plain import plain_text
from boneage_desk.reading.session import Reading, new_reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.catalogue import OF_A_SITE, info
from tests.samples import NOON, analysed
from tests.samples import reading as draft


def film() -> Film:
    made = draft()
    return Film(made.source, Frame(np.zeros((8, 8), np.uint8), 255, (Voi("all", centre=128, width=256),)), made.patient, made.study)


def of_site(standard: str, **facts: object) -> Reading:
    return dataclasses.replace(analysed().reading, site_standard=standard, **facts)  # type: ignore[arg-type]


def test_settings_and_catalogue_name_the_same_and_each_follows_from_the_grades() -> None:
    assert SITE_STANDARDS == OF_A_SITE and all(info(one).derived for one in OF_A_SITE) and set(OF_A_SITE) <= set(SHOWN)
    with pytest.raises(InputError, match="site_standard"):
        Settings(site_standard="greulich-pyle")
    with pytest.raises(InputError, match="no standard of a site"):
        new_reading(film(), "r", NOON, site_standard="tw2-rus")
    assert new_reading(film(), "r", NOON, site_standard="tw3-rus").site_standard == "tw3-rus"


def test_it_stands_first_and_nothing_else_changes() -> None:
    plain, found = all_standards(analysed().reading), all_standards(of_site("tw3-c-rus"))
    assert [row.standard for row in found.rows] == ["tw3-c-rus", "rus-chn", "tw3-rus", "greulich-pyle", "chn-1988"]
    assert set(found.rows) == set(plain.rows) and found.plates == plain.plates and found.apart == plain.apart
    own = all_standards(of_site("tw3-rus", growth=Growth(atlas_months=106.0)))
    assert [row.origin for row in own.rows][3:5] == ["whole-hand-model", "reader"]
    assert summarise(of_site("tw3-rus")) == summarise(analysed().reading), "the bone age stays that of RUS-CHN"


def test_the_report_marks_it_with_its_sd_score_and_says_what_its_own_bone_age_is() -> None:
    reading = of_site("tw3-rus")
    detail = build(reading).detail
    assert detail is not None and detail.standards is not None
    first, *others = detail.standards.rows
    assert first.site and first.name.endswith("standard of this site") and not any(row.site for row in others)
    row, reference = all_standards(reading).row("tw3-rus"), reference_of(summarise(reading), reading.patient.sex)
    assert row.difference_months is not None and reference is not None and reference.sd_months is not None
    note = detail.standards.notes[0]
    assert note.startswith("Standard of this site: TW3 RUS: 9 y 3 m; -1 y 1 m, normal; SD score ")
    assert f"SD score {row.difference_months / reference.sd_months:+.1f} (Brush Foundation" in note
    assert note.endswith("Grades, interval, conclusion and the bone age of this report are those of RUS-CHN.")
    plain = plain_text(build(reading))
    assert "9 y 8 m" in plain.split("THE SAME READING")[0] and "9 y 3 m" not in plain.split("THE SAME READING")[0]
    for language in ("zh", "en+zh"):
        told = build(reading, language=language).detail
        assert told is not None and told.standards is not None and "本单位所用标准" in told.standards.notes[0]


def test_rus_chn_needs_no_mark() -> None:
    detail = build(analysed().reading).detail
    assert detail is not None and detail.standards is not None
    assert not any(row.site for row in detail.standards.rows) and "of this site" not in plain_text(build(analysed().reading))


def test_without_13_grades_it_says_that_there_is_none() -> None:
    reading = of_site("tw3-rus")
    bones = tuple(dataclasses.replace(f, machine_grade=None) if f.bone == "ulna" else f for f in reading.bones)
    detail = build(dataclasses.replace(reading, bones=bones)).detail
    assert detail is not None and detail.standards is not None
    assert detail.standards.notes[0].startswith("Standard of this site: TW3 RUS, not given: no 13 grades.")


def test_a_reading_keeps_it_and_an_old_one_is_as_it_was() -> None:
    reading = of_site("tw3-c-rus")
    kept = encode_reading(reading)
    assert decode_reading(json.loads(json.dumps(kept))) == reading
    del kept["reading"]["site_standard"]
    assert decode_reading(kept).site_standard == "rus-chn"
    with pytest.raises(ValueError, match="no standard that follows"):
        of_site("greulich-pyle")


def test_documents_name_it_and_their_bone_age_is_that_of_rus_chn() -> None:
    found = document(of_site("tw3-rus"))
    assert found["standards_table"]["site_standard"] == "tw3-rus" and found["standards_table"]["rows"][0]["standard"] == "tw3-rus"
    plain = document(analysed().reading)
    assert {**found, "standards_table": None} == {**plain, "standards_table": None}
    schema = Path(packaged_dir("resources")) / "schema" / "reading-v1.schema.json"
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))

    def results(reading: Reading) -> list[str]:
        return sorted(
            json.dumps({key: entry["resource"].get(key) for key in ("code", "method", "valueQuantity")}, sort_keys=True)
            for entry in bundle(reading)["entry"]
        )

    assert results(of_site("tw3-rus")) == results(analysed().reading)
