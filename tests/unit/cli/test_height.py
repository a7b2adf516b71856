"""``height``: the papers' examples from the command line, what is not available, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boneage_desk.standards.height import METHODS


def test_all_methods_side_by_side(program: Any) -> None:
    code, out, err = program.run(
        "height", "--sex", "M", "--age", "13y", "--height", "60in", "--gp-bone-age", "13y3m", "--father", "180cm", "--mother", "166cm",
        "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert [one["method"] for one in found["adult_height"]] == list(METHODS)
    by = {one["method"]: one for one in found["adult_height"]}
    assert by["bayley-pinneau"]["adult_height_cm"] == pytest.approx(67.4 * 2.54, abs=0.15)  # the paper's first example
    assert by["mid-parental"]["adult_height_cm"] == 179.5
    assert "needs the weight" in by["rwt-1975"]["why_not"] and by["rwt-1975"]["adult_height_cm"] is None
    assert "needs a TW2 RUS bone age; at hand is only Greulich-Pyle" in by["tw-mark-1"]["why_not"]
    assert found["inputs"]["height_cm"] == 152.4 and found["inputs"]["age_months"] == 156
    assert set(found["height_sds"]) == {"who2007", "cdc2000", "china2009"} and None not in found["height_sds"].values()


def test_one_method(program: Any) -> None:
    words = ("--sex", "F", "--age", "12y", "--height", "165.2cm", "--tw2-bone-age", "14y", "--menarche", "no")
    code, out, _ = program.run("height", "--method", "tw-mark-1", *words, "--json")
    (made,) = json.loads(out)["adult_height"]
    assert code == 0 and made["adult_height_cm"] == pytest.approx(171.7, abs=0.05)  # the paper's example
    code, out, _ = program.run("height", "--method", "tw-mark-1", *words)
    assert code == 0 and "Tanner-Whitehouse Mark I 1975  171.7 cm (166.3 to 177.1)" in out and "SD by China 2009" in out
    assert "SD by CDC 2000" in program.run("height", "--method", "tw-mark-1", *words, "--reference", "cdc2000")[1]


def test_one_method_that_gives_nothing_says_why_and_ends_with_3(program: Any) -> None:
    code, out, err = program.run("height", "--method", "bayley-pinneau", "--sex", "M", "--age", "14y", "--height", "150cm",
                                 "--gp-bone-age", "13y1m", "--json")  # fmt: skip
    assert code == 0 and json.loads(out)["adult_height"][0]["adult_height_cm"] is not None
    code, out, err = program.run("height", "--method", "bayley-pinneau", "--sex", "M", "--age", "15y", "--height", "150cm",
                                 "--gp-bone-age", "13y1m", "--json")  # fmt: skip
    assert code == 3 and "no table for boys" in err and out.count("\n") == 1
    assert "no table for boys" in json.loads(out)["adult_height"][0]["why_not"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--height", "150m"), "implausible"),
        (("--height", "150"), "unit"),
        (("--height", "1.5kg"), "unit"),
        (("--weight", "3300kg"), "implausible"),
        (("--father", "17.6cm"), "implausible"),
        (("--mother", "162"), "unit"),
        (("--age", "124"), "unit"),
        (("--age", "60y"), "implausible"),
        (("--gp-bone-age", "40y"), "implausible"),
        (("--menarche", "yes"), "menarche"),
    ],
)
def test_what_cannot_be_is_refused(program: Any, words: tuple[str, ...], code: str) -> None:
    found, out, err = program.run("height", "--sex", "M", *words, "--json")
    assert found == 2 and json.loads(out)["error"]["code"] == code and f": {code}: " in err


def test_sex_and_method_have_to_be_known(program: Any) -> None:
    assert program.run("height", "--sex", "M", "--method", "tw3")[0] == 2
    assert program.run("height", "--age", "10y")[0] == 2
    code, out, _ = program.run("height", "--sex", "X", "--json")
    assert code == 2 and "picks the table" in json.loads(out)["error"]["message"]


def test_swapped_parents_are_told(program: Any) -> None:
    assert "swapped?" in program.run("height", "--sex", "F", "--father", "160cm", "--mother", "178cm")[1]
    assert "swapped?" not in program.run("height", "--sex", "F", "--father", "178cm", "--mother", "160cm")[1]


def test_the_list_of_standards_names_references_and_methods(program: Any) -> None:
    code, out, _ = program.run("standards", "--json")
    found = json.loads(out)
    assert code == 0 and [one["id"] for one in found["adult_height"]] == list(METHODS)
    assert {one["id"]: one["range_months"]["M"] for one in found["growth_references"]} == {
        "who2007": [61, 228], "cdc2000": [24, 240], "china2009": [0, 216],
    }  # fmt: skip
    assert "Adult height:" in program.run("standards")[1]
