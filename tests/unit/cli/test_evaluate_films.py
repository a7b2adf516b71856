"""``evaluate whole-hand``: every film is in a figure or named with its reason; runs go on; results compare."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from boneage_desk import wiring
from boneage_desk.common.errors import EngineError
from boneage_desk.common.jobs import CancelToken, Progress, no_progress
from boneage_desk.reading.analysis import Flag, ModelRef, WholeHandOpinion, WholeHandResult
from boneage_desk.reading.film import Frame
from boneage_desk.standards.types import Sex
from tests.samples import analysis, sha

from .conftest import Program, QuickEngine

CRASH = EngineError("The model process ended.", "Again.", code="engine-crashed")


class Reader(QuickEngine):
    """Reads the bone age off the film: its first pixel is the age in years, 255 a foot. Girls are read 3 months older."""

    seen: list[tuple[int, int]]

    def whole_hand(
        self, frame: Frame, sex: Sex | None, *, engines: Sequence[str] = ("whole-hand",),
        progress: Progress = no_progress, cancel: CancelToken | None = None,
    ) -> WholeHandResult:  # fmt: skip
        self.calls += 1
        self.seen.append((frame.height, frame.width))
        if self.whole_hand_error is not None:
            raise self.whole_hand_error
        (engine,) = engines
        years = int(frame.pixels[0, 0])
        if years == 255:
            return WholeHandResult((), (Flag("foot", "This is a foot.", blocking=True),))
        if sex is None and engine != "dual":
            return WholeHandResult((), (Flag("whole_hand_unavailable", "No sex.", engine=engine),))
        months = years * 12.0 + (3.0 if sex is Sex.FEMALE else 0.0) + (6.0 if engine == "dual" else 0.0)
        told = None if engine != "dual" else 0.9 if years % 2 else 0.2
        return WholeHandResult(
            (WholeHandOpinion(f"{engine}.v1", months, (months - 4, months + 4), engine, male_probability=told, sex=sex),),
            timing_ms={"total": 12.5},
        )  # fmt: skip


@pytest.fixture
def desk(program: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program with that engine."""
    engine = Reader(installed=("whole-hand", "dual"))
    engine.seen = []
    monkeypatch.setattr(wiring, "_engine", lambda *_: engine)
    models = [ModelRef(f"The {e} one", f"{e}.v1", sha(e), e) for e in engine.installed]
    monkeypatch.setattr(wiring, "second_opinions", lambda _name, _tell: models)
    program.engine = engine
    return program


def picture(years: int, size: tuple[int, int] = (60, 40)) -> bytes:
    """A grey picture whose first pixel is an age; (height, width)."""
    import io

    values = np.tile(np.linspace(40, 200, size[1]), (size[0], 1)).astype(np.uint8)
    values[0, 0] = years
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


TABLE = "id,sex,bone_age_months\n1,F,24\n2,M,24\n3,female,36\n4,Boy,60\n5,M,60\n6,M,70\n"
YEARS = {"1": 2, "2": 2, "3": 3, "4": 5, "5": 255, "7": 9}


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Films 1 to 5 and 7 of the table (5 shows a foot, 7 has no row, 6 is missing) and a hostile name, as a zip."""
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, years in YEARS.items():
            archive.writestr(f"deep/{name}.png", picture(years))
        archive.writestr("../../2.png", picture(9))
    (tmp_path / "labels.csv").write_text(TABLE, encoding="utf-8")
    return path


@pytest.fixture
def words(films: Path, tmp_path: Path) -> Callable[..., list[object]]:
    """The command's words; more are added."""

    def made(*more: object, model: str = "whole-hand", name: str = "r", source: Path = films) -> list[object]:
        return [
            "evaluate", "whole-hand", "--films", source, "--labels", tmp_path / "labels.csv", "--model", model,
            "--json", tmp_path / f"{name}.json", "--report", tmp_path / f"{name}.html", *more,
        ]  # fmt: skip

    return made


