"""An evaluation as one HTML file that needs nothing else: no network, no script, plots inside as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from boneage_desk.standards import rus_chn
from boneage_desk.standards.rus_chn import BONES, bone_name
from boneage_desk.training import svg

_STYLE = """
body { font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1c1f24; background: #fff;
  max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.6rem; margin: 0 0 .2rem } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #d9dde3 }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid #eceef1; vertical-align: top }
th:first-child, td:first-child, th.words { text-align: left } thead th { border-bottom: 1px solid #5b6470; font-weight: 600 }
td.words { text-align: left }
.note { color: #5b6470; max-width: 75ch }
.warn { border-left: 4px solid #d9730d; padding: .3rem .8rem; background: #fff6ec; max-width: 80ch }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem } figure { margin: 0 } figcaption { color: #5b6470; font-size: .9rem }
svg { max-width: 100%; height: auto } code { overflow-wrap: anywhere }
@media print { h2 { break-after: avoid } figure, tr { break-inside: avoid } }
"""


_MOST_DOUBTS = 100


def number(value: Any, digits: int = 2) -> str:
    """A figure for a table; what was not measured is a dash."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int | str) else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], words: int = 0) -> str:
    """A table; the last ``words`` columns hold text."""
    body = []
    for row in rows:
        cells = [
            f'<td class="words">{escape(number(v))}</td>' if len(row) - k <= words and k else f"<td>{escape(number(v))}</td>"
            for k, v in enumerate(row)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    top = "".join(
        f'<th class="words">{escape(h)}</th>' if words and len(head) - k <= words else f"<th>{escape(h)}</th>"
        for k, h in enumerate(head)
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def figure(drawing: str, words: str) -> str:
    """A plot with its caption."""
    return f"<figure>{drawing}<figcaption>{escape(words)}</figcaption></figure>"


def note(words: str) -> str:
    """A paragraph in grey."""
    return f'<p class="note">{escape(words)}</p>'


def warning(words: str) -> str:
    """A paragraph that is not to be overlooked."""
    return f'<p class="warn">{escape(words)}</p>'


def page(title: str, sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The whole file; sections are (heading, pieces of HTML)."""
    parts = [f"<h2>{escape(head)}</h2>{''.join(pieces)}" if head else "".join(pieces) for head, pieces in sections]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def grader_page(result: Mapping[str, Any]) -> str:
    """The page of `site_grader`'s result (metrics.json)."""
    sections = [("", _head(result)), *_first(result)]
    sections.append(("Grades", _grades(result["grades"], result.get("before"))))
    if "ages" in result:
        sections.append(("Bone age", age_pieces(result["ages"])))
    sections.append(("Calibration", _calibration(result["grades"]["calibration"])))
    sections.append(("Confusion matrices", _confusions(result["grades"]["bones"])))
    sections += _last(result)
    return page(f"Grader {result['model']['tag']}: {result['films']['words']}", sections)


def detector_page(result: Mapping[str, Any]) -> str:
    """The page of `site_detector`'s result (metrics.json)."""
    sections = [("", _head(result)), *_first(result)]
    boxes, before = result["boxes"], result.get("before")
    names = ("mAP50", "mAP75", "mAP50-95")
    rows = [[n, boxes[n], *([before[n]] if before else [])] for n in names]
    pieces = [table(["", "this model", *(["starting model"] if before else [])], rows)]
    hands = result["hands"]
    pieces.append(table(["hands", ""], [
        ["films", hands["films"]], ["one hand found", hands["one_hand"]], ["all 13 bones found", hands["all_13"]],
        ["median centre error, share of mc3-dp3", number(hands["median_centre_error_L"], 4)],
        ["centres within 4 % of the hand's length", number(hands["within_4_percent_of_hand"], 3)],
    ]))  # fmt: skip
    bones = boxes["bones"]
    pieces.append(note(
        "Average precision is of the network's own boxes against squares round the middle of the site's boxes "
        "(side: the bone's share of mc3-dp3), as the program frames bones; the centre errors are of the fitted hand."
    ))  # fmt: skip
    pieces.append('<div class="row">')
    pieces.append(table(
        ["bone", "boxes", "AP50", "AP75", "AP50-95"],
        [[bone_name(b), r["n"], r["AP50"], r["AP75"], r["AP50-95"]] for b, r in bones.items()],
    ))  # fmt: skip
    drawing = svg.bars([(b, [r["AP50"], r["AP50-95"]]) for b, r in bones.items()], ("AP50", "AP50-95"), "average precision by bone")
    pieces += [figure(drawing, "Average precision by bone"), "</div>"]
    sections.append(("Boxes", pieces))
    sections += _last(result)
    return page(f"Detector {result['model']['tag']}: {result['films']['words']}", sections)


def _head(result: Mapping[str, Any]) -> list[str]:
    model, films = result["model"], result["films"]
    rows = [
        ["model", f"{model['name']} ({model['tag']})"], ["weights, SHA-256", model["sha256"]],
        ["films", films["words"]], ["table, SHA-256", films["table_sha256"]],
        ["made", result["made"]], ["program", result["program"]],
    ]  # fmt: skip
    if "detector" in result:
        rows.insert(2, ["bones found by", f"{result['detector']['tag']}, {result['detector']['sha256'][:12]}..."])
    facts = "".join(f"<tr><th>{escape(k)}</th><td class='words'><code>{escape(str(v))}</code></td></tr>" for k, v in rows)
    return [
        note("Research use; not a medical device. These figures hold for the films named here and for no others."),
        f"<table>{facts}</table>",
    ]


def _first(result: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What a reader of the figures must know before them."""
    pieces = [warning(w) for w in result.get("warnings", ())]
    if result.get("doubts"):
        pieces.append(warning(f"{len(result['doubts'])} rows of the table are to be looked at again: see the end of this page."))
    return [("What to know first", pieces)] if pieces else []


def _last(result: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """The losses of a training, and rows of the site's table to look at again."""
    sections = [("Training", curve_pieces(result["log"]))] if result.get("log") else []
    doubts = result.get("doubts", ())
    if doubts:
        words = "The largest differences first. A row here may be a slip of the pen, another bone, or only a hard case."
        rows = [[d["row"], d["bone"], d["words"]] for d in doubts[:_MOST_DOUBTS]]
        more = f" The first {_MOST_DOUBTS} of {len(doubts)} are listed; metrics.json has the rest." if len(doubts) > _MOST_DOUBTS else ""
        sections.append(("Rows to look at again", [note(words + more), table(["row", "bone", "what"], rows, words=2)]))
    return sections


def _grades(grades: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[str]:
    rows = [_summary("this model", grades)] + ([_summary("starting model", before)] if before else [])
    pieces = [
        table(["", "bones", "exact", "95 %", "within one", "95 %", "bias, grades", "kappa (mean of bones)"], rows),
        note("Kappa is quadratic weighted (Cohen 1968), a dash where all of a bone's grades are one. The 95 % intervals are "
             "Wilson's and take the bones as independent: with few films the truth may lie further off."),
    ]  # fmt: skip
    bones = grades["bones"]
    pieces.append('<div class="row">')
    pieces.append(table(
        ["bone", "n", "exact", "within one", "bias, grades", "kappa"],
        [[bone_name(b), r["n"], r["exact"], r["within_one"], r["bias_grades"], r["kappa"]] for b, r in bones.items()],
    ))  # fmt: skip
    drawing = svg.bars([(b, [r["exact"], r["within_one"]]) for b, r in bones.items()], ("exact", "within one"), "agreement by bone")
    return [*pieces, figure(drawing, "Share of bones with the reader's grade, and within one grade of it"), "</div>"]


def _summary(words: str, grades: Mapping[str, Any]) -> list[Any]:
    def between(limits: Sequence[float] | None) -> str:
        return "–" if limits is None else f"{limits[0]:.2f}-{limits[1]:.2f}"

    return [
        words, grades["n"], grades["exact"], between(grades["exact_95"]), grades["within_one"],
        between(grades["within_one_95"]), grades["bias_grades"], grades["kappa_mean"],
    ]  # fmt: skip


def age_pieces(ages: Mapping[str, Any]) -> list[str]:
    """Tables and plots of `metrics.age_metrics` with its ``reference`` in words."""
    if not ages["n"]:
        return [note("No film has all 13 grades of the model and a reference bone age: nothing was measured.")]
    head = ["", "films", "MAE", "RMSE", "bias", "95 % limits of agreement", "0.5 y", "1 y", "1.5 y", "2 y"]
    rows = [_age_row("all", ages)]
    rows += [_age_row(_MARKS[s][0], r) for s, r in ages["by_sex"].items() if r["n"]]
    bands = [_age_row(f"{_MARKS[name[0]][0]} {name[2:]}", r) for name, r in ages["by_band"].items()]
    words = "Months; the last columns are the shares of films whose error is at most so many years. "
    words += f"Reference: {ages['reference']}."
    if ages["open_ended"]:
        words += f" For {ages['open_ended']} films one of the two ages is only a bound of the standard's table, and counts as that bound."
    return [
        table(head, rows), note(words),
        '<div class="row">', figure(_bland_altman(ages), "Bland-Altman: difference over mean, months"),
        figure(_scatter(ages), "Model over reference, months; the line is equality"), "</div>",
        table(head, bands),
    ]  # fmt: skip


def _age_row(words: str, r: Mapping[str, Any]) -> list[Any]:
    limits = r["limits_of_agreement_months"]
    between = "–" if limits is None else f"{limits[0]:.1f} to {limits[1]:.1f}"
    return [words, r["n"], r["mae_months"], r["rmse_months"], r["bias_months"], between, *r["within_years"].values()]


_MARKS = {"F": ("girls", svg.TWO, "circle"), "M": ("boys", svg.ONE, "square")}


def _bland_altman(ages: Mapping[str, Any]) -> str:
    points = [((p["reference"] + p["read"]) / 2, p["read"] - p["reference"]) for p in ages["points"]]
    limits = ages["limits_of_agreement_months"] or []
    xs, ys = [x for x, _ in points], [*(y for _, y in points), *limits, 0.0]
    pad_x, pad_y = 6.0, 0.15 * max(max(ys) - min(ys), 6.0)
    axes = svg.Axes(
        (min(xs) - pad_x, max(xs) + pad_x), (min(ys) - pad_y, max(ys) + pad_y), "mean of model and reference, months",
        "model - reference, months", label="Bland-Altman plot",
    )  # fmt: skip
    axes.level(ages["bias_months"], f"bias {ages['bias_months']:+.1f}", svg.INK, "")
    for value, words in zip(limits, ("-1.96 SD", "+1.96 SD"), strict=False):
        axes.level(value, f"{words}: {value:+.1f}")
    _by_sex(axes, ages, points)
    return str(axes)


def _scatter(ages: Mapping[str, Any]) -> str:
    points = [(p["reference"], p["read"]) for p in ages["points"]]
    values = [v for p in points for v in p]
    span = (min(values) - 6, max(values) + 6)
    axes = svg.Axes(span, span, "reference, months", "model, months", height=420, width=460, label="model over reference")
    axes.line([(span[0], span[0]), (span[1], span[1])], svg.SOFT, "5 4")
    _by_sex(axes, ages, points)
    return str(axes)


def _by_sex(axes: svg.Axes, ages: Mapping[str, Any], points: Sequence[tuple[float, float]]) -> None:
    for sex, (_, colour, shape) in _MARKS.items():
        of = [(at, p) for at, p in zip(points, ages["points"], strict=True) if p["sex"] == sex]
        titles = [f"reference {p['reference']:.1f}, model {p['read']:.1f}" for _, p in of]
        axes.dots([at for at, _ in of], colour, shape, titles)
    axes.legend([(name, colour, shape) for name, colour, shape in _MARKS.values()])


def _calibration(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return [note("No bone was graded.")]
    axes = svg.Axes((0.0, 1.0), (0.0, 1.0), "probability that the model gave", "share that was right", width=420, height=380)
    axes.line([(0, 0), (1, 1)], svg.SOFT, "5 4")
    points = [(r["said"], r["was"]) for r in found["bins"]]
    axes.line(points)
    axes.dots(points, svg.ONE, "circle", [f"{r['n']} bones: said {r['said']:.2f}, right {r['was']:.2f}" for r in found["bins"]])
    error = found["expected_calibration_error"]
    return [
        note(f"Expected calibration error of the most probable grade: {error:.3f}. Below the line the model is too sure."),
        figure(str(axes), "Reliability, bins of equal numbers"),
    ]


def _confusions(bones: Mapping[str, Any]) -> list[str]:
    drawn = []
    for bone in BONES:
        r = bones[bone]
        if r["n"]:
            words = f"{bone_name(bone)}, n = {r['n']}"
            drawn.append(figure(svg.heat(r["confusion"], rus_chn.labels(bone), f"confusion matrix, {words}"), words))
    return [note("Rows: the reader's grade; columns: the model's. Labels of the standard."), '<div class="row">', *drawn, "</div>"]


def curve_pieces(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """The loss over the steps, of the lines of log.jsonl that have one."""
    points = [(float(r["step"]), float(r["loss"])) for r in log if "loss" in r]
    if len(points) < 2:
        return [note(f"{len(points)} line in the log: no curve.")]
    high = max(y for _, y in points)
    axes = svg.Axes((points[0][0], points[-1][0]), (0.0, 1.05 * high), "step", "loss", label="loss over steps")
    axes.line(points)
    return [figure(str(axes), "Loss while training (mean since the line before)")]
