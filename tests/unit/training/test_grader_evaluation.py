"""The grader's evaluation on drawn-up hands whose truth is known: it finds what was put in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.standards import rus_chn
from boneage_desk.training import evaluate_interval, grader_calibration, grader_tables
from boneage_desk.training.grader_batches import Hands
from boneage_desk.training.held_out import HeldOut, Outputs, held_out, load_outputs, outputs_key
from boneage_desk.training.targets import MAX_GRADE, sex_of, share_target

BONES = rus_chn.BONES
GRADES = np.arange(15)


def opinions(centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """P [N, 13, 15]: rounded normal distributions about centre [N, 13]."""
    p = np.exp(-(((GRADES - centre[..., None]) / width[..., None]) ** 2) / 2) * (GRADES <= MAX_GRADE[:, None])
    return np.asarray(p / p.sum(-1, keepdims=True))


def drawn(n: int, seed: int, *, noisy: float = 1.0, shift: float = 0.0, past_end: float = 0.0) -> HeldOut:
    """Hands whose grades err as their own widths say; every second one is three times as doubtful."""
    rng = np.random.default_rng(seed)
    sexes = np.where(rng.random(n) < 0.5, "F", "M")
    labels = rng.uniform(60, 160, n) + past_end
    targets = np.array([share_target(m, sex_of(s)) for m, s in zip(labels, sexes, strict=True)])
    width = np.where(np.arange(n) % 2, 1.2, 0.4)[:, None] * np.ones(13) * noisy
    common = rng.normal(0, 1, (n, 1)) * np.sqrt(0.4) + rng.normal(0, 1, (n, 13)) * np.sqrt(0.6)
    p = opinions(np.clip(targets + common * width + shift, 0, MAX_GRADE), width)
    return HeldOut(p, sexes, labels, targets.astype(np.float32), np.arange(n) % 3 == 0)


def test_the_joint_interval_holds_on_hands_it_never_saw_and_is_wide_where_there_is_doubt() -> None:
    hands, fresh = drawn(900, 1), drawn(900, 2)
    table = evaluate_interval.evaluate_interval(hands)["card"]
    m = evaluate_interval.moments(fresh)
    fitted = {f"{b['sex']} {b['from_months']:.0f}-{b['to_months']:.0f}": (b["factor"], 0) for b in table["bands"]}
    low, high = evaluate_interval.bounds("joint", fresh, m, fitted, table["correlation"], table["floor_months"])
    hit = (low <= fresh.clipped) & (fresh.clipped <= high)
    assert 0.86 < hit.mean() < 0.95
    doubtful = np.arange(900) % 2 == 1
    assert (high - low)[doubtful].mean() > 1.5 * (high - low)[~doubtful].mean()
    assert hit[doubtful].mean() > 0.82 and hit[~doubtful].mean() > 0.82


def test_where_the_doubt_tells_the_error_the_joint_interval_beats_the_fixed_one() -> None:
    methods = evaluate_interval.evaluate_interval(drawn(900, 3))["methods"]
    assert methods["joint"]["interval_score_months"] < 0.95 * methods["fixed"]["interval_score_months"]
    assert min(methods["joint"]["coverage_by_third_of_doubt"].values()) > 0.82
    fixed = methods["fixed"]["coverage_by_third_of_doubt"]
    assert fixed["least"] - fixed["most"] > 0.1, "one width is too wide here and too narrow there"


def test_the_interval_is_the_one_that_the_program_gives() -> None:
    from boneage_desk.reading.analysis import IntervalRow, IntervalTable
    from boneage_desk.reading.findings import BoneFinding, GradeOpinion
    from boneage_desk.reading.interval import bone_age_interval
    from boneage_desk.standards.types import Sex

    hands = drawn(20, 4)
    fitted = {c: (1.3, 0) for c in evaluate_interval.cells(hands)}
    low, high = evaluate_interval.bounds("joint", hands, evaluate_interval.moments(hands), fitted, 0.3, 5.0)
    table = IntervalTable(0.9, tuple(IntervalRow(s, 0, 241, 1, 1.3) for s in Sex), "", 0.3, 5.0)
    for n, s in enumerate(hands.sexes):
        findings = [
            BoneFinding(b, machine_grade=GradeOpinion(b, int(g), tuple(p[: rus_chn.max_grade(b) + 1].tolist())))
            for b, g, p in zip(BONES, hands.grades[n], hands.p[n], strict=True)
        ]
        total = rus_chn.total_score({f.bone: int(g) for f, g in zip(findings, hands.grades[n], strict=True)}, sex_of(s))
        age = rus_chn.bone_age(total, sex_of(s))
        assert age.months == pytest.approx(hands.given[n])
        assert bone_age_interval(table, age, sex_of(s), findings) == pytest.approx((low[n], high[n]))


def test_few_hands_of_a_band_take_their_sexs_factor() -> None:
    hands = drawn(200, 5)
    everyone = np.ones(200, bool)
    where = evaluate_interval.cells(hands)
    table = evaluate_interval.factors(hands, where, hands.errors, everyone)
    for name, (width, used) in table.items():
        count = int((where == name).sum())
        of = where == name if count >= evaluate_interval.FEWEST else hands.sexes == name[0]
        assert used == of.sum() and width == evaluate_interval.quantile(hands.errors[of])


def test_the_conformal_quantile_is_the_rank_that_split_conformal_asks_for() -> None:
    values = np.arange(1.0, 20.0) * np.where(np.arange(19) % 2, 1, -1)
    assert evaluate_interval.quantile(values) == 18  # ceil(20 * .9) = 18th of 19
    assert evaluate_interval.quantile(np.arange(5.0)) == 4, "too few: the largest"


def raw_hands(n: int, seed: int, sharpness: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latent grades, logits too sure by ``sharpness`` [N, 13], targets."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 10, (n, 13))
    s = truth + rng.normal(0, 0.8, truth.shape)
    return s, (s[..., None] - np.arange(1, 15) + 0.5) / 0.5 * sharpness[..., None], truth.astype(np.float32)


def test_calibration_undoes_too_much_sureness_even_where_it_depends_on_the_grade() -> None:
    s, _, targets = raw_hands(800, 0, np.ones((800, 13)))
    s, logits, targets = raw_hands(800, 0, np.exp(0.3 * (s - 5)))
    nothing = grader_calibration.grade_probabilities(s, logits, np.zeros((13, 2, 4)))
    before = grader_calibration.calibration_error(nothing, targets)[0]
    one = grader_calibration.calibration_error(grader_calibration.cross_fitted(s, logits, targets, temperature=0), targets)[0]
    after, by_bone = grader_calibration.calibration_error(grader_calibration.cross_fitted(s, logits, targets), targets)
    assert after < 0.5 * one < 0.5 * before
    assert max(by_bone.values()) < 0.09, "800 hands: .05 is the spread of the measure itself"
    assert (grader_calibration.fit_calibration(s, logits * 5, targets, temperature=0)[:, 0, 0] > np.log(2)).all()


def test_calibrated_probabilities_are_those_of_the_network() -> None:
    import torch

    from boneage_desk.engines.networks.grader import calibrate, probabilities

    s, logits, _ = raw_hands(6, 1, np.ones((6, 13)))
    c = np.random.default_rng(2).normal(0, 0.5, (13, 2, 4))
    p = grader_calibration.grade_probabilities(s, logits, c)
    bones = torch.arange(13)
    for n in range(6):
        top = torch.from_numpy(MAX_GRADE).double()
        warped = calibrate(torch.from_numpy(s[n]), torch.from_numpy(logits[n]), torch.from_numpy(c), top)
        for k, row in enumerate(probabilities(warped, bones)):
            np.testing.assert_allclose(p[n, k, : len(row)], row, atol=1e-6)
            assert not p[n, k, len(row) :].any()


def test_each_half_is_calibrated_by_the_other() -> None:
    s, logits, targets = raw_hands(60, 3, np.where(np.arange(60) % 2, 4.0, 1.0)[:, None] * np.ones(13))
    p = grader_calibration.cross_fitted(s, logits, targets, temperature=0)
    for k in (0, 1):
        mine, others = np.arange(60) % 2 == k, np.arange(60) % 2 != k
        c = grader_calibration.fit_calibration(s[others], logits[others], targets[others], temperature=0)
        np.testing.assert_allclose(p[mine], grader_calibration.grade_probabilities(s[mine], logits[mine], c), atol=1e-6)


def test_what_is_calibrated_in_the_file_is_calibrated_once_in_use_and_not_at_all_when_fitted_anew() -> None:
    import torch

    from boneage_desk.engines.networks.grader import Grader, grade
    from boneage_desk.training.evaluate_grader import outputs_of

    torch.manual_seed(1)
    model = Grader().eval()
    torch.nn.init.normal_(model.heads.latent.weight, std=0.5)
    crops = np.random.default_rng(0).integers(0, 255, (13, 32, 32)).astype(np.uint8)
    raw = outputs_of(model, crops, np.arange(13))
    c = np.random.default_rng(2).normal(0, 0.3, (13, 2, 4))
    with torch.no_grad():
        model.calibration.copy_(torch.from_numpy(c))
    for before, after in zip(raw, outputs_of(model, crops, np.arange(13)), strict=True):
        np.testing.assert_array_equal(before, after)
    want = grader_calibration.grade_probabilities(raw[0][None], raw[1][None], c)[0]
    for k, row in enumerate(grade(model, crops, list(BONES))):
        np.testing.assert_allclose(row, want[k, : len(row)], atol=1e-4)


def test_a_temperature_divides_and_a_shift_is_added_first() -> None:
    """The formula that shipped weights were fitted with: in the middle of a bone's grades only the constants count."""
    import torch

    from boneage_desk.engines.networks.grader import calibrate

    c = torch.zeros(1, 2, 4)
    c[0, 0, 0], c[0, 1, 0] = float(np.log(2)), 0.5
    got = calibrate(torch.tensor([6.0]), torch.tensor([[3.0, -1.0]]), c, torch.tensor([12.0]))
    assert got[0].tolist() == pytest.approx([1.75, -0.25])


