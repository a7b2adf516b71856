"""The settings of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from boneage_desk.common import settings
from boneage_desk.common.errors import InputError
from boneage_desk.common.settings import Settings


def test_the_reports_language_is_the_windows_unless_it_has_its_own(tmp_path: Path) -> None:
    assert Settings().of_report == "en" and Settings(language="zh").of_report == "zh"
    chosen = Settings(language="zh", report_language="en+zh", report_header="One\nTwo", report_logo="/x.png")
    assert chosen.of_report == "en+zh"
    settings.save(tmp_path, chosen)
    assert settings.load(tmp_path) == chosen


@pytest.mark.parametrize("wrong", [{"report_language": "fr"}, {"report_header": 5}, {"report_logo": None}, {"report_footer": ["a"]}])
def test_what_is_illegal_is_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Settings(**wrong)
