"""What the visible box of a signature says: who, in what role, when, why, and whose key."""

from __future__ import annotations

from boneage_desk.reading.report_both import languages
from boneage_desk.reading.report_facts import Words
from boneage_desk.reading.report_values import clean
from boneage_desk.reading.signature import REPORT, Signature

_TEXTS = {
    "report": ("Signed electronically: {name}, {role}", "电子签名：{name}，{role}"),
    "addendum": ("Addendum {number} signed electronically: {name}, {role}", "补充说明 {number} 电子签名：{name}，{role}"),
    "reason": ("Reason", "理由"),
    "self": (
        "Key of this station, self-issued ({sha}): shows alterations, does not prove who signed",
        "本工作站自签发密钥（{sha}）：可发现改动，但不能证明签名者身份",
    ),
    "issued": ("Certificate of {issuer} ({sha})", "证书签发者：{issuer}（{sha}）"),
    "page": ("Addendum {number} to the signed report", "签名报告的补充说明 {number}"),
}


def _say(language: str, key: str, **values: object) -> str:
    return _TEXTS[key][1 if language == "zh" else 0].format(**values)


def seal_lines(
    signature: Signature, *, language: str, issuer: str, certificate_sha256: str, self_issued: bool
) -> tuple[str, ...]:
    """Lines of the box, the first to be shown bold. ``language``: 'en', 'zh' or 'en+zh'."""
    spoken = languages(language)
    kind = "report" if signature.number == REPORT or not signature.text else "addendum"
    number, name = signature.number - REPORT, clean(signature.name)
    who = [
        _say(one, kind, number=number, name=name, role=Words(one)(f"role.{signature.role.value}")) for one in spoken
    ]
    lines = [*who, Words(spoken[0]).moment(signature.at)]
    reason = clean(signature.reason)
    if reason:
        lines.append(f"{' / '.join(_say(one, 'reason') for one in spoken)}: {reason}")
    key = "self" if self_issued else "issued"
    return (*lines, *(_say(one, key, issuer=clean(issuer), sha=certificate_sha256[:12]) for one in spoken))


def page_title(signature: Signature, language: str) -> str:
    """Title of an addendum's page where nothing is known of the report it belongs to."""
    return " / ".join(_say(one, "page", number=signature.number - REPORT) for one in languages(language))
