"""The grader's evaluation in words and tables (Markdown), and the few numbers that its card shows."""

from __future__ import annotations

from typing import Any

from boneage_desk.standards.rus_chn import BONES

Row = dict[str, Any]


def card(r: Row) -> dict[str, Any]:
    """Metrics of the model card."""
    age, printed, other = r["bone_age"], r["printed_examples"], r["graded_other_hospital"]
    turned, calibration, coverage = printed["thumb_turned_up"]["all"], r["calibration"], r["interval_evaluation"]["joint"]
    return {
        "command": r["command"], "hands_sharp": r["hands_sharp"], "hands_blurred": r["hands_blurred"], "views": r["views"],
        "bone_age_mae_months_sharp": round(age["sharp"]["mae_months"], 2),
        "bone_age_bias_months_sharp": round(age["sharp"]["bias_months"], 2),
        "bone_age_mae_months_all": round(age["all"]["mae_months"], 2),
        "bone_age_rmse_months_all": round(age["all"]["rmse_months"], 2),
        "bone_age_bias_months_all": round(age["all"]["bias_months"], 2),
        "two_year_bands_of_20_hands": age["bands_of_20_hands"],
        "two_year_bands_within_3_months_bias": age["bands_within_3_months_bias"],
        "no_image_mae_months": round(r["without_image"]["bone_age"]["mae_months"], 2),
        "share_target_exact": round(r["agreement_with_share_target"]["all"]["exact"], 3),
        "share_target_within_one": round(r["agreement_with_share_target"]["all"]["within_one"], 3),
        "no_image_share_target_exact": round(r["without_image"]["grades"]["exact"], 3),
        "printed_examples_exact": round(printed["as_printed"]["all"]["exact"], 3),
        "printed_examples_within_one": round(printed["as_printed"]["all"]["within_one"], 3),
        "printed_examples_thumb_up_exact": round(turned["exact"], 3),
        "printed_examples_thumb_up_within_one": round(turned["within_one"], 3),
        "other_hospital_exact": round(other["exact"], 3), "other_hospital_within_one": round(other["within_one"], 3),
        "spearman_least_of_a_bone": round(min(r["spearman_by_bone"].values()), 3),
        "calibration_error": round(calibration["error"], 3), "calibration_error_worst_bone": round(calibration["worst_bone"], 3),
        "interval_coverage_measured": round(coverage["all"]["coverage"], 3),
        "interval_mean_width_months": round(coverage["all"]["width_months"], 1),
    }  # fmt: skip


def _table(head: str, rows: list[str]) -> list[str]:
    columns = head.count("|") - 1
    return [head, "|" + "---|" * columns, *rows, ""]


def _ages(rows: dict[str, Row], what: str) -> list[str]:
    return _table(
        f"| sex, {what} | hands | MAE | RMSE | bias (95 % half width) |",
        [
            f"| {k} | {v['hands']} | {v['mae_months']:.1f} | {v['rmse_months']:.1f} | {v['bias_months']:+.1f}"
            + (f" ({v['bias_half_width_months']:.1f}) |" if v["hands"] > 1 else " |")
            for k, v in rows.items()
        ],
    )


def _rates(name: str, v: Row) -> str:
    return f"| {name} | {v['crops']} | {v['exact']:.2f} | {v['within_one']:.2f} | {v['bias_grades']:+.2f} |"


