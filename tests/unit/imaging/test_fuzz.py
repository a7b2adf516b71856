"""Mutated films in every form: read or refused, nothing else. And that the bench sees each fault there is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.cli import bench_fuzz
from boneage_desk.cli.bench_fuzz import FAULTS, Child, fuzz
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.imaging.codestream import ends_properly, look_into
from boneage_desk.imaging.hostile.elements import EXPLICIT, elements, meta_end
from boneage_desk.imaging.hostile.forms import Form, all_forms
from boneage_desk.imaging.hostile.mutate import mutant
from boneage_desk.imaging.sniff import sniff
from boneage_desk.reading.chain import parse_export
from boneage_desk.reading.codec import decode_reading
from tests import faulty_probe

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of a process as Linux has them")


@pytest.fixture(scope="module")
def forms() -> tuple[Form, ...]:
    return all_forms()


def faults(found: dict[str, Any]) -> str:
    return json.dumps(found["faults"], indent=1)


def test_two_hundred_mutants_are_read_or_refused(tmp_path: Path) -> None:
    found = fuzz(tmp_path, films=200, seed=5)
    assert sum(found[kind] for kind in FAULTS) == 0, faults(found)
    assert found["read"] + found["refused"] == 200
    assert found["read"] > 20 and found["refused"] > 80, "the mutants are neither all harmless nor all beyond reading"
    assert len(found["refused_by_code"]) >= 5
    assert not list((tmp_path / "mutants").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_two_thousand_mutants_are_read_or_refused(tmp_path: Path) -> None:
    found = fuzz(tmp_path, films=2000, seed=6)
    assert sum(found[kind] for kind in FAULTS) == 0, faults(found)


def test_every_form_is_read_as_it_is(forms: tuple[Form, ...], tmp_path: Path) -> None:
    """Else its mutants would be refused for a reason that they all share."""
    child = Child(quiet=True)
    try:
        for form in forms:
            for name, content in {form.file_name: form.data, **form.beside}.items():
                path = tmp_path / form.name / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            assert child.read(tmp_path / form.name / form.file_name)[0] == "read", form.name
    finally:
        child.end()
    assert len({form.name for form in forms}) == len(forms) >= 38


def test_a_mutant_is_made_again_from_its_numbers(forms: tuple[Form, ...], tmp_path: Path) -> None:
    assert [mutant(forms, 3, n) for n in range(80)] == [mutant(forms, 3, n) for n in range(80)]
    assert mutant(forms, 3, 1) != mutant(forms, 4, 1)
    found = fuzz(tmp_path, films=99, seed=3, case=7, keep=tmp_path / "kept")
    made = mutant(forms, 3, 7)
    assert found["films"] == 1 and found["how"] == made.how
    assert {path.name: path.read_bytes() for path in (tmp_path / "kept" / "3-7").iterdir()} == dict(made.files)


def test_elements_are_found_where_they_stand(forms: tuple[Form, ...]) -> None:
    data = next(form.data for form in forms if form.name == "explicit")
    found = elements(data, meta_end(data), EXPLICIT)
    sides = [one for one in found if (one.group, one.element) == (0x0008, 0x0104)]
    assert [data[one.value_at : one.end] for one in sides] == [b"Hand", b"Left"], "those in nested items too"
    assert found[-1].group == 0x7FE0 and found[-1].end == len(data)


# ------------------------------------------------------------------------------------- the bench itself
@linux
@pytest.mark.parametrize(
    ("look", "kind", "detail"),
    [
        (faulty_probe.good, "read", "3"), (faulty_probe.crash, "crash", "-11"), (faulty_probe.leave, "crash", "0"),
        (faulty_probe.hang, "hang", "processor"), (faulty_probe.wrong, "wrong-exception", "KeyError at probe.py"),
        (faulty_probe.past_exception, "wrong-exception", "a panic"), (faulty_probe.memory, "memory", "MB"),
        (faulty_probe.make_file, "wrote-outside", "open"), (faulty_probe.make_folder, "wrote-outside", "os.mkdir"),
        (faulty_probe.start, "wrote-outside", "subprocess.Popen"),
    ],
)  # fmt: skip
def test_the_bench_sees_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Any, kind: str, detail: str) -> None:
    monkeypatch.setattr(bench_fuzz, "CPU_S", 2.0)
    (tmp_path / "a").write_bytes(b"abc")
    child = Child(quiet=True, look=look)
    try:
        found = child.read(tmp_path / "a")
        assert found[0] == kind and detail in found[1], found
        if kind in ("crash", "hang"):
            assert child.read(tmp_path / "a")[0] == kind, "a new child takes the place of one that ended"
    finally:
        child.end()


@linux
def test_the_kernel_ends_a_child_that_writes_behind_pythons_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "out").touch()
    monkeypatch.setenv("FAULTY_FILE", str(tmp_path / "out"))
    child = Child(quiet=True, look=faulty_probe.write_behind_python)
    try:
        assert child.read(tmp_path / "a")[:2] == ("crash", "exit code -25")
    finally:
        child.end()
    assert (tmp_path / "out").read_bytes() == b""


# ------------------------------------------------------------------------------------- small parsers
@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: b"\xff\xd8\xff" + tail))
def test_any_bytes_have_a_kind_and_no_size_that_was_not_there(data: bytes) -> None:
    assert sniff(data) is not None
    found = look_into(data)
    assert found is None or (0 <= found.precision < 256 and isinstance(ends_properly(data), bool))


lines = st.sampled_from(['{"seq": 1}', "[]", "NaN", '{"seq": "1"}', "\u2028", '"'])


@given(st.text(max_size=200) | st.lists(lines, max_size=4).map("\n".join))
def test_any_text_is_an_export_or_a_refusal(text: str) -> None:
    for name in ("a.jsonl", "a.csv"):
        try:
            parse_export(text, name)
        except BoneAgeError:
            pass


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_any_json_is_a_reading_or_a_refusal(codec: Any, reading: Any) -> None:
    with pytest.raises(BoneAgeError):
        decode_reading({"codec": codec, "reading": reading})
    with pytest.raises(BoneAgeError):
        decode_reading({"codec": 1, "reading": reading})
