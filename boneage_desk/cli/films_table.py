"""The lines of ``batch`` as one CSV table: a film a row, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from boneage_desk.cli import output
from boneage_desk.common.settings import SECOND_OPINIONS
from boneage_desk.standards.rus_chn import STANDARD_ID

COLUMNS = (
    "path", "sex", "chronological_age_months", "rus_chn_score", "rus_chn_bone_age_months", "rus_chn_qualifier",
    *(f"{engine.replace('-', '_')}_{what}" for engine in SECOND_OPINIONS for what in ("months", "low", "high", "model")),
    "difference_months", "beyond_usual", "flags", "error",
)  # fmt: skip


def row(value: dict[str, Any]) -> dict[str, Any]:
    """One document of `reading.document` by column; what is not there stays empty."""
    if "error" in value:
        return {"path": value["input"]["path"], "error": f"{value['error']['code']}: {value['error']['message']}"}
    standard = value["standards"].get(STANDARD_ID) or {}
    found = {
        "path": value["input"]["path"],
        "sex": value["sex"],
        "chronological_age_months": value["chronological_age_months"],
        "rus_chn_score": standard.get("score"),
        "rus_chn_bone_age_months": standard.get("bone_age_months"),
        "rus_chn_qualifier": standard.get("qualifier"),
        "flags": " ".join(sorted({flag["code"] for flag in value["flags"]})),
    }
    for opinion in value["whole_hand"]:
        engine = opinion.get("engine", "").replace("-", "_")
        low, high = opinion["interval_months"] or (None, None)
        found |= {
            f"{engine}_months": opinion["bone_age_months"], f"{engine}_low": low, f"{engine}_high": high,
            f"{engine}_model": opinion["model"],
        }  # fmt: skip
    second = value.get("second_opinion") or {}
    return {**found, "difference_months": second.get("difference_months"), "beyond_usual": second.get("beyond_usual")}


def write(jsonl: Path, out: Path) -> None:
    """Every line of ``jsonl`` as a row of ``out``, whole or not at all. UTF-8 with a mark, which spreadsheets need."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    table.writeheader()
    for line in jsonl.read_text(encoding="utf-8").splitlines():
        if line.strip():
            table.writerow({name: _safe(cell) for name, cell in row(json.loads(line)).items()})
    output.write_bytes(text.getvalue().encode("utf-8-sig", "replace"), out)


def _safe(cell: Any) -> Any:
    """A film's name must not become a formula of the spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell
