"""What may come after a signature: another signature, and whole pages at the end with the signature that covers them.

A rule of pyHanko's difference analysis (its default one allows no new page). docs/signature.md says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import Reference
    from pyhanko.pdf_utils.reader import HistoricalResolver
    from pyhanko.sign.diff_analysis import DiffPolicy

NEW_PAGE_KEYS = frozenset({"/Type", "/Parent", "/MediaBox", "/CropBox", "/Rotate", "/Resources", "/Contents", "/Annots"})
"""All that an added page may have: no actions, links, transitions, templates or structure."""

FIELD_MAY_NOT = frozenset({"/A", "/AA", "/Kids", "/Parent", "/PMD", "/Popup"})
"""What a new signature's field may not have."""


def _kids(pages: Any, problem: type[Exception]) -> list[Reference]:
    from pyhanko.pdf_utils import generic

    kids = pages["/Kids"] if "/Kids" in pages else None
    if not isinstance(kids, generic.ArrayObject) or not all(isinstance(kid, generic.IndirectObject) for kid in kids):
        raise problem("The list of pages is not as it should be.")
    return [kid.reference for kid in kids]


def added_pages(old: HistoricalResolver, new: HistoricalResolver) -> list[Reference]:
    """Pages that ``new`` has after all of ``old``; raises SuspiciousModification where the page list changed otherwise."""
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.diff_analysis import SuspiciousModification
    from pyhanko.sign.diff_analysis.commons import compare_dicts

    before, after = old.root["/Pages"], new.root["/Pages"]
    if old.root.raw_get("/Pages") != new.root.raw_get("/Pages"):
        raise SuspiciousModification("The document was given another list of pages.")
    old_kids, new_kids = _kids(before, PdfReadError), _kids(after, SuspiciousModification)
    if new_kids[: len(old_kids)] != old_kids:
        raise SuspiciousModification("Pages were taken out or put between others.")
    added = new_kids[len(old_kids) :]
    if int(after["/Count"]) != int(before["/Count"]) + len(added):
        raise SuspiciousModification("The number of pages is not what it should be.")
    compare_dicts(before, after, frozenset({"/Kids", "/Count"}))
    return added


@lru_cache(maxsize=1)
def policy() -> DiffPolicy:
    """The rules in force: nothing of what was signed may be changed, not even its metadata."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.reader import RawPdfPath
    from pyhanko.sign.diff_analysis import (
        CatalogModificationRule,
        DSSCompareRule,
        FormUpdatingRule,
        GenericFieldModificationRule,
        ModificationLevel,
        ObjectStreamRule,
        QualifiedWhitelistRule,
        ReferenceUpdate,
        SigFieldCreationRule,
        SigFieldModificationRule,
        StandardDiffPolicy,
        SuspiciousModification,
        XrefStreamRule,
    )
    from pyhanko.sign.diff_analysis.rules.form_field_rules import is_field_visible
    from pyhanko.sign.diff_analysis.rules_api import Context

    class AddedPages(QualifiedWhitelistRule):
        """Allows pages at the end that are wholly new, each with no annotation but a new signature's box."""

        def apply_qualified(
            self, old: HistoricalResolver, new: HistoricalResolver
        ) -> Iterator[tuple[ModificationLevel, ReferenceUpdate]]:
            added = added_pages(old, new)
            if not added:
                return
            fields = new_signatures(old, new)
            if not fields:
                raise SuspiciousModification("Pages were added without a signature.")
            shown: set[Reference] = set()
            allowed: set[Reference] = set(added)
            for ref in added:
                page = new(ref)
                if not old.is_ref_unassignable(ref) or not isinstance(page, generic.DictionaryObject):
                    raise SuspiciousModification("An added page is not new.")
                if page["/Type"] != "/Page" or set(page.keys()) - NEW_PAGE_KEYS:
                    raise SuspiciousModification(f"An added page holds more than a page may: {sorted(page.keys())}.")
                if page.raw_get("/Parent") != new.root.raw_get("/Pages"):
                    raise SuspiciousModification("An added page belongs to something else.")
                boxes = {annotation.reference for annotation in page["/Annots"]} if "/Annots" in page else set()
                if boxes - fields:
                    raise SuspiciousModification("An added page has annotations.")
                shown |= boxes
                for key in ("/Resources", "/Contents", "/MediaBox", "/CropBox", "/Annots"):
                    if key in page:
                        allowed |= new.collect_dependencies(page.raw_get(key), since_revision=old.revision + 1)
            if not shown:
                raise SuspiciousModification("Pages were added, but no signature is on them.")
            if any(not old.is_ref_unassignable(ref) for ref in allowed):
                raise SuspiciousModification("An added page replaces something that was signed.")
            for ref in allowed - fields:
                yield ModificationLevel.FORM_FILLING, ReferenceUpdate(ref)
            # the list of pages itself; every page refers to it as its parent, so all ways to it are one
            yield ModificationLevel.FORM_FILLING, ReferenceUpdate(new.root.raw_get("/Pages").reference)
            kids = new.root["/Pages"].raw_get("/Kids")
            if isinstance(kids, generic.IndirectObject):
                context = Context.from_absolute(old, RawPdfPath("/Root", "/Pages", "/Kids"))
                yield ModificationLevel.FORM_FILLING, ReferenceUpdate(kids.reference, context_checked=context)

    class Fields(SigFieldCreationRule):
        """New signature fields: signed, without actions, and visible on added pages alone: a box over what was signed
        could say anything."""

        def apply(self, context: Any) -> Iterable[Any]:
            added = added_pages(context.old, context.new)
            free: set[Reference] = set()
            for page in map(context.new, added):
                free |= {annotation.reference for annotation in (page["/Annots"] if "/Annots" in page else ())}
            for name, spec in context.field_specs.items():
                if spec.old_field_ref is None:
                    field = context.new(spec.new_field_ref)
                    if "." in name or "/V" not in field or FIELD_MAY_NOT & set(field.keys()):
                        raise SuspiciousModification(f"The new field {name} is not a plain signature.")
                    if is_field_visible(field) and spec.new_field_ref not in free:
                        raise SuspiciousModification(f"The box of {name} was put on a page that was signed before.")
            rule = SigFieldCreationRule(approve_widget_bindings=False) if added else super()
            yield from rule.apply(context)

    catalogue = frozenset({"/AcroForm", "/DSS", "/Extensions", "/Version"})
    return StandardDiffPolicy(
        global_rules=[
            CatalogModificationRule(ignored_keys=catalogue),
            ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
            XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
            DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
            AddedPages(),
        ],
        form_rule=FormUpdatingRule(
            field_rules=[Fields(), SigFieldModificationRule(), GenericFieldModificationRule()],
            ignored_acroform_keys=frozenset({"/Fields"}),
        ),
        ignore_orphaned_objects=False,
    )


def new_signatures(old: HistoricalResolver, new: HistoricalResolver) -> set[Reference]:
    """Fields that ``new`` has and ``old`` has not, and that are signed in it."""
    from pyhanko.pdf_utils import generic

    def refs(root: Any) -> set[Reference]:
        form = root["/AcroForm"] if "/AcroForm" in root else {}
        fields = form["/Fields"] if "/Fields" in form else []
        return {field.reference for field in fields if isinstance(field, generic.IndirectObject)}

    fresh = refs(new.root) - refs(old.root)
    return {ref for ref in fresh if "/V" in new(ref) and new(ref).get("/FT", "") == "/Sig"}
