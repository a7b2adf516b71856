"""The page of an evaluation on whole films: one HTML file, plots inside, no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from boneage_desk.training import svg
from boneage_desk.training.html_report import figure, note, number, page, table, warning

_MOST = 200
_LEAST = 10
"""Films below which the page shows no ICC and no interval of the MAE: they say nothing."""
_MARKS = {"F": ("girls", svg.TWO, "circle"), "M": ("boys", svg.ONE, "square"), None: ("sex not known", svg.INK, "circle")}
_AGE_HEAD = (
    "", "films", "MAE", "95 %", "RMSE", "bias", "SD", "0.5 y", "1 y", "1.5 y", "2 y", "ICC(2,1)", "95 %", "interval covers",
)  # fmt: skip


def page_of(result: Mapping[str, Any]) -> str:
    """The page of `evaluate_films`'s result."""
    sections = [("", _head(result)), *_first(result)]
    ages = result["ages"]
    if ages["n"]:
        sections += [("Bone age", _ages(result)), ("Plots", _plots(result)), ("By sex and age", _bands(result))]
    else:
        sections.append(("Bone age", [note("No film gave a number: nothing was measured.")]))
    if result["sex"] is not None:
        sections.append(("Sex from the film", _sex(result["sex"])))
    sections += [(f"Beside {other['other']['tag']}", _comparison(other)) for other in result["comparisons"]]
    sections.append(("Films without a number", _without(result["without_number"])))
    sections.append(("Largest errors", _largest(result["per_film"])))
    return page(f"{result['model']['name']}: {result['source']}, {result['counts']['films']} films", sections)


def between(limits: Sequence[float | None] | None, digits: int = 1) -> str:
    """'1.0 to 2.0', a dash for an end that does not exist."""
    return "–" if limits is None else " to ".join(number(x, digits) for x in limits)


def _head(result: Mapping[str, Any]) -> list[str]:
    films, model = result["films"], result["model"]
    rows = [("system", model["engine"])]
    rows += [("weights", f"{w['tag']}: {w['sha256']}") for w in model["weights"]]
    split = f"held out by {films['split']} (SHA-256 {films['split_sha256'][:12]}...)" if films["split"] else "all that have a row"
    if films["limit"]:
        split += f"; {films['limit']} of them, chosen by a hash of the name"
    rows += [
        ("films", f"{films['path']}: {split}"),
        ("table", f"{films['labels']} (SHA-256 {films['labels_sha256'][:12]}...), {films['rows']} rows"),
        ("command", result["command"]), ("made", result["made"]), ("program", result["program"]),
    ]  # fmt: skip
    facts = "".join(f"<tr><th>{escape(k)}</th><td class='words'><code>{escape(str(v))}</code></td></tr>" for k, v in rows)
    return [
        note("Research use; not a medical device. These figures hold for the films named here and for no others."),
        f"<table>{facts}</table>",
    ]


