"""Words of the window in the reader's language: GNU gettext, English sentences as keys.

``tr("Lost {count} films", count=3)`` looks the whole English sentence up and then fills the gaps, so a translator may move
them. What is not translated is shown in English. Text in tables that are made at import is marked with `mark` and looked
up with `tr` when it is shown. Sentences that another layer made and filled (errors, flags, what was measured) are looked up
with `said`, by the patterns that ``tools/translations.py`` takes from their source. The catalogues lie in
``resources/translations``; the tool keeps them.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from boneage_desk.common.paths import packaged_dir

DOMAIN = "boneage_desk"
CATALOGUES = {"zh": "zh_CN"}
"""Of each language of the setting ``language`` that is not English: the catalogue's folder."""
SAID = "said"
"""The catalogue's context of sentences of other layers."""

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
    _patterns.cache_clear()
    said.cache_clear()


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


@lru_cache(maxsize=2048)
def said(text: str) -> str:
    """``text`` as another layer said it in English, in the language in use; where no pattern fits, as it is.

    What stood in the gaps is kept, or translated where it is itself known. Several sentences are looked up one by one
    where they are not known together.
    """
    if not text or _language == "en":
        return text
    known = _known(text)
    if known is not None:
        return known
    for pattern, translated in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            return translated.format(**{gap: said(words) for gap, words in found.groupdict().items()})
    for end in _END.finditer(text):
        first, rest = text[: end.start()], text[end.end() :]
        if said(first) != first:
            return f"{said(first)}{said(rest)}"
    listed = text.split(", ")
    if len(listed) > 1 and all(said(part) != part for part in listed):
        return "\N{IDEOGRAPHIC COMMA}".join(map(said, listed))
    return text


def _known(text: str) -> str | None:
    """A whole sentence, of another layer or of the window; None where it is in no catalogue."""
    key = text.replace("{", "{{").replace("}", "}}")
    found = _chosen.pgettext(SAID, key)
    if found != key:
        return found.replace("{{", "{").replace("}}", "}")
    found = _chosen.gettext(text)
    return found if found != text else None


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Sentences with gaps and their translations, those with most fixed letters first."""
    entries: Iterable[tuple[Any, str]] = getattr(_chosen, "_catalog", {}).items()
    found = []
    for key, translated in entries:
        if isinstance(key, str) and key.startswith(f"{SAID}\x04"):
            sentence = key.partition("\x04")[2]
            parts = _GAP.split(sentence)
            if len(parts) > 1:
                found.append((sum(map(len, parts[::2])), _regex(parts), translated))
    found.sort(key=lambda entry: -entry[0])
    return tuple((regex, translated) for _letters, regex, translated in found)


_END = re.compile(r"(?<=[.!?]) ")
"""Between two sentences; Chinese puts no space there."""
FEW_LETTERS = 6
_GAP = re.compile(r"\{(\w+)\}")


def _regex(parts: list[str]) -> re.Pattern[str]:
    """Fixed words and gap names, in turn; a gap that comes again must hold the same.

    A gap that is hung on a word may be empty. No gap goes over the end of a sentence, and those of a pattern with few
    letters of its own hold one word: '{name} is {value}.' must not swallow what another sentence says.
    """
    few = sum(letter.isalpha() for part in parts[::2] for letter in part) < FEW_LETTERS
    gap = r"\S+?" if few else r"(?:(?!(?<=[.!?]) ).)+?"
    pattern, seen = "", set[str]()
    for place, part in enumerate(parts):
        if place % 2 == 0:
            pattern += re.escape(part.replace("{{", "{").replace("}}", "}"))
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            may_lack = parts[place - 1][-1:].isalpha()  # 'read{detail}.': what is hung on a word may be missing
            pattern += f"(?P<{part}>{gap[:-2] + '*?' if may_lack else gap})"
    return re.compile(pattern, re.DOTALL)
