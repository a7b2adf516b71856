"""Second opinions by ``read`` and ``batch``: asked after the 13 bones, chosen, and never at the cost of them."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boneage_desk.cli.read import describe
from boneage_desk.common.errors import EngineError
from boneage_desk.reading.analysis import Flag, WholeHandOpinion
from boneage_desk.reading.session import Reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards import rus_chn
from boneage_desk.standards.types import Sex
from tests.samples import analysed, analysis


def flags(value: dict[str, Any]) -> dict[str, str]:
    return {flag["code"]: flag["message"] for flag in value["flags"]}


@pytest.fixture(autouse=True)
def without_opinions(program: Any) -> None:
    """The 13 bones of a real engine bring none."""
    program.engine.answers = [dataclasses.replace(analysis(), whole_hand=())]


def test_read_asks_what_is_set_and_installed_after_the_bones(program: Any, film: Callable[..., Path]) -> None:
    program.engine.installed = ("whole-hand", "dual")
    status, out, _ = program.run("read", film(sex="F"), "--json")
    value = json.loads(out)
    assert status == 0
    assert program.engine.asked == [(("whole-hand",), Sex.FEMALE)]
    assert [o["bone_age_months"] for o in value["whole_hand"]] == [120.0]
    assert [m["tag"] for m in value["models"]] == ["yolov8n.test", "b3.test", "whole-hand.test"]
    assert value["timing_ms"]["whole-hand"] == 12.5
    assert value["standards"]["rus-chn"]["score"] == 416
    assert value["second_opinion"]["difference_months"] == round(
        value["standards"]["rus-chn"]["bone_age_months"] - 120.0, 2
    )


def test_nothing_is_asked_and_nothing_flagged_where_none_is_installed(program: Any, film: Callable[..., Path]) -> None:
    status, out, _ = program.run("read", film(sex="F"), "--json")
    assert status == 0 and program.engine.asked == []
    assert json.loads(out)["whole_hand"] == [] and "whole_hand_unavailable" not in flags(json.loads(out))


def test_read_asks_what_is_named_and_says_what_is_not_there(program: Any, film: Callable[..., Path]) -> None:
    program.engine.installed = ("whole-hand", "dual")
    _, out, _ = program.run("read", film(sex="M"), "--json", "--engines", "dual,cascade")
    value = json.loads(out)
    assert program.engine.asked == [(("dual", "cascade"), Sex.MALE)]
    assert [o["engine"] for o in value["whole_hand"]] == ["dual"]
    assert "cascade" in flags(value)["whole_hand_unavailable"]
    _, out, _ = program.run("read", film(sex="M"), "--json", "--engines", "none")
    assert len(program.engine.asked) == 1 and json.loads(out)["whole_hand"] == []
    status, _, err = program.run("read", film(sex="M"), "--engines", "palm")
    assert status == 2 and "unknown-engine" in err and program.engine.calls == 2


@pytest.mark.parametrize("error", [EngineError("The model process died.", code="engine-crashed"), RuntimeError("a bug")])
def test_a_failing_second_opinion_costs_a_flag_and_not_the_bones(
    program: Any, film: Callable[..., Path], error: Exception
) -> None:
    program.engine.installed = ("whole-hand",)
    program.engine.whole_hand_error = error
    status, out, _ = program.run("read", film(sex="F"), "--json")
    value = json.loads(out)
    assert status == 0 and value["standards"]["rus-chn"]["score"] == 416
    assert str(error) in flags(value)["whole_hand_unavailable"]


def test_a_film_that_may_not_be_read_is_not_asked_about(program: Any, film: Callable[..., Path]) -> None:
    program.engine.installed = ("whole-hand",)
    program.engine.answers = [analysis(flags=(Flag("several_hands", "2 hands.", blocking=True),))]
    status, _, _ = program.run("read", film(sex="F"), "--json")
    assert status == 3 and program.engine.asked == []


def test_the_difference_is_told_in_words(program: Any, film: Callable[..., Path]) -> None:
    program.engine.installed = ("whole-hand",)
    _, out, _ = program.run("read", film(sex="F"))
    assert "whole hand (whole-hand.test): 10 y 0 m (9 y 2 m to 10 y 10 m)" in out
    assert "13 bones minus whole hand: " in out


def test_the_difference_names_its_engine_and_its_bound(program: Any, film: Callable[..., Path]) -> None:
    program.engine.installed = ("dual",)
    _, out, _ = program.run("read", film(sex="F"), "--engines", "whole-hand,dual")
    assert "13 bones minus dual output: " in out and "minus whole hand" not in out
    for share, bound in ((1.0, "at least +24"), (0.0, "at most -24")):
        reading = graded(share)
        age = summarise(reading).bone_age
        assert age is not None and age.qualifier
        one = WholeHandOpinion("dual.v1", age.months - (24.0 if share else -24.0), engine="dual")
        said = describe(dataclasses.replace(reading, whole_hand=(one,)), summarise(reading))
        assert f"13 bones minus dual output: {bound} months" in said


def graded(share: float) -> Reading:
    """A reading with this share of every bone's last grade."""
    reading = analysed().reading
    bones = (dataclasses.replace(b, human_grade=round(rus_chn.max_grade(b.bone) * share)) for b in reading.bones)
    return dataclasses.replace(reading, bones=tuple(bones))


