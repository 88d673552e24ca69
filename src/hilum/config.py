"""The only reader of params.yaml: one frozen, strict model per section, and the partitions of this checkout.

In: params.yaml, data/landings.yaml. Out: models. No key has a default here: what is not in the file is an error,
so that the parameters DVC records are all the parameters there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hilum.errors import UsageError


class Section(BaseModel):
    """Base of every section: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PhantomParams(Section):
    """The synthetic collection."""

    seed: int = Field(ge=0)
    n_subjects: int = Field(ge=4)
    image_px: int = Field(ge=128, le=2048)
    dicom_share: float = Field(ge=0, le=1)


class SplitShares(Section):
    """Shares of subjects in each split, for sources without a split table."""

    train: float = Field(ge=0, le=1)
    validate_: float = Field(ge=0, le=1, alias="validate")
    test: float = Field(ge=0, le=1)


class IngestParams(Section):
    """Files in, manifest out."""

    max_pixels: int = Field(ge=1)
    split_seed: int
    split_shares: SplitShares


class ParseParams(Section):
    """Reports in, mentions out."""

    spacy_model: str
    batch_size: int = Field(ge=1)


class LabelParams(Section):
    """Mentions in, region labels out."""

    on_conflict: Literal["impression_then_present", "present"]
    chexpert_text: Literal["conclusion", "report"]


class PackParams(Section):
    """Images in, pixel array and region boxes out."""

    size_px: int = Field(ge=32, le=1024)
    region_sources: tuple[Literal["imagenome", "chexmask", "atlas"], ...]

    @field_validator("region_sources")
    @classmethod
    def _ends_with_the_atlas(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        if sources[-1:] != ("atlas",) or len(set(sources)) < len(sources):
            raise ValueError(
                f"{list(sources)} must name each source once and end with atlas, "
                "which alone has a box for every region of every image; write for example [imagenome, chexmask, atlas]"
            )
        return sources


class ValidateParams(Section):
    """The gate."""

    max_quarantine_share: float = Field(ge=0, le=1)
    max_label_rate_change: float = Field(ge=0)
    min_labelled_studies: int = Field(ge=0)


class TokenizeParams(Section):
    """The WordPiece vocabulary."""

    vocabulary_size: int = Field(ge=100)
    min_frequency: int = Field(ge=1)


class PhaseParams(Section):
    """What both phases of training need."""

    seed: int
    device: Literal["cpu", "cuda"]
    threads: int = Field(ge=1)
    precision: Literal["float32", "bfloat16"]
    epochs: int = Field(ge=0)
    patience: int = Field(ge=0)
    batch_size: int = Field(ge=2)
    sampler: Literal["shuffled", "grouped"]
    micro_batch: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)


class AlignParams(PhaseParams):
    """Phase one: image and report."""

    objective: Literal["global", "local", "rra_vl", "maple"]
    relevance: Literal["jaccard", "identity"]
    image_encoder: str
    text_encoder: str
    embedding_size: int = Field(ge=8)
    max_tokens: int = Field(ge=8)


class LocateParams(PhaseParams):
    """Phase two: region and finding."""

    hard_negatives: bool
    shuffle_labels: bool


class EmbedParams(Section):
    """Checkpoint and pixels in, embeddings out."""

    batch_size: int = Field(ge=1)
    threads: int = Field(ge=1)


class IndexParams(Section):
    """Embeddings in, FAISS indexes out."""

    kind: Literal["auto", "flat", "pq"]
    flat_up_to: int = Field(ge=0)
    train_images: int = Field(ge=1)
    candidates: int = Field(ge=1)


class EvaluateParams(Section):
    """Indexes in, metrics out."""

    alphas: tuple[float, ...]
    min_positives: int = Field(ge=1)
    n_bootstrap: int = Field(ge=1)
    min_units: int = Field(ge=1)
    smoothing_patches: float = Field(ge=0)
    crop_px: int = Field(ge=0)
    n_examples: int = Field(ge=0)
    threads: int = Field(ge=1)
    seed: int


class LanguageModelParams(Section):
    """A language model: a server that speaks OpenAI's chat interface, or a local transformers directory."""

    client: str
    address: str = Field(pattern=r"^(https?://[^@\s]+)?$")
    model: str
    key_variable: str = Field(pattern=r"^[A-Za-z0-9_]*$")
    timeout_s: float = Field(gt=0)
    attempts: int = Field(ge=1)
    parallel: int = Field(ge=1)
    max_tokens: int = Field(ge=1)

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if self.client in ("server", "local") and not self.model:
            raise ValueError(f"client {self.client} needs a model: the server's name for it, or a local directory")
        if self.client == "server" and not self.address:
            raise ValueError("client server needs an address, such as http://127.0.0.1:8000/v1")
        return self