def result(folder: Path, name: str = "r") -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def test_every_film_is_in_a_figure_or_named(desk: Program, words: Any, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.rglob("*") if "data" not in path.parts)
    code, out, err = desk.run(*words())
    assert code == 0, err
    found = result(tmp_path)
    # 1 and 3: 3 months too old; 2 and 4: right
    assert (found["ages"]["n"], found["ages"]["mae_months"], found["ages"]["bias_months"]) == (4, 1.5, 1.5)
    assert {name: of["mae_months"] for name, of in found["by_sex"].items()} == {"girls": 3.0, "boys": 0.0}
    assert list(found["by_band"]) == ["girls 2-4 y", "boys 2-4 y", "boys 4-6 y"]
    assert found["ages"]["within_years"] == {"0.5": 1.0, "1": 1.0, "1.5": 1.0, "2": 1.0}
    assert (found["interval"]["coverage"], found["interval"]["mean_width_months"]) == (1.0, 8.0)
    assert found["without_number"] == {"foot": {"films": 1, "which": [{"film": "5", "message": "This is a foot."}]}}
    assert found["films"]["missing"] == ["6"]
    assert [path.rpartition("!")[2] for path in found["films"]["without_a_row"]] == ["deep/7.png"]
    assert found["model"] == {
        "engine": "whole-hand", "tag": "whole-hand.v1", "name": "The whole-hand one",
        "weights": [{"name": n, "tag": t, "sha256": sha(s)} for n, t, s in (
            ("The whole-hand one", "whole-hand.v1", "whole-hand"), ("detector", "d.test", "d"))],
    }  # fmt: skip
    assert found["time_ms"] == {"median": 12.5, "longest": 12.5}
    assert "mae months: 1.5\n" in out
    after = sorted(path.name for path in tmp_path.rglob("*") if "data" not in path.parts)
    assert sorted(set(after) - set(before)) == ["r.films.jsonl", "r.html", "r.json"]  # nothing was unpacked
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "1 of 5 films gave no number (foot 1)" in page
    assert "1 rows of the table have no film here: 6." in page
    assert page.count("<svg") == 2
    assert not re.search(r"<script|https?://(?!www\.w3\.org/2000/svg)", page)


def test_a_hostile_name_takes_no_films_row_and_is_told(desk: Program, words: Any, tmp_path: Path) -> None:
    code, _, err = desk.run(*words())
    assert code == 0
    (path,) = result(tmp_path)["films"]["left_out"]
    assert path.endswith("!../../2.png")
    assert "refers to a file outside of its own folder" in err
    assert "2" in {row["film"] for row in result(tmp_path)["per_film"]}
    # where the table itself names it, it is a film without a number
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\n1,F,24\n../../2.png,M,24\n", encoding="utf-8")
    assert desk.run(*words(name="s"))[0] == 0
    found = result(tmp_path, "s")
    assert {code: of["films"] for code, of in found["without_number"].items()} == {"unsafe-path": 1}
    assert not list(tmp_path.parent.glob("2.png"))


def test_films_that_share_a_row_are_all_left_out(desk: Program, words: Any, tmp_path: Path) -> None:
    folder = tmp_path / "hands"
    for place, years in (("a/1.png", 2), ("b/1.png", 9), ("2.png", 2)):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(years))
    code, _, err = desk.run(*words(source=folder))
    assert code == 0
    found = result(tmp_path)
    assert [row["film"] for row in found["per_film"]] == ["2"]
    assert [Path(path).parent.name for path in found["films"]["left_out"]] == ["a", "b"]
    assert err.count("several films belong to the row '1' (line 2)") == 2
    # a path in the table tells them apart
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\na/1.png,F,24\nb/1.png,F,108\n", encoding="utf-8")
    desk.run(*words(source=folder, name="s"))
    assert [(row["film"], row["months"]) for row in result(tmp_path, "s")["per_film"]] == [("a/1.png", 27), ("b/1.png", 111)]


def test_it_goes_on_where_it_stopped(desk: Program, words: Any, tmp_path: Path) -> None:
    assert desk.run(*words())[0] == 0
    rows = (tmp_path / "r.films.jsonl").read_bytes()
    whole = result(tmp_path)
    lines = rows.splitlines(keepends=True)
    for kept, again in ((rows, 0), (b"".join(lines[:3]) + lines[3][:30], 3), (lines[0], 5)):
        (tmp_path / "r.films.jsonl").write_bytes(kept)
        before = desk.engine.calls
        assert desk.run(*words())[0] == 0
        assert desk.engine.calls - before == again
        assert {**result(tmp_path), "made": ""} == {**whole, "made": ""}
    # the film without a number is read again only when asked
    before = desk.engine.calls
    desk.run(*words("--retry-errors"))
    assert desk.engine.calls - before == 1