def _bone_age(r: Row) -> list[str]:
    a = r["bone_age"]
    raw, whole = a["labels_not_clipped"], a["all"]
    rows = [f"| {k} | {a[k]['hands']} | {a[k]['mae_months']:.2f} | {a[k]['rmse_months']:.2f} | {a[k]['bias_months']:+.2f} | "
            f"{a[k]['within_12_months']:.2f} |" for k in ("all", "sharp", "blurred") if a[k]]  # fmt: skip
    rows += [f"| {s} | {v['hands']} | {v['mae_months']:.2f} | {v['rmse_months']:.2f} | {v['bias_months']:+.2f} | "
             f"{v['within_12_months']:.2f} |" for s, v in a["by_sex"].items()]  # fmt: skip
    return [
        "## Bone age", "",
        "Months, from the middle (median) grades, against the film's label (a Greulich-Pyle reading). The standard's table ends "
        "at 17 years for girls and 18 for boys and then says only 'or more': labels past it count as that end "
        f"({a['labels_past_the_tables_end']} hands; not clipped: MAE {raw['mae_months']:.2f}, bias {raw['bias_months']:+.2f} "
        f"months against {whole['mae_months']:.2f} and {whole['bias_months']:+.2f}). Before calibration: MAE "
        f"{r['bone_age_uncalibrated_mae_months']:.2f}; from mean instead of middle grades: "
        f"{a['from_mean_grades']['mae_months']:.2f}.", "",
        *_table("| hands | n | MAE | RMSE | bias | within a year |", rows),
        f"Bias within 3 months: {a['bands_within_3_months_bias']} of {a['bands_of_20_hands']} bands of sex and label that hold "
        "20 hands or more.", "",
        *_ages(a["by_sex_and_label"], "label in months"), *_ages(a["by_sex_and_age_given"], "bone age given in months"),
    ]  # fmt: skip


def _no_image(r: Row) -> list[str]:
    w = r["without_image"]
    return [
        "## What the images bring", "",
        f"Baseline: {w['baseline']} ({w['training_films']} films). It misses the label by "
        f"{w['bone_age']['mae_months']:.1f} months; the images take off {w['images_take_off_months_mae']:.1f} of them "
        f"({100 * w['images_take_off_share_of_mae']:.0f} %). Grades against the share target: exact "
        f"{w['grades']['exact']:.2f}, within one {w['grades']['within_one']:.2f}, {w['grades']['mae_grades']:.2f} grades off; the "
        f"images add {w['images_add_exact']:+.2f} and {w['images_add_within_one']:+.2f} and take off "
        f"{w['images_take_off_grades_mae']:.2f} grades.", "",
    ]  # fmt: skip


def _grades(r: Row) -> list[str]:
    p, other, agreement, calibration = (
        r[k] for k in ("printed_examples", "graded_other_hospital", "agreement_with_share_target", "calibration")
    )
    lines = ["## Grades", "", f"Printed examples of the standard, read by {p['read_by']}, and crops of another hospital.", ""]
    rows = [_rates("as printed", p["as_printed"]["all"]), _rates("thumb turned up", p["thumb_turned_up"]["all"])]
    rows += [_rates(f"{k} (thumb up)" if k[-1] == "1" else k, v) for k, v in p["thumb_turned_up"]["by_class"].items()]
    rows.append(_rates("other hospital", other))
    if other["typical_of_the_age"]:
        rows.append(_rates("other hospital, no image: typical of the true bone age (both sexes' tables)", other["typical_of_the_age"]))
    lines += _table("| crops | n | exact | within one | bias |", rows)
    lines += [
        "Against the share target (the grade that the standard's own table expects at the film's label; no reader graded these "
        f"films): exact {agreement['all']['exact']:.2f}, within one {agreement['all']['within_one']:.2f}, "
        f"{agreement['all']['mae_grades']:.2f} grades off. Calibration error of the most probable grade: "
        f"{calibration['error']:.3f}, worst bone {calibration['worst_bone']:.3f}; with one temperature a bone "
        f"{calibration['error_one_temperature_a_bone']:.3f} and {calibration['worst_bone_one_temperature']:.3f}; uncalibrated "
        f"{calibration['error_uncalibrated']:.3f}. Each hand is measured by the calibration of the other half.", "",
    ]  # fmt: skip
    by_bone, rank, error = agreement["by_bone"], r["spearman_by_bone"], calibration["error_by_bone"]
    lines += _table(
        "| bone | exact | within one | grades off | bias | rank correlation with age | calibration error |",
        [f"| {b} | {v['exact']:.2f} | {v['within_one']:.2f} | {v['mae_grades']:.2f} | {v['bias_grades']:+.2f} | "
         f"{rank[b]:.3f} | {error[b]:.3f} |" for b in BONES if (v := by_bone[b])],
    )  # fmt: skip
    return lines


