"""Numeric tables of the clinical standards and pure functions over them. Standard library only."""

from boneage_desk.standards.types import BoneAge, Qualifier, Sex

__all__ = ["BoneAge", "Qualifier", "Sex"]
