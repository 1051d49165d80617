"""The DICOM Standard as pure functions: files, attributes, JSON, matching, validation. No I/O, HTTP or SQL."""
