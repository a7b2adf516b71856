"""Words of the window in the reader's language: GNU gettext, English sentences as keys.

``tr("Lost {count} films", count=3)`` looks the whole English sentence up and then fills the gaps, so a translator may move
them. What is not translated is shown in English. Text in tables that are made at import is marked with `mark` and looked
up with `tr` when it is shown. The catalogues lie in ``resources/translations``; ``tools/translations.py`` keeps them.
"""

from __future__ import annotations

import gettext
from typing import Any

from boneage_desk.common.paths import packaged_dir

DOMAIN = "boneage_desk"
CATALOGUES = {"zh": "zh_CN"}
"""Of each language of the setting ``language`` that is not English: the catalogue's folder."""

_chosen: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def use(language: str) -> None:
    """All later `tr` are in ``language`` ('en' or 'zh'). Raises FileNotFoundError where its catalogue is missing."""
    global _chosen, _language
    if language == "en":
        _chosen = gettext.NullTranslations()
    else:
        folder = packaged_dir("resources") / "translations"
        _chosen = gettext.translation(DOMAIN, folder, languages=[CATALOGUES[language]])
    _language = language


def language() -> str:
    """The language in use, 'en' or 'zh'."""
    return _language


def tr(text: str, /, **values: Any) -> str:
    """``text`` in the language in use, its gaps ``{name}`` filled with ``values`` (as `str.format` does)."""
    found = _chosen.gettext(text) if text else ""
    return found.format(**values) if values else found


def mark(text: str, /) -> str:
    """``text`` itself; tells the extractor that `tr` will be asked for it later."""
    return text
