"""The data base: one SQLite file, every change and its audit event in one transaction.

``from boneage_desk.archive.store import SqliteStore``
"""
