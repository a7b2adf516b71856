"""DICOM results of a reading: structured report, presentation state, secondary capture, encapsulated PDF, key object.

`writer.DicomResults` writes them. docs/dicom.md says what is in each and how it was checked.
"""