def test_rows_of_another_evaluation_are_never_mixed_in(desk: Program, words: Any, tmp_path: Path) -> None:
    desk.run(*words())
    kept = (tmp_path / "r.films.jsonl").read_bytes()
    code, _, err = desk.run(*words(model="dual"))
    assert (code, "holds films of another evaluation: engine, weights differ" in err) == (2, True)
    (tmp_path / "labels.csv").write_text(TABLE.replace("1,F,24", "1,F,25"), encoding="utf-8")
    assert "labels_sha256 differ" in desk.run(*words())[2]
    assert (tmp_path / "r.films.jsonl").read_bytes() == kept
    (tmp_path / "x.films.jsonl").write_text("Chapter one\n", encoding="utf-8")
    code, _, err = desk.run(*words(name="x"))
    assert (code, "is in the way" in err) == (2, True)
    assert (tmp_path / "x.films.jsonl").read_text(encoding="utf-8") == "Chapter one\n"


def test_ctrl_c_keeps_what_is_done(desk: Program, words: Any, tmp_path: Path) -> None:
    desk.engine.whole_hand_error = KeyboardInterrupt()
    assert desk.run(*words())[0] == 130
    assert not (tmp_path / "r.json").exists()
    desk.engine.whole_hand_error = None
    assert desk.run(*words())[0] == 0


def test_a_polite_stop_keeps_what_is_done_and_says_how_to_go_on(desk: Program, words: Any, tmp_path: Path) -> None:
    read = desk.engine.whole_hand

    def stopped(*given: Any, cancel: CancelToken, **more: Any) -> WholeHandResult:
        if desk.engine.calls == 2:
            cancel.cancel()
        cancel.check()
        return read(*given, cancel=cancel, **more)

    desk.engine.whole_hand = stopped
    code, _, err = desk.run(*words())
    assert (code, not (tmp_path / "r.json").exists()) == (130, True)
    assert "Stopped after 2 of 5 films. The same command goes on from there." in err
    desk.engine.whole_hand = read
    assert desk.run(*words())[0] == 0
    assert desk.engine.calls == 5


def test_an_engine_that_fails_film_after_film_ends_the_run(desk: Program, words: Any, tmp_path: Path) -> None:
    desk.engine.whole_hand_error = CRASH
    code, _, err = desk.run(*words())
    assert (code, desk.engine.calls) == (1, 3)
    assert err.splitlines()[-1].startswith("boneage-desk: engine-crashed: ")
    desk.engine.whole_hand_error = None
    assert desk.run(*words())[0] == 0  # no film was given up
    assert result(tmp_path)["ages"]["n"] == 4


def test_a_limit_is_a_part_of_the_whole_and_the_split_only_what_was_held_out(desk: Program, words: Any, tmp_path: Path) -> None:
    desk.run(*words("--limit", 2))
    few = {row["film"] for row in result(tmp_path)["per_film"]}
    assert len(few) == 2
    before = desk.engine.calls
    desk.run(*words("--limit", 4))
    assert few < {row["film"] for row in result(tmp_path)["per_film"]}
    assert desk.engine.calls - before == 2
    (tmp_path / "split.csv").write_text("id,validation\n1,1\n2,0\n3,true\n6,1\n", encoding="utf-8")
    desk.run(*words("--split", tmp_path / "split.csv"))
    found = result(tmp_path)
    assert [row["film"] for row in found["per_film"]] == ["1", "3"]
    assert (found["films"]["missing"], found["films"]["not_held_out"], found["films"]["split"]) == (["6"], 3, "split.csv")
    (tmp_path / "split.csv").write_text("id,validation\n1,perhaps\n", encoding="utf-8")
    code, _, err = desk.run(*words("--split", tmp_path / "split.csv"))
    assert (code, "line 2" in err) == (2, True)