def test_batch_gives_whole_hand_ages_alone_and_a_table(program: Any, film: Callable[..., Path], tmp_path: Path) -> None:
    program.engine.installed = ("whole-hand", "regression")
    folder = film("films/=girl.dcm", sex="F").parent
    film("films/foot.dcm", sex="M", changes={"BodyPartExamined": "FOOT"})
    (folder / "broken.dcm").write_bytes(b"DICM")
    out, table = tmp_path / "out.jsonl", tmp_path / "out.csv"
    status, _, err = program.run("batch", folder, "--engines", "whole-hand,regression", "--out", out, "--csv", table)
    assert status == 0, err
    assert program.engine.calls == 0, "the 13 bones were not asked for"
    assert program.engine.asked == [(("whole-hand", "regression"), Sex.FEMALE)], "and nothing about a foot"
    lines = {Path(v["input"]["path"]).name: v for v in map(json.loads, out.read_text().splitlines())}
    assert [o["bone_age_months"] for o in lines["=girl.dcm"]["whole_hand"]] == [120.0, 121.0]
    assert lines["=girl.dcm"]["standards"] == {"rus-chn": None}
    assert "whole_hand_unavailable" in flags(lines["foot.dcm"]) and lines["foot.dcm"]["whole_hand"] == []
    rows = {Path(row["path"]).name: row for row in csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines())}
    assert set(rows) == set(lines)
    assert (rows["=girl.dcm"]["whole_hand_months"], rows["=girl.dcm"]["regression_low"]) == ("120.0", "110.0")
    assert rows["foot.dcm"]["whole_hand_months"] == "" and "foot" in rows["foot.dcm"]["flags"]


def test_batch_puts_them_beside_the_bones(program: Any, film: Callable[..., Path], tmp_path: Path) -> None:
    program.engine.installed = ("whole-hand",)
    out = tmp_path / "out.jsonl"
    status, _, _ = program.run("batch", film(sex="F"), "--engines", "detector,grader,whole-hand", "--out", out)
    value = json.loads(out.read_text())
    assert status == 0 and value["standards"]["rus-chn"]["score"] == 416
    assert value["whole_hand"][0]["bone_age_months"] == 120.0


def test_batch_of_an_engine_that_dies_ends_and_keeps_the_films_to_do(
    program: Any, film: Callable[..., Path], tmp_path: Path
) -> None:
    program.engine.installed = ("whole-hand",)
    program.engine.whole_hand_error = EngineError("The model process died.", code="engine-crashed")
    for k in range(4):
        folder = film(f"films/{k}.dcm", sex="F").parent
    out = tmp_path / "out.jsonl"
    status, _, err = program.run("batch", folder, "--engines", "whole-hand", "--out", out)
    assert status == 1 and "engine-crashed" in err and out.read_text() == ""


def test_bench_read_tells_each_installed_second_opinion(program: Any) -> None:
    program.engine.installed = ("whole-hand", "dual")
    status, out, _ = program.run("bench", "read", "-n", "1", "--json")
    value = json.loads(out)
    assert status == 0
    assert set(value["second_opinion_ms"]) == {"whole-hand", "dual", "all"}
    assert "no_number" not in value["backends"]["fast"]["second_opinions"]["all"]


def test_doctor_says_which_are_installed(program: Any) -> None:
    program.engine.installed = ("dual",)
    _, out, _ = program.run("doctor", "--quick")
    assert "ok  second opinions: dual; not installed: whole-hand, cascade, regression" in out
    assert "ok  model whole-hand dual: dual.test" in out


def pages(path: Path) -> list[str]:
    from pypdf import PdfReader

    return [" ".join(page.extract_text().split()) for page in PdfReader(path).pages]


def test_the_report_has_the_map_when_asked_and_says_why_not(
    program: Any, film: Callable[..., Path], tmp_path: Path
) -> None:
    program.engine.installed = ("whole-hand",)
    out = tmp_path / "r.pdf"
    status, _, err = program.run("read", film(sex="F"), "--pdf", out, "--with-map")
    assert status == 0 and err == "" and "Where the model" in pages(out)[-1] and "whole-hand.test" in pages(out)[-1]
    program.run("read", film(sex="F"), "--pdf", out)
    assert not any("Where the model" in words for words in pages(out)), "only when it is asked for"
    _, _, err = program.run("read", film(sex="F"), "--pdf", out, "--with-map", "--engines", "none")
    assert "no second opinion" in err and not any("Where the model" in words for words in pages(out))
    program.engine.saliency_error = EngineError("The model process died.", code="engine-crashed")
    status, _, err = program.run("read", film(sex="F"), "--pdf", out, "--with-map")
    assert status == 0 and "The model process died." in err and out.exists()