def _interval(r: Row) -> list[str]:
    table, e = r["interval"], r["interval_evaluation"]
    lines = [
        "## Interval", "",
        f"{100 * table['coverage']:.0f} %, from the joint spread of the 13 grades through the standard's curve: correlation "
        f"{table['correlation']}, floor {table['floor_months']} months, factor by sex and band of the bone age given "
        f"(conformal). Errors of two bones correlate by {e['residual_correlation']:.2f} on these hands. Measured on hands that "
        f"it was not fitted on (5 folds); {e['hands_at_the_tables_end']} hands at the table's end have no interval.", "",
    ]  # fmt: skip
    lines += _table(
        "| method | coverage | mean width | interval score | coverage where the doubt told is least / middle / most |",
        [f"| {n} | {v['coverage']:.3f} | {v['mean_width_months']:.1f} | {v['interval_score_months']:.1f} | "
         + " / ".join(f"{c:.2f}" for c in v["coverage_by_third_of_doubt"].values()) + " |" for n, v in e["methods"].items()],
    )  # fmt: skip

    def covered(rows: dict[str, Row]) -> list[str]:
        return [f"| {k} | {v['hands']} | {v['coverage']:.2f} | {v['width_months']:.1f} |" for k, v in rows.items()]

    head = "| hands | coverage | mean width |"
    lines += _table("| sex, bone age given " + head, covered(e["joint"]["by_sex_and_band_given"]))
    lines += _table("| sex, label " + head, covered(e["joint"]["by_sex_and_label"]))
    lines += [
        "Coverage holds for the bone age given, which is what a reader has; a label far from what the grader gives (the "
        "youngest and the oldest) is covered less often.", "",
    ]  # fmt: skip
    return lines


def _offset(r: Row) -> list[str]:
    rows = [f"| {k} | {v['offset_months']:+.1f} | {v['half_width_months']:.1f} |" for k, v in r["offset_to_printed_scale"].items()]
    return [
        "## Greulich-Pyle labels and the Chinese-05 scale", "",
        "The labels are Greulich-Pyle readings and the grader learned to return them through the Chinese-05 table, so the films "
        "cannot tell how the two standards differ. The printed examples can, as far as they go: if the grader's error on the "
        "middle ones held on films, a Chinese-05 reader would give this much more (+) or less than the grader.", "",
        *_table("| sex, bone age in months | offset, months | 95 % half width |", rows),
    ]  # fmt: skip


def _saliency(r: Row) -> list[str]:
    if "saliency" not in r:
        return []
    v = r["saliency"]
    rows = [
        f"| {n} | {m['epiphysis_mass']:.2f} | {m['epiphysis_area']:.2f} | {m['letter_mass']:.3f} | {m['letter_area']:.3f} | "
        f"{m['deletion_grades']:.2f} | {m['rank_correlation_random_weights']:+.2f} |"
        for n, m in v["methods"].items()
    ]
    return [
        "## Where it looks", "",
        f"`{v['command']}`: {v['crops']} crops of hands held out whose epiphyses are drawn by hand. The letter is painted into "
        "a corner. Deletion: grades that the latent grade moves when the map's first tenths are blurred away; "
        f"{v['deletion_grades_by_chance']:.2f} when cells are chosen by chance.", "",
        *_table("| map | mass on the epiphysis | its area | mass on the letter | its area | deletion | "
                "rank correlation with random weights |", rows),
    ]  # fmt: skip


def markdown(r: Row) -> list[str]:
    """The evaluation as the lines of a Markdown file."""
    lines = ["# Grader on hands held out", "", f"`{r['command']}`", ""]
    lines += [f"{r['hands_sharp']} hands at half resolution, {r['hands_blurred']} at 299 px, {r['views']} look(s) at each crop.", ""]
    return lines + _bone_age(r) + _no_image(r) + _grades(r) + _interval(r) + _saliency(r) + _offset(r)
