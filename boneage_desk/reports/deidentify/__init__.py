"""Films without their patients: DICOM PS3.15 Basic Application Level Confidentiality Profile, and more than it asks.

``from boneage_desk.reports.deidentify.export import FilmExports``
"""