class WriterParams(LanguageModelParams):
    """Who puts retrieved cases into words."""

    client: Literal["consensus", "server", "local"]


class JudgeParams(LanguageModelParams):
    """Who rates explanations."""

    client: Literal["none", "server", "local"]


class ExplainParams(Section):
    """Retrieved cases in, explanations and their scores out."""

    n_cases: int = Field(ge=1)
    agreement: float = Field(gt=0, le=1)
    n_questions: int = Field(ge=1)
    n_healthy: int = Field(ge=0)
    n_bootstrap: int = Field(ge=1)
    n_examples: int = Field(ge=0)
    seed: int = Field(ge=0)
    writer: WriterParams
    judge: JudgeParams


class ReportParams(Section):
    """The page of results."""

    n_queries: int = Field(ge=0)


Metric = Literal["located_at_10", "precision_at_1", "precision_at_5", "precision_at_10", "mean_average_precision"]


class DriftParams(Section):
    """What has landed since, against what the champion was trained on: limits that warn and never refuse."""

    label_rate: float = Field(ge=0, le=1)
    embedding: float = Field(ge=0, le=1)
    agreement: float = Field(ge=0, le=1)
    unknown_words: float = Field(ge=0, le=1)
    significance: float = Field(gt=0, lt=1)
    n_shuffles: int = Field(ge=19)
    max_images: int = Field(ge=2)
    seed: int = Field(ge=0)


class ChallengeParams(Section):
    """Champion and challenger in, evidence and verdict out: the policy by which a model is promoted."""

    benchmark: tuple[str, ...] = Field(min_length=1)
    min_positives: int = Field(ge=1)
    metric: Metric
    margin: float = Field(ge=0)
    guards: dict[Metric, Annotated[float, Field(ge=0)]]
    gate: Literal["green", "amber"]
    n_bootstrap: int = Field(ge=1)
    seed: int = Field(ge=0)
    drift: DriftParams


class Params(Section):
    """params.yaml, whole."""

    phantom: PhantomParams
    ingest: IngestParams
    parse: ParseParams
    label: LabelParams
    pack: PackParams
    validate_: ValidateParams = Field(alias="validate")
    tokenize: TokenizeParams
    align: AlignParams
    locate: LocateParams
    embed: EmbedParams
    index: IndexParams
    evaluate: EvaluateParams
    explain: ExplainParams
    report: ReportParams
    challenge: ChallengeParams


class PartitionRow(Section):
    """One row of data/landings.yaml's partitions."""

    landing: str = Field(pattern=r"^L[0-9]{4}$")


class Landings(Section):
    """data/landings.yaml: the landings this checkout holds."""

    collection: str
    generated: tuple[str, ...]
    partitions: dict[str, PartitionRow]


Model = TypeVar("Model", bound=Section)


def read_params(path: Path = Path("params.yaml")) -> Params:
    """Read params.yaml. Raises UsageError naming unknown, missing or wrong keys."""
    return _read(path, Params)


def read_section(stage: str, values: Mapping[str, Any]) -> EvaluateParams | ExplainParams:
    """The parameters that a stage once ran with, as this version knows them. stage: evaluate or explain.

    Raises ValueError if they do not fit.
    """
    return (EvaluateParams if stage == "evaluate" else ExplainParams).model_validate(values)


def section_threads(params: Params) -> dict[str, int]:
    """Section -> the threads its stages compute with, for the sections that say so."""
    sections = {field.alias or name: getattr(params, name) for name, field in type(params).model_fields.items()}
    return {name: section.threads for name, section in sections.items() if hasattr(section, "threads")}


def read_landings(path: Path = Path("data/landings.yaml")) -> Landings:
    """Read data/landings.yaml. Raises UsageError naming unknown, missing or wrong keys."""
    return _read(path, Landings)


def _read(path: Path, model: type[Model]) -> Model:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is not here; run hilum in the root of a hilum checkout.") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not YAML: {error}") from None
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        rows = [f"{'.'.join(str(p) for p in e['loc']) or 'the file'}: {e['msg']}" for e in error.errors()]
        raise UsageError(f"{path}: {'; '.join(rows)}.") from None
