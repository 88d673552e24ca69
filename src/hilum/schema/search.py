"""Tables of embeddings, the index, and how well it answers."""

from __future__ import annotations

from hilum.schema.describe import Column, Table, dicom, split, study, subject
from hilum.schema.words import MODALITIES

EMBEDDINGS = Table(
    "embeddings",
    "Unit vectors of images and reports, whole and by region",
    ("study_id", "dicom_id", "modality", "region"),
    (
        study(),
        dicom(nullable=True),
        Column("modality", "string", "image or text", values=MODALITIES),
        Column("region", "string", "Region; null = the whole", True),
        subject(),
        Column("embedding", "embedding", "Unit length"),
        Column("model_id", "string", "First 16 hex digits of the checkpoint's sha256"),
    ),
)

INDEX_ROWS = Table(
    "index_rows",
    "What each row of the vector indexes is: position = row, of the collection or of a partition",
    ("row",),
    (
        Column("row", "int64", "Position in every index", minimum=0),
        dicom(),
        study(),
        subject(),
        split(),
        Column("study_datetime", "string", "As in manifest", True, pattern=r"^[0-9]{14}$"),
    ),
)

INDEX_REPORTS = Table(
    "index_reports",
    "What each row of a partition's indexes of reports is: position = row",
    ("row",),
    (
        Column("row", "int64", "Position in every index of the partition", minimum=0),
        study(),
        subject(),
        Column("regions", "list<string>", "The regions that it speaks of, those that have a vector"),
    ),
)

QUERIES = Table(
    "queries",
    "Every evaluated query under every score, with its ranked answers",
    ("query", "score"),
    (
        Column("query", "string", "dicom_id|region|finding"),
        Column("score", "string", "Name of the score that ranked the gallery"),
        dicom(),
        study(),
        subject(),
        split(),
        Column("region", "string", "The region asked for"),
        Column("finding", "string", "The finding that makes an answer relevant"),
        Column("answers", "list<string>", "The ten best, dicom_id, best first"),
        Column("relevant", "list<bool>", "Whether each answer has the finding in the region"),
        Column("n_gallery", "int64", "Images ranked (other patients)", minimum=1),
        Column("n_relevant", "int64", "Relevant ones among them", minimum=1),
        Column("n_same_finding", "int64", "Images with the finding anywhere", minimum=1),
        Column("precision_at_1", "float64", "Share of relevant ones in the first", minimum=0, maximum=1),
        Column("precision_at_5", "float64", "... in the first five", minimum=0, maximum=1),
        Column("precision_at_10", "float64", "... in the first ten", minimum=0, maximum=1),
        Column("average_precision", "float64", "Over the whole ranking", minimum=0, maximum=1),
        Column("ndcg_at_10", "float64", "Discounted gain of the first ten, over that of the best order", minimum=0,
               maximum=1),
        Column("located_at_1", "float64", "Of the nearest with the finding, whether it has it in the region", minimum=0,
               maximum=1),
        Column("located_at_5", "float64", "Of the five nearest with the finding, the share with it in the region",
               minimum=0, maximum=1),
        Column("located_at_10", "float64", "... of the ten nearest with it", minimum=0, maximum=1),
    ),
)  # fmt: skip

TASKS = ("image_to_report", "report_to_image", "report_to_report", "image_to_image")

REPORT_QUERIES = Table(
    "report_queries",
    "Queries with a report on either side, and the same with images, over studies that have both",
    ("task", "query", "score"),
    (
        Column("task", "string", "What asks, and what answers", values=TASKS),
        *QUERIES.columns,
        Column("weight", "float64", "One over the queries of the cell whose reports say the same", minimum=0,
               maximum=1),
        Column("locatable", "bool", "Enough images have the finding elsewhere only for the located metrics"),
    ),
)  # fmt: skip

PAIRS = Table(
    "pairs",
    "Where each test study's own report, or image, ranks among those of the test split: a smoke test",
    ("task", "dicom_id"),
    (
        Column("task", "string", "What asks, and what answers", values=TASKS),
        dicom(),
        study(),
        subject(),
        Column("rank", "float64", "1 = its own comes first; among equals the middle of their ranks", minimum=1),
        Column("n_gallery", "int64", "Studies ranked", minimum=1),
    ),
)

