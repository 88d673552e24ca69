"""The closed lists of words that tables use as values."""

from __future__ import annotations

LABELS = ("present", "absent", "uncertain")
ASSERTIONS = ("present", "absent", "uncertain", "historical", "hypothetical")
CHEXPERT = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)  # in the order of mimic-cxr-2.0.0-chexpert.csv
LABELLERS = ("chexpert", "negbio", "test_set")  # whose labels a source may hold; test_set: a radiologist's
SPLITS = ("train", "validate", "test")
MODALITIES = ("image", "text")
KINDS = ("report", "image")
SEVERITIES = ("minimal", "mild", "moderate", "severe")
TEMPORALS = ("new", "unchanged", "improved", "worsened", "resolved")
SIDES = ("left", "right", "bilateral")
STATUSES = ("ok", "quarantined")
REGION_SOURCES = ("atlas", "chexmask", "imagenome", "truth")
QUARANTINE_REASONS = (
    "bad_id",  # a subject, study or image id is not of MIMIC's form
    "path_outside_tree",  # the path, or the link behind it, leaves the source tree
    "changed_bytes",  # the file is not the one that landed (sha256)
    "checksum_mismatch",  # the file is not the one the source's SHA256SUMS.txt names
    "missing_file",  # the landing lists it, the tree does not have it
    "empty_report",  # no character but white space
    "undecodable_report",  # not UTF-8 text
    "report_without_image",  # the study has a report and no image
    "image_without_report",  # the study has an image and no report
    "truncated_image",  # the file ends before the picture does
    "undecodable_image",  # not a JPEG or DICOM that can be read
    "image_too_large",  # more pixels than ingest.max_pixels
    "blank_image",  # one grey level only
    "missing_metadata_row",  # the metadata table has no row for the image
    "missing_split_row",  # the split table exists and knows neither the image nor its subject
)
