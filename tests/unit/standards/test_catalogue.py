"""The list of standards: complete, with ends that are those of the tables, and refusals with a reason."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import boneage_desk.standards
from boneage_desk.common.errors import StandardError
from boneage_desk.standards import catalogue, results, rus_chn, tables
from boneage_desk.standards.types import Qualifier, Sex


def test_every_standard_says_what_a_reader_must_know() -> None:
    for one in catalogue.standards():
        assert all((one.name, one.edition, one.needs, one.population, one.use, one.certainty, one.sources)), one.standard
        assert one.table in tables.PINS
        for sex in Sex:
            assert one.lowest[sex].months < one.highest[sex].months
            assert (one.lowest[sex].qualifier, one.highest[sex].qualifier) == (Qualifier.BELOW, Qualifier.AT_LEAST)


def test_certainty_is_in_the_words_of_the_tables() -> None:
    told = {one.standard: one.certainty for one in catalogue.standards()}
    assert "no cell in doubt" in told["rus-chn"] and "about +-4 points" in told["rus-chn"]
    assert told["chn-1988"] == tables.load("chn_1988")["certainty"]
    assert tables.load("tw3_rus")["tw3_c_rus"]["certainty"] in told["tw3-c-rus"]
    assert all(doubt in told["tw3-rus"] for doubt in tables.load("tw3_rus")["cells_in_doubt"])


@pytest.mark.parametrize("name", sorted(catalogue.REFUSED))
def test_methods_without_scores_are_refused_with_the_reason(name: str) -> None:
    with pytest.raises(StandardError, match=re.escape(catalogue.REFUSED[name])) as caught:
        catalogue.info(name)
    assert caught.value.code == "no-scores"


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(StandardError) as caught:
        catalogue.info("tw4")
    assert caught.value.code == "unknown-standard" and "tw3-rus" in caught.value.remedy


def test_one_set_of_grades_feeds_three_standards() -> None:
    grades = {bone: rus_chn.max_grade(bone) for bone in rus_chn.BONES}
    found = {one.standard: one.bone_age.text for one in results.from_grades(grades, Sex.MALE)}
    assert found == {"rus-chn": ">= 18 y 0 m", "tw3-rus": ">= 16 y 6 m", "tw3-c-rus": ">= 16 y 0 m"}
    del grades["ulna"]
    with pytest.raises(StandardError, match="ulna"):
        results.from_grades(grades, Sex.MALE)


def test_tw3_is_mature_before_rus_chn_as_its_last_stage_takes_several_grades() -> None:
    grades = {bone: rus_chn.max_grade(bone) for bone in rus_chn.BONES}
    grades["radius"] = rus_chn.grade_of_label("radius", "8(0)")
    rus, tw, _ = results.from_grades(grades, Sex.FEMALE)
    assert rus.bone_age.qualifier is Qualifier.POINT and tw.bone_age.qualifier is Qualifier.AT_LEAST


MODULES = [
    *(f"boneage_desk.standards.{one.name}" for one in pkgutil.iter_modules(boneage_desk.standards.__path__)),
    "boneage_desk.reading.ages", "boneage_desk.cli.grades",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_documentation_are_so(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_to_check() -> None:
    with_examples = [name for name in MODULES if doctest.testmod(importlib.import_module(name)).attempted]
    expected = ("rus_chn", "tw3", "chn_1988", "gp", "gp_sd", "curve", "results", "rules", "catalogue", "tables")
    assert {f"boneage_desk.standards.{name}" for name in expected} <= set(with_examples)


def test_the_examples_of_the_clinical_page_are_so(repository: Path) -> None:
    found = doctest.testfile(str(repository / "docs" / "clinical.md"), module_relative=False, encoding="utf-8")
    assert found.failed == 0 and found.attempted >= 3


def test_the_clinical_page_lists_every_standard_and_every_refusal(repository: Path) -> None:
    page = (repository / "docs" / "clinical.md").read_text(encoding="utf-8")
    for one in catalogue.standards():
        assert f"| `{one.standard}` |" in page, one.standard
    for name in catalogue.REFUSED:
        assert f"`{name}`" in page, name