def test_every_printed_example_is_read_by_the_network_that_did_not_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    from boneage_desk.training import evaluate_grader
    from boneage_desk.training.anchor_grader import FOLDS
    from boneage_desk.training.train_grader import read_plates

    (tmp_path / "plates").mkdir()
    names = [f"{kind}_{grade}" for kind in ("dp", "radius", "mc1") for grade in (10, 2, 5)]
    for k, name in enumerate(names):
        cv2.imwrite(str(tmp_path / "plates" / f"{name}.png"), np.full((9, 9), 10 * k + 5, np.uint8))
    read_by: dict[int, int] = {}

    def said(model: int, crops: list[np.ndarray], bones: list[str], *_: object) -> np.ndarray:
        read_by[int(crops[0][4, 4])] = model
        return np.eye(15)[[0] * len(bones)]

    monkeypatch.setattr(evaluate_grader, "crop_probabilities", said)
    evaluate_grader.printed_errors(list(range(FOLDS)), tmp_path, np.zeros((13, 2, 4)), 0.0, 1)  # type: ignore[arg-type]
    assert len(read_by) == len(names)
    for fold in range(FOLDS):
        seen = {int(picture[4, 4]) for picture in read_plates(tmp_path / "plates", 9, 1, fold).pictures}
        assert {grey for grey, model in read_by.items() if model == fold} == set(read_by) - seen


