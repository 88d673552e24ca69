"""The synthetic collection: anatomy, findings, report writer, in MIMIC-CXR's layout."""
