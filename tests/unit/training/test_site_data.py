"""A site's tables: what is legal is read as it stands, every fault is told with row and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage_desk.common.errors import InputError
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.standards.types import Sex
from boneage_desk.training.site_data import Site, read_site, split_of

HEAD = "film,sex,patient,radius,mc3"


def site(folder: Path, table: str, text: str, grades: str = "index", encoding: str = "utf-8") -> Site:
    for name in ("a.png", "b.png", "c.png", "d.png"):
        (folder / name).write_bytes(b"x")
    (folder / table).write_text(text, encoding=encoding)
    return read_site(folder, "", "detector" if table == "boxes.csv" else "grader", grades, lambda _line: None)


def faults(folder: Path, table: str, text: str, grades: str = "index") -> list[str]:
    told: list[str] = []
    for name in ("a.png", "b.png", "c.png", "d.png"):
        (folder / name).write_bytes(b"x")
    (folder / table).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_site(folder, "", "detector" if table == "boxes.csv" else "grader", grades, told.append)
    assert caught.value.code == "site-data"
    assert told[0] in str(caught.value)
    return told


def test_indices_labels_and_empty_cells(tmp_path: Path) -> None:
    by_index = site(tmp_path, "grades.csv", f"{HEAD}\na.png,F,p1,8,8\nb.png,male,p2,,0\n")
    assert [dict(p.grades) for p in by_index.pictures] == [{"radius": 8, "mc3": 8}, {"mc3": 0}]
    assert [p.sex for p in by_index.pictures] == [Sex.FEMALE, Sex.MALE]
    by_label = site(tmp_path, "grades.csv", f"{HEAD}\na.png,F,p1,8(4),8\n", "label")
    assert dict(by_label.pictures[0].grades) == {"radius": 14, "mc3": 10}


def test_semicolons_a_byte_order_mark_and_capitals_of_excel(tmp_path: Path) -> None:
    text = "Film;Sex;Radius;bone_age_months\nA.png;f;5;120,5\n".replace("A.png", "a.png")
    (picture,) = site(tmp_path, "grades.csv", text, encoding="utf-8-sig").pictures
    assert (dict(picture.grades), picture.months) == ({"radius": 5}, 120.5)


def test_every_fault_of_grades_is_told_by_row_and_column(tmp_path: Path) -> None:
    rows = [
        "a.png,F,p1,15,3", "nowhere.png,F,p2,3,3", "b.png,,p3,3,3", "a.png,F,p1,3,3", "c.png,X,p4,-1,7(0)", "d.png,M,p5,,",
    ]  # fmt: skip
    told = faults(tmp_path, "grades.csv", HEAD + "\n" + "\n".join(rows) + "\n")
    wanted = [
        "row 2, column 'radius': has no grade '15': indices of radius are 0 to 14",
        "row 3, column 'film': there is no file 'nowhere.png'",
        "row 4, column 'sex': is empty",
        "row 5, column 'film': 'a.png' is there already, in row 2",
        "row 6, column 'sex': is 'X'; it must be M or F",
        "row 6, column 'radius': has no grade '-1'",
        "row 6, column 'mc3': has no grade '7(0)': indices of mc3 are 0 to 10; the recipe says data.grades = \"index\"",
        "row 7: has no grade at all",
    ]
    assert len(told) == len(wanted)
    for line, part in zip(told, wanted, strict=True):
        assert f"grades.csv, {part}" in line


def test_an_illegal_label_names_the_bones_own(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, "grades.csv", f"{HEAD}\na.png,F,p1,5,4(0)\n", "label")
    assert "column 'radius': has no grade '5': labels of radius are 0, 1, 2, 3, 4, 5(0), 5(2), 6" in line


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("film,radius", "column 'sex': is missing"),
        ("film,sex,raduis", "column 'raduis': is not known; is 'radius' meant?"),
        ("film,sex,note", "no column names a bone"),
        ("film,sex,radius,radius", "column 'radius': stands twice"),
    ],
)
def test_headers(tmp_path: Path, head: str, said: str) -> None:
    told: list[str] = []
    (tmp_path / "grades.csv").write_text(head + "\na.png,F,3\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_site(tmp_path, "", "grader", "index", told.append)
    assert said in str(caught.value)


def test_one_patient_is_on_one_side_and_of_one_sex(tmp_path: Path) -> None:
    head = "film,sex,patient,split,radius"
    told = faults(tmp_path, "grades.csv", f"{head}\na.png,F,p1,train,3\nb.png,F,p1,val,3\nc.png,M,p1,train,4\nd.png,M,p2,,3\n")
    assert [line.partition(": ")[0] for line in told] == [
        "grades.csv, row 3, column 'split'", "grades.csv, row 4, column 'sex'", "grades.csv, row 5, column 'split'",
    ]  # fmt: skip


def test_the_split_by_hash_is_fixed_keeps_patients_together_and_leaves_no_side_empty(tmp_path: Path) -> None:
    (picture,) = site(tmp_path, "grades.csv", f"{HEAD}\na.png,F,p1,3,3\n").pictures
    from dataclasses import replace

    many = [replace(picture, name=f"{k}") for k in range(400)]
    patients = {p.name: f"p{int(p.name) // 2}" for p in many}
    sides = split_of(many, patients, 0.125)
    assert sides == split_of(list(reversed(many)), patients, 0.125)
    assert all(sides[str(k)] == sides[str(k + 1)] for k in range(0, 400, 2))
    assert 0.06 < sum(s == "val" for s in sides.values()) / 400 < 0.2
    assert sorted(set(split_of(many[:4], patients, 0.02).values())) == ["train", "val"]
    with pytest.raises(InputError, match="one patient"):
        split_of(many[:2], patients, 0.5)


def test_faults_of_single_crops(tmp_path: Path) -> None:
    told = faults(tmp_path, "crops.csv", "crop,bone,grade\na.png,thumb,3\nb.png,dp1,12\nc.png,dp1,\nd.png,dp1,11\nd.png,dp1,3\n")
    assert [line.partition(": ")[0] for line in told] == [
        "crops.csv, row 2, column 'bone'", "crops.csv, row 3, column 'grade'", "crops.csv, row 4, column 'grade'",
        "crops.csv, row 6, column 'crop'",
    ]  # fmt: skip


def test_faults_of_boxes(tmp_path: Path) -> None:
    head = "film,bone,x0,y0,x1,y1"
    good = "\n".join(f"a.png,{bone},{k},{k},{k + 5},{k + 5}" for k, bone in enumerate(BONES))
    assert set(site(tmp_path, "boxes.csv", f"{head}\n{good}\n").pictures[0].boxes) == set(BONES)
    told = faults(
        tmp_path, "boxes.csv",
        f"{head}\na.png,radius,1,1,9,9\na.png,radius,1,1,9,9\na.png,ulna,5,1,5,9\na.png,mc1,one,1,5,9\nb.png,wrist,1,1,5,9\n",
    )  # fmt: skip
    wanted = ["row 3, column 'bone': radius of 'a.png' has a box already, in row 2", "row 4: the box has no area",
              "row 5, column 'x0': is 'one'", "row 6, column 'bone': is 'wrist'"]  # fmt: skip
    for line, part in zip(told, wanted, strict=True):
        assert part in line


def test_no_table_and_two_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no grades\.csv or crops\.csv"):
        read_site(tmp_path, "", "grader", "index", lambda _line: None)
    (tmp_path / "grades.csv").write_text("x")
    (tmp_path / "crops.csv").write_text("x")
    with pytest.raises(InputError, match="both"):
        read_site(tmp_path, "", "grader", "index", lambda _line: None)
