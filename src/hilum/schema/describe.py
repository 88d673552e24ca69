"""What a table's description is made of: `Column`, `Table`, and the id columns that many tables share."""

from __future__ import annotations

from dataclasses import dataclass

from hilum.schema.words import CHEXPERT, SPLITS


@dataclass(frozen=True)
class Column:
    """One column: Arrow type name, what it means, and what its values must obey.

    type: string, int64, int32, float64, bool, list<string>, list<int32>, list<bool>, list<float64>, or
    embedding (a fixed-size list of float32).
    """

    name: str
    type: str
    description: str
    nullable: bool = False
    values: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    unit: str | None = None
    private: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns, the columns that identify a row, and what to know before using it."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    caveat: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in file order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]


def subject(nullable: bool = False) -> Column:
    """The column of the person."""
    return Column("subject_id", "int64", "Person; 8 digits, the first a 1", nullable, minimum=1e7, maximum=19999999)


def study(nullable: bool = False) -> Column:
    """The column of the exam."""
    return Column("study_id", "int64", "One exam and its report; 8 digits, the first a 5", nullable,
                  minimum=5e7, maximum=59999999)  # fmt: skip


DICOM_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{8}){4}$"


def dicom(nullable: bool = False) -> Column:
    """The column of the image."""
    return Column("dicom_id", "string", "One image; five groups of 8 hex digits", nullable, pattern=DICOM_PATTERN)


def chexpert() -> tuple[Column, ...]:
    """The fourteen columns of CheXpert's labels, as MIMIC-CXR-JPG names and fills them."""
    words = "1 stated present, 0 stated absent, -1 uncertain; null = not mentioned, which is no absence"
    return tuple(Column(name, "float64", words, True, minimum=-1, maximum=1) for name in CHEXPERT)


def split(nullable: bool = False) -> Column:
    """The column of the split."""
    return Column("split", "string", "The subject's split", nullable, values=SPLITS)
