"""Reads DICOM files: pydicom the structure, Pillow and numpy the pixels, and nothing beyond the tags of the image."""