def test_the_tables_find_the_bias_that_was_put_in() -> None:
    straight, late = (grader_tables.bone_age(drawn(400, 6, noisy=0.3, shift=x)) for x in (0.0, 0.5))
    assert abs(straight["all"]["bias_months"]) < 1.5 < 3 < late["all"]["bias_months"]
    assert straight["bands_within_3_months_bias"] > late["bands_within_3_months_bias"]
    assert sum(r["hands"] for r in straight["by_sex_and_label"].values()) == 400
    assert grader_tables.agreement(drawn(400, 6, noisy=0.1))["all"]["exact"] > 0.9
    json.dumps(late, allow_nan=False)


def test_labels_past_the_tables_end_count_as_the_end() -> None:
    hands = drawn(60, 7, noisy=0.2, past_end=150)
    assert (hands.labels > hands.ends).any()
    assert hands.clipped.max() <= 216 and (hands.clipped[hands.sexes == "F"] <= 204).all()
    table = grader_tables.bone_age(hands)
    assert table["labels_past_the_tables_end"] == int((hands.labels > hands.ends).sum())
    assert table["labels_not_clipped"]["mae_months"] > table["all"]["mae_months"]


def test_without_image_is_what_training_films_tell_and_no_more() -> None:
    hands = drawn(300, 8, noisy=0.3)
    rows: list[dict[str, object]] = [
        {"id": str(k), "sex": s, "months": m, "validation": k % 2 == 0, "source": "half"}
        for k, (s, m) in enumerate(zip(hands.sexes, hands.labels, strict=True))
    ]
    stored = Hands(np.zeros((300, 13, 1, 1), np.uint8), rows, hands.targets)
    test = hands.part(np.arange(300) % 2 == 0)
    told = grader_tables.without_image(stored, test)
    assert told["training_films"] == 150
    assert told["bone_age"]["mae_months"] > 20 and told["images_take_off_months_mae"] > 15
    assert told["images_add_exact"] > 0.5
    doubled = Hands(stored.crops, rows + rows, np.concatenate([hands.targets, hands.targets]))
    assert grader_tables.without_image(doubled, test)["training_films"] == 150, "a film stored twice counts once"


