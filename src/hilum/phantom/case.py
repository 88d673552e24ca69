"""What a phantom patient is: the facts that both the picture and the report are made from.

In: nothing. Out: frozen records. The picture draws every `DrawnFinding`; the report says of them what its
`ReportPlan` decides (a radiologist may miss, hedge, or leave a place unsaid), and the statements it makes are kept.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DrawnFinding:
    """One finding in one study. region: the most specific of Chest ImaGenome's regions that holds it.

    severity: minimal, mild, moderate or severe. change: against the subject's earlier study (new, unchanged, improved,
    worsened), null in a first study.
    """

    finding: str
    region: str
    severity: str
    change: str | None = None


@dataclass(frozen=True)
class StudyCase:
    """One exam. prior: the earlier study's findings (None in a first study), so that a comparison can be true.

    study_datetime: YYYYMMDDhhmmss. view: PA or AP, of the first frontal image. has_lateral: a lateral image beside it.
    findings: sorted by finding and region; a bilateral one is two rows. sex: F or M.
    """

    subject_id: int
    study_id: int
    study_index: int
    study_datetime: str
    view: str
    findings: tuple[DrawnFinding, ...]
    prior: tuple[DrawnFinding, ...] | None
    age: int
    sex: str
    has_lateral: bool = False


@dataclass(frozen=True)
class Statement:
    """What a report, read rightly, says of a finding.

    region None: said without a place. label: present, absent, uncertain.
    """

    finding: str
    region: str | None
    label: str


@dataclass(frozen=True)
class WrittenReport:
    """A report file's text, and what it says."""

    text: str
    statements: tuple[Statement, ...]
