"""Hostile films on purpose: drawn films in every form that is read, mutated in ways that know the form.

For ``boneage-desk bench fuzz`` and the tests; docs/security.md says what is expected of the readers. A mutant is made by
its seed and number alone, so that any of them can be made again.
"""