def test_rank_correlation_is_spearmans() -> None:
    assert grader_tables._ranks(np.array([7.0, 1.0, 7.0, 9.0])).tolist() == [2.5, 1.0, 2.5, 4.0]
    hands = drawn(300, 9, noisy=0.3)
    assert min(grader_tables.spearman(hands).values()) > 0.95
    other_way = HeldOut(hands.p, hands.sexes, -hands.labels, hands.targets, hands.sharp)
    assert max(grader_tables.spearman(other_way).values()) < -0.95


def test_outputs_are_taken_again_only_for_the_same_weights_hands_and_views(tmp_path) -> None:  # type: ignore[no-untyped-def]
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    rows: list[dict[str, object]] = [{"id": str(k), "sex": "M", "months": 100.0, "source": "half"} for k in range(4)]
    hands = Hands(np.zeros((4, 13, 1, 1), np.uint8), rows, np.zeros((4, 13), np.float32))
    indices = np.arange(4)
    key = outputs_key(weights, hands, indices, 1)
    file = tmp_path / "o.npz"
    Outputs(indices, np.ones((4, 13)), np.ones((4, 13, 14))).save(file, key)
    assert load_outputs(file, key) is not None
    assert load_outputs(file, outputs_key(weights, hands, indices, 3)) is None
    assert load_outputs(file, outputs_key(weights, hands, indices[:3], 1)) is None
    weights.write_bytes(b"two")
    assert load_outputs(file, outputs_key(weights, hands, indices, 1)) is None
    assert held_out(hands, indices, np.zeros((4, 13, 15))).sharp.all()


def test_every_view_shows_the_crop_and_the_first_is_the_crop_itself() -> None:
    from boneage_desk.training import evaluate_grader

    crop = np.zeros((96, 96), np.uint8)
    crop[30:60, 20:50] = 200
    seen = [evaluate_grader._view(crop, *view) for view in evaluate_grader.VIEWS]
    assert seen[0] is crop
    np.testing.assert_array_equal(seen[1], crop[:, ::-1])
    for view in seen[2:]:
        assert not np.array_equal(view, crop) and abs(int((view > 100).sum()) / 900 - 1) < 0.2