def test_a_squashed_film_gets_its_shape_back(desk: Program, words: Any, tmp_path: Path) -> None:
    table = "id,sex,bone_age_months,height,width\n1,F,24,600,400\n2,M,24,1200,400\n3,F,36,300,600\n4,M,60,,\n"
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    desk.run(*words())
    # 60 x 40 as stored: the aspect of film 1; film 2 is made taller, film 3 wider, none is shrunk
    assert sorted(desk.engine.seen) == [(60, 40), (60, 40), (60, 120), (120, 40)]


def test_the_true_sizes_may_stand_in_a_table_of_their_own(desk: Program, words: Any, tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("id,height,width\n2,1200,400\n9,500,400\n", encoding="utf-8")
    assert desk.run(*words("--sizes", tmp_path / "sizes.csv"))[0] == 0
    assert sorted(desk.engine.seen) == [(60, 40), (60, 40), (60, 40), (60, 40), (120, 40)]
    assert "labels_sha256 differ" in desk.run(*words())[2]  # the same films in another shape are other films
    (tmp_path / "sizes.csv").write_text("id,height,width\n2,1200,4\n", encoding="utf-8")
    code, _, err = desk.run(*words("--sizes", tmp_path / "sizes.csv", name="s"))
    assert (code, "line 2" in err) == (2, True)


def test_the_sex_output_is_measured(desk: Program, words: Any, tmp_path: Path) -> None:
    assert desk.run(*words(model="dual"))[0] == 0
    sex = result(tmp_path)["sex"]
    # told male: odd ages, films 3 (a girl) and 4 (a boy); told female: 1 (a girl) and 2 (a boy)
    assert (sex["n"], sex["confusion"], sex["accuracy"], sex["kappa"]) == (4, [[1, 1], [1, 1]], 0.5, 0.0)
    assert sex["auc"]["value"] == 0.5
    assert "Sex from the film" in (tmp_path / "r.html").read_text(encoding="utf-8")
    desk.run(*words(name="other"))
    assert result(tmp_path, "other")["sex"] is None


def test_a_missing_sex_is_never_filled_in(desk: Program, words: Any, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\n1,,24\n2,M,24\n", encoding="utf-8")
    desk.run(*words())
    assert {code: of["films"] for code, of in result(tmp_path)["without_number"].items()} == {"whole_hand_unavailable": 1}
    desk.run(*words(model="dual", name="dual"))
    found = result(tmp_path, "dual")
    assert found["ages"]["n"] == 2
    assert found["by_sex"]["sex not known"]["n"] == 1
    assert found["sex"]["n"] == 1


def test_two_models_are_compared_film_by_film(desk: Program, words: Any, tmp_path: Path) -> None:
    desk.run(*words(model="dual", name="dual"))
    code, out, _ = desk.run(*words("--compare-with", tmp_path / "dual.json"))
    assert code == 0
    (other,) = result(tmp_path)["comparisons"]
    assert (other["n"], other["usual_difference_months"], other["mean_difference_months"]) == (4, 6.0, -6.0)
    assert (other["mae_months"], other["other_mae_months"], other["without_a_number_of_either"]) == (1.5, 7.5, 1)
    assert other["by_film"][0] == {"film": "1", "source": "films", "this": 27.0, "other": 33.0}
    assert "usual difference to dual: 6.0" in out
    assert "Beside dual.v1" in (tmp_path / "r.html").read_text(encoding="utf-8")
    code, _, err = desk.run(*words("--source", "else", "--compare-with", tmp_path / "dual.json", name="s"))
    assert (code, "No film was read by both models" in err) == (2, True)
    (tmp_path / "labels.csv").write_text(TABLE.replace("1,F,24", "1,M,24"), encoding="utf-8")
    code, _, err = desk.run(*words("--compare-with", tmp_path / "dual.json", name="t"))
    assert (code, "other labels for 1 films (1)" in err) == (2, True)
    code, _, err = desk.run(*words("--compare-with", tmp_path / "labels.csv", name="u"))
    assert (code, "is no result" in err) == (2, True)


def test_the_13_bones_are_measured_by_the_same_command(desk: Program, words: Any, tmp_path: Path) -> None:
    blocked = Flag("several_hands", "Two hands.", blocking=True)
    desk.engine.answers = [analysis(), analysis(flags=(blocked,)), analysis({bone: 99 for bone in ()}), analysis()]
    code, _, err = desk.run(*words(model="rus13"))
    assert code == 0, err
    found = result(tmp_path)
    assert found["model"]["tag"] == "rus13"
    assert found["without_number"]["several_hands"]["films"] == 1
    ages = {row["sex"]: row["months"] for row in found["per_film"] if row["months"]}
    assert ages["F"] < ages["M"]  # the same grades, each sex its table
    assert all(row["interval_months"] for row in found["per_film"] if row["months"])


def test_at_the_end_of_the_standards_table_only_a_contradiction_counts(desk: Program, words: Any, tmp_path: Path) -> None:
    from boneage_desk.standards import rus_chn

    desk.engine.answers = [analysis({bone: rus_chn.max_grade(bone) for bone in rus_chn.BONES})]
    table = "id,sex,bone_age_months\n1,F,200\n2,M,240\n3,F,228\n"
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    zipped = tmp_path / "old.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for name, years in (("1", 15), ("2", 20), ("3", 19)):
            archive.writestr(f"{name}.png", picture(years))
    assert desk.run(*words(model="rus13", name="bones", source=zipped))[0] == 0
    bones = result(tmp_path, "bones")
    assert [(row["months"], row["qualifier"]) for row in bones["per_film"]] == [(204.0, ">="), (216.0, ">="), (204.0, ">=")]
    assert bones["counts"]["at_table_end"] == 3
    assert bones["ages"]["mae_months"] == pytest.approx((4 + 24 + 24) / 3)
    assert bones["labels_at_table_end"]["past"] == 2
    assert bones["labels_at_table_end"]["mae_months"] == pytest.approx(4 / 3)
    desk.run(*words("--compare-with", tmp_path / "bones.json", source=zipped))
    (other,) = result(tmp_path)["comparisons"]
    # films 2 and 3: '>= 18 y' and '>= 17 y' are not contradicted by 20 and 19 years; film 1 is read at 15
    assert (other["n"], other["table_end_says_nothing"], other["usual_difference_months"]) == (1, 2, 204.0 - 183.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,sex,bone_age_months\n1,F,24\n2,H,24\n", "row 3, column 'sex': is 'H'"),
        ("id,sex,bone_age_months\n1,1,24\n", "row 2, column 'sex': is '1'"),
        ("id,sex,bone_age_months\n1,F,old\n", "row 2, column 'bone_age_months': is 'old'"),
        ("id,sex,bone_age_months\n1,F,\n", "row 2, column 'bone_age_months': is ''"),
        ("id,sex,bone_age_months\n1,F,-3\n2,F,900\n", "row 3"),
        ("id,sex,bone_age_months\n,F,24\n", "row 2, column 'id': is empty"),
        ("id,sex,bone_age_months\n1,F,24\n1,M,24\n", "'1' is there already, on line 2"),
        ("id,sex,bone_age_months\n1,F,24,9\n", "row 2: has more cells"),
        ("id,sex\n1,F\n", "no column bone_age_months"),
        ("id,sex,male,bone_age_months\n1,F,0,24\n", "several columns say the sex"),
        ("id,sex,bone_age_months,height\n1,F,24,600\n", "height and width belong together"),
        ("id,sex,bone_age_months,height,width\n1,F,24,600,\n", "row 2, column 'height'"),
        ("id,sex,bone_age_months\n", "holds no row"),
        ("", "no column film"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_read(desk: Program, words: Any, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    code, _, err = desk.run(*words())
    assert (code, desk.engine.calls) == (2, 0)
    assert says in err
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize(
    ("head", "girl", "boy"),
    [
        ("Sex", "Female", "MALE"), ("gender", "girl", "boy"), ("sex", "女", "男"), ("sex", "W", "m"), ("male", "False", "True"),
        ("female", "1", "0"), ("male", "no", "yes"),
    ],
)  # fmt: skip
def test_common_spellings_of_the_sex(desk: Program, words: Any, tmp_path: Path, head: str, girl: str, boy: str) -> None:
    (tmp_path / "labels.csv").write_text(f"\ufeffboneage;{head};id;remark\n24;{girl};1;x\n24,5;{boy};2;\n", encoding="utf-8")
    code, _, err = desk.run(*words())
    assert code == 0, err
    assert "columns that are not used: remark" in err
    rows = result(tmp_path)["per_film"]
    assert [(row["sex"], row["reference_months"]) for row in rows] == [("F", 24.0), ("M", 24.5)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--model", "magic"], "There is no model 'magic' here. Installed: rus13, whole-hand (whole-hand.v1), dual (dual.v1)."),
        (["--report", "{json}"], "files of their own"),
        (["--json", "{labels}"], "files of their own"),
        (["--report", "{films}"], "not a place for results"),
        (["--films", "{tmp}/none.zip"], "There are no films at"),
        (["--limit", "0"], "--limit must be 1 or more"),
        (["--out", "{tmp}/o"], "--out does not go with whole-hand"),
        (["--all"], "--all does not go with whole-hand"),
    ],
)
def test_a_wrong_command_is_refused(desk: Program, words: Any, films: Path, tmp_path: Path, change: list[str], says: str) -> None:
    names = {"json": tmp_path / "r.json", "labels": tmp_path / "labels.csv", "films": films, "tmp": tmp_path}
    code, _, err = desk.run(*words(*(word.format(**names) for word in change)))
    assert code in (1, 2)
    assert says in err
    assert desk.engine.calls == 0
    assert (tmp_path / "labels.csv").read_text(encoding="utf-8") == TABLE


def test_the_two_shapes_of_the_command_do_not_mix(desk: Program, tmp_path: Path) -> None:
    for given, says in (
        (["grader", "r.toml", "--out", "o", "--films", "f.zip"], "--films does not go with grader"),
        (["grader", "r.toml", "--out", "o", "--json", "x.json"], "--json takes no file with grader"),
        (["whole-hand", "--films", "f.zip"], "whole-hand needs --labels, --model, --json, --report"),
        (["whole-hand", "--films", "f", "--labels", "l", "--model", "m", "--report", "r", "--json"], "--json needs the name"),
    ):
        code, _, err = desk.run("evaluate", *given)
        assert (code, says in err) == (2, True), err


def test_without_any_number_it_is_no_success(desk: Program, words: Any, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\n5,M,60\n", encoding="utf-8")
    assert desk.run(*words())[0] == 3
    assert "nothing was measured" in (tmp_path / "r.html").read_text(encoding="utf-8")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\nbad,M,60\n", encoding="utf-8")
    assert desk.run(*words(source=tmp_path / "bad.png", name="s"))[0] == 1
    assert result(tmp_path, "s")["without_number"]["truncated"]["films"] == 1
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\nother,M,60\n", encoding="utf-8")
    code, _, err = desk.run(*words(name="t"))
    assert (code, "no-film" in err) == (2, True)


def test_the_files_own_sex_is_told_where_the_table_says_another(
    desk: Program, words: Any, film: Callable[..., Path], tmp_path: Path
) -> None:
    film("hands/a.dcm", sex="M", patient_id="P1")
    film("hands/b.dcm", sex="F", patient_id="P2")
    (tmp_path / "labels.csv").write_text("id,sex,bone_age_months\nP1,F,120\nb,F,120\n", encoding="utf-8")
    code, _, err = desk.run(*words(source=tmp_path / "hands", model="rus13"))
    assert code == 0, err
    found = result(tmp_path)
    assert found["counts"]["sex_conflict"] == 1
    assert [("sex_conflict" in row["flags"], row["sex"]) for row in found["per_film"]] == [(True, "F"), (False, "F")]
    assert found["per_film"][0]["months"] == found["per_film"][1]["months"]


def test_a_film_is_the_same_film_in_another_result_only_under_the_same_name() -> None:
    from boneage_desk.training import film_figures

    row = {"film": "1", "source": "a", "sex": "F", "reference_months": 24.0, "months": 30.0, "qualifier": ""}
    model = {"engine": "dual", "tag": "d", "weights": []}
    other = {"model": model, "source": "a", "per_film": [row, {**row, "source": "b", "months": 90.0}]}
    assert film_figures.comparison([row], "x", other)["usual_difference_months"] == 0.0