CELLS = Table(
    "cells",
    "Retrieval by finding and region: the test queries of each cell under every score, averaged",
    ("region", "finding", "score"),
    (
        Column("region", "string", "The region asked for"),
        Column("finding", "string", "The finding that makes an answer relevant"),
        Column("score", "string", "Name of the score that ranked the gallery"),
        Column("n_queries", "int64", "Queries in the cell", minimum=1),
        Column("n_patients", "int64", "Patients asking them", minimum=1),
        Column("n_positives", "int64", "Images of the collection with the finding in the region", minimum=1),
        Column("n_same_finding", "int64", "Images of the collection with the finding anywhere", minimum=1),
        Column("locatable", "bool", "Enough images have the finding elsewhere only for located_at_10 to mean anything"),
        Column("precision_at_1", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("precision_at_5", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("precision_at_10", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("average_precision", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("ndcg_at_10", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("located_at_1", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("located_at_5", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("located_at_10", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("chance_precision", "float64", "Of a random ranking, at any k", minimum=0, maximum=1),
        Column("chance_average_precision", "float64", "Of a random ranking", minimum=0, maximum=1),
        Column("chance_ndcg", "float64", "Of a random ranking", minimum=0, maximum=1),
        Column("chance_located", "float64", "Of a ranking that knows the finding and not its place", minimum=0,
               maximum=1),
    ),
)  # fmt: skip

SCORES = Table(
    "scores",
    "Every figure of retrieval and grounding, with chance and a 95 % interval over resampled patients",
    ("task", "score", "average", "metric"),
    (
        Column("task", "string", "What was measured", values=("retrieval", "grounding", *TASKS)),
        Column("score", "string", "Name of the score or map; `a - b` is a paired difference"),
        Column("average", "string", "macro: over cells (retrieval) or findings (grounding); micro: over all units",
               values=("macro", "micro")),
        Column("metric", "string", "Name of the metric"),
        Column("value", "float64", "The mean; null where no unit has it", True),
        Column("low", "float64", "2.5th percentile of the resamples", True),
        Column("high", "float64", "97.5th percentile of the resamples", True),
        Column("chance", "float64", "What a ranking or a point at random would get; null where none is defined", True),
        Column("chance_low", "float64", "Below which 2.5 % of random orders fall; null where none were drawn", True),
        Column("chance_high", "float64", "Above which 2.5 % of random orders lie; null where none were drawn", True),
        Column("n_units", "int64", "Queries, or pairs of image and finding, behind the mean", minimum=0),
        Column("n_groups", "int64", "Cells, or findings, averaged over", minimum=0),
    ),
)  # fmt: skip

GROUNDINGS = Table(
    "groundings",
    "Every phrase grounded in an image under every score",
    ("dicom_id", "finding", "score"),
    (
        dicom(),
        subject(),
        Column("finding", "string", "Category of the phrase"),
        Column("score", "string", "Name of the map that was scored"),
        Column("pointing_game", "float64", "1 if the map's peak lies in a box", minimum=0, maximum=1),
        Column("contrast_to_noise_ratio", "float64", "Signed; null where it is undefined", True),
        Column("mean_iou", "float64", "Over thresholds 0.1 to 0.5", minimum=0, maximum=1),
        Column("chance_pointing", "float64", "Share of the image inside the boxes", minimum=0, maximum=1),
    ),
)

EXPLANATIONS = Table(
    "explanations",
    "Every explained image and region, from the cases that search finds and from as many drawn at random",
    ("query", "retrieval"),
    (
        Column("query", "string", "dicom_id|region"),
        Column("retrieval", "string", "Where the cases come from", values=("search", "random")),
        dicom(),
        study(),
        subject(),
        Column("region", "string", "The region explained"),
        Column("true", "list<string>", "Findings that are there, by the truth or else by the weak labels"),
        Column("said", "list<string>", "Findings that the standing statements claim there, as present or possible"),
        Column("cases", "list<string>", "The cases shown, dicom_id, in the order of their numbers"),
        Column("text", "string", "The standing statements with their citations; null: no answer", True, private=True),
        Column("failure", "string", "Why there is no answer; null if there is one", True),
        Column("n_statements", "int64", "Statements in the answer", minimum=0),
        Column("n_no_citation", "int64", "Of them dropped: they cite no case", minimum=0),
        Column("n_unknown_case", "int64", "... they cite a case that was not shown", minimum=0),
        Column("n_no_finding", "int64", "... no finding of the region is read in them", minimum=0),
        Column("n_unsupported", "int64", "... no cited case has the finding in the region", minimum=0),
        Column("n_right", "int64", "Findings said that are true", minimum=0),
        Column("f1", "float64", "Of this question; null where nothing is true", True, minimum=0, maximum=1),
        Column("rating", "float64", "The judge's, 1 to 5; null without judge or answer", True, minimum=1, maximum=5),
    ),
    caveat="Made from other patients' reports. Not for diagnosis.",
)
