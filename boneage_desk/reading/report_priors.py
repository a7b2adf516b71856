"""The comparison with earlier readings, line by line."""

from __future__ import annotations

from collections.abc import Sequence

from boneage_desk.reading.assessment import Reading, State
from boneage_desk.reading.priors import Prior, change
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_result import age_text, span_text
from boneage_desk.reading.report_values import Fact

MOST = 4
"""Earlier readings that are printed."""


def comparison(reading: Reading, priors: Sequence[Prior], words: Words, later: bool = False) -> tuple[Fact, ...]:
    """A line for each earlier reading, the newest first; empty where none is known. ``later``: with a line that others
    came after the signature."""
    facts = [Fact("prior", prior.study_date.isoformat(), _line(reading, prior, words)) for prior in priors[:MOST]]
    if len(priors) > MOST:
        facts.append(Fact("prior", "...", words("comparison.more", count=len(priors) - MOST)))
    if later:
        facts.append(Fact("prior_later", words("comparison.later.label"), words("comparison.later")))
    return tuple(facts)


def _line(reading: Reading, prior: Prior, words: Words) -> str:
    found = change(reading, prior)
    if found is None:
        since = words("comparison.bound")
    else:
        rate = words("comparison.short") if found.rate is None else words("comparison.rate", rate=f"{found.rate:.2f}")
        since = words("comparison.change", ba=span_text(found.ba_months, words), ca=span_text(found.ca_months, words, ""), rate=rate)
    return words(
        "comparison.value",
        ca=words.years_months(prior.ca_months),
        ba=age_text(prior.bone_age, words),
        state=words("comparison.reviewed") if prior.state is State.REVIEWED else "",
        change=since,
    )