def _first(result: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What a reader of the figures must know before them."""
    counts, films = result["counts"], result["films"]
    pieces = []
    if counts["without_number"]:
        why = ", ".join(f"{code} {of['films']}" for code, of in result["without_number"].items())
        pieces.append(warning(
            f"{counts['without_number']} of {counts['films']} films gave no number ({why}). They are in no figure below and are "
            "named further down."
        ))  # fmt: skip
    if films["left_out"]:
        why = "; ".join(f"{path}: {words}" for path, words in list(films["left_out"].items())[:12])
        pieces.append(warning(f"{len(films['left_out'])} files were left out (the JSON names all): {why}"))
    if films["missing"]:
        pieces.append(warning(f"{len(films['missing'])} rows of the table have no film here: {_names(films['missing'])}."))
    if films["without_a_row"]:
        n = len(films['without_a_row'])
        pieces.append(note(f"{n} files without a row in the table were not read: {_names(films['without_a_row'])}."))
    if counts["sex_conflict"]:
        pieces.append(warning(f"On {counts['sex_conflict']} films the file records another sex than the table; the table's was used."))
    if not films["split"]:
        pieces.append(note(
            "No split was named. Whether the model was trained on some of these films was not looked at; if it was, the figures "
            "flatter it."
        ))  # fmt: skip
    return [("What to know first", pieces)] if pieces else []


def _names(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" ... (the JSON names all {len(names)})" if len(names) > most else "")


def _row(words: str, r: Mapping[str, Any]) -> list[Any]:
    enough, covered = r["n"] >= _LEAST, r.get("interval")
    icc = r["icc_2_1"] if enough else None
    return [
        words, r["n"], r["mae_months"], between(r["mae_95"] if enough else None), r["rmse_months"],
        number(r["bias_months"]), r["sd_months"],
        *r["within_years"].values(), number(icc["value"], 3) if icc else None, between(icc["interval_95"], 3) if icc else None,
        covered["coverage"] if covered else None,
    ]  # fmt: skip


def _ages(result: Mapping[str, Any]) -> list[str]:
    rows = [_row("all", result["ages"]), *(_row(name, r) for name, r in result["by_sex"].items() if r["n"])]
    clipped = result["labels_at_table_end"]
    if clipped:
        rows.append(_row("all, references held at the table's end", clipped))
    pieces = [table(_AGE_HEAD, rows), note(
        "Months; model minus reference. 95 % of MAE: Student's t over films; shares within half a year to two years; ICC(2,1): "
        "two-way random, absolute agreement, single rater (Shrout and Fleiss 1979), McGraw and Wong's interval."
    )]  # fmt: skip
    if clipped:
        pieces.append(note(
            f"{clipped['past']} references lie past the end of the RUS-CHN table (17 years girls, 18 boys), where a grading can only "
            "say 'or more'; the last row counts them as that end."
        ))  # fmt: skip
    if result["counts"]["at_table_end"]:
        pieces.append(note(f"{result['counts']['at_table_end']} bone ages are only a bound of the table and count as that bound."))
    covered = result["interval"]
    if covered:
        shares = f"{covered['coverage']:.3f} ({between(covered['coverage_95'], 3)}) of {covered['n']} references"
        pieces.append(note(
            f"The model's interval holds {shares}, {covered['mean_width_months']:.1f} months wide on average; "
            f"{covered['without']} numbers came without one."
        ))  # fmt: skip
    else:
        pieces.append(note("The model gives no interval: none was measured."))
    limits = result["ages"]["bland_altman"]
    if limits:
        low, high = limits["limits_months"]
        pieces.append(table(
            ["Bland-Altman", "months", "95 %"],
            [["bias", number(limits["bias_months"]), between(limits["bias_95"])],
             ["lower limit of agreement", number(low), between(limits["limits_95"][0])],
             ["upper limit of agreement", number(high), between(limits["limits_95"][1])]],
        ))  # fmt: skip
    if result["time_ms"]:
        pieces.append(note(f"Time a film: median {result['time_ms']['median']:.0f} ms, longest {result['time_ms']['longest']:.0f} ms."))
    return pieces


def _plots(result: Mapping[str, Any]) -> list[str]:
    rows = [row for row in result["per_film"] if row["months"] is not None]
    limits = result["ages"]["bland_altman"]
    altman = _difference_plot(
        [(row["sex"], row["film"], row["reference_months"], row["months"]) for row in rows], limits, "model", "reference"
    )
    values = [v for row in rows for v in (row["reference_months"], row["months"])]
    span = (min(values) - 6, max(values) + 6)
    scatter = svg.Axes(span, span, "reference, months", "model, months", height=420, width=460, label="model over reference")
    scatter.line([(span[0], span[0]), (span[1], span[1])], svg.SOFT, "5 4")
    _marks(scatter, [(row["sex"], (row["reference_months"], row["months"]), _title(row)) for row in rows])
    return [
        '<div class="row">',
        figure(altman, "Bland-Altman: bias and 95 % limits of agreement, the bands are their 95 % intervals"),
        figure(str(scatter), "Model over reference, months; the line is equality"), "</div>",
    ]  # fmt: skip


def _difference_plot(
    rows: Sequence[tuple[str | None, str, float, float]], limits: Mapping[str, Any] | None, this: str, that: str
) -> str:
    """Bland-Altman plot of (sex, film, that one's months, this one's months)."""
    points = [(sex, ((a + b) / 2, b - a), f"film {film}: {that} {a:.1f}, {this} {b:.1f}") for sex, film, a, b in rows]
    xs, ys = [x for _, (x, _), _ in points], [y for _, (_, y), _ in points]
    ends = [v for pair in limits["limits_95"] for v in pair] if limits and len(points) > 4 else []
    low, high = min(*ys, *ends, 0.0), max(*ys, *ends, 0.0)
    pad = 0.08 * max(high - low, 6.0)
    axes = svg.Axes(
        (min(xs) - 6, max(xs) + 6), (low - pad, high + pad), f"mean of {this} and {that}, months", f"{this} - {that}, months",
        label="Bland-Altman plot", width=620, height=400,
    )  # fmt: skip
    if limits:
        for reach in (limits["bias_95"], *limits["limits_95"]):
            axes.band(*reach)
    _marks(axes, points)
    if limits:
        axes.level(limits["bias_months"], f"bias {limits['bias_months']:+.1f}", svg.INK, "")
        for value, words in zip(limits["limits_months"], ("-1.96 SD", "+1.96 SD"), strict=True):
            axes.level(value, f"{words}: {value:+.1f}", svg.INK)
    return str(axes)


def _marks(axes: svg.Axes, points: Sequence[tuple[str | None, tuple[float, float], str]]) -> None:
    radius = 3.2 if len(points) < 400 else 2.0
    used = []
    for sex, (name, colour, shape) in _MARKS.items():
        of = [(at, title) for s, at, title in points if s == sex]
        if of:
            axes.dots([at for at, _ in of], colour, shape, [title for _, title in of], radius)
            used.append((name, colour, shape))
    axes.legend(used)


def _title(row: Mapping[str, Any]) -> str:
    return f"film {row['film']}: reference {row['reference_months']:.1f}, model {row['months']:.1f}"


def _bands(result: Mapping[str, Any]) -> list[str]:
    return [
        table(_AGE_HEAD, [_row(name, r) for name, r in result["by_band"].items()]),
        note("Two years of the reference. In a band of few films every figure is uncertain."),
    ]


def _sex(sex: Mapping[str, Any]) -> list[str]:
    def row(words: str, r: Mapping[str, Any]) -> list[Any]:
        area = r["auc"]
        return [
            words, r["n"], number(r["accuracy"], 3), between(r["accuracy_95"], 3), number(area["value"], 3) if area else None,
            between(area["interval_95"], 3) if area else None, number(r["kappa"], 3),
        ]  # fmt: skip

    words = "confusion of the sex: rows the record, columns the model"
    return [
        table(["", "films", "accuracy", "95 %", "AUC", "95 %", "kappa"],
              [row("all", sex), *(row(name, r) for name, r in sex["by_band"].items())]),
        note("Accuracy at one half, Wilson's interval; AUC with Hanley and McNeil's interval; kappa of Cohen."),
        figure(svg.heat(sex["confusion"], sex["labels"], words), words),
    ]  # fmt: skip


def _comparison(other: Mapping[str, Any]) -> list[str]:
    name = other["other"]["engine"]
    if not other["n"]:
        return [note("No film gave a number with both models.")]
    rows = [
        ["films with a number of both", other["n"], ""],
        [f"MAE, {other['engine']}", number(other["mae_months"]), ""],
        [f"MAE, {name}", number(other["other_mae_months"]), ""],
        ["difference of the two MAE, paired by film", number(other["mae_difference_months"]), between(other["mae_difference_95"], 2)],
        ["MAE of the mean of both", number(other["mean_of_both_mae_months"]), ""],
        ["usual difference: 95th percentile of |this - other|", number(other["usual_difference_months"]),
         between(other["usual_difference_95"], 2)],
        ["median of |this - other|", number(other["median_difference_months"]), ""],
        ["mean of this - other", number(other["mean_difference_months"]), between(other["agreement"] and other["agreement"]["bias_95"], 2)],
        ["correlation of the errors", number(other["errors_correlate"]), ""],
    ]  # fmt: skip
    points = [(None, row["film"], row["other"], row["this"]) for row in other["by_film"]]
    return [
        '<div class="row">', table(["", "months", "95 %"], rows),
        figure(_difference_plot(points, other["agreement"], other["engine"], name), "Difference of the two over their mean"), "</div>",
        note(f"{other['without_a_number_of_either']} films have no number of one or both. {other['table_end_says_nothing']} were left "
             "out because the standard's table only says 'or more' (or 'less') there and the other model does not contradict it."),
    ]  # fmt: skip


def _without(found: Mapping[str, Any]) -> list[str]:
    if not found:
        return [note("None: every film that was read gave a number.")]
    rows = [[code, of["films"]] for code, of in found.items()]
    named = [[which["film"], code, which["message"]] for code, of in found.items() for which in of["which"]]
    more = [note(f"The first {_MOST} of {len(named)}; the JSON has the rest.")] if len(named) > _MOST else []
    return [table(["reason", "films"], rows), table(["film", "reason", "what was said"], named[:_MOST], words=2), *more]


def _largest(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    given = [row for row in rows if row["months"] is not None]
    worst = sorted(given, key=lambda row: -abs(row["months"] - row["reference_months"]))[:15]
    return [
        table(["film", "sex", "reference", "model", "difference", "interval", "flags"],
              [[row["film"], row["sex"], number(row["reference_months"], 1), f"{row['qualifier']}{row['months']:.1f}",
                f"{row['months'] - row['reference_months']:+.1f}", between(row["interval_months"]), ", ".join(row["flags"])]
               for row in worst], words=1),
        note("Months. To be looked at first: a wrong label, a film turned wrongly, or a model that fails."),
    ]  # fmt: skip
