"""A WordPiece vocabulary from the train split's reports, and nothing else's.

In: clean texts. Out: a `tokenizers` file and a note of what made it. The pieces depend on the texts alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

from hilum.model.tokens import vocabulary_version
from hilum.tables import write_text

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # [PAD] first: its id is 0
_FILES = ("tokenizer.json", "vocabulary.json")


def train_tokenizer(texts: Sequence[str], vocabulary_size: int, min_frequency: int) -> Tokenizer:
    """A lower-casing WordPiece tokenizer of at most vocabulary_size pieces, in BERT's form ([CLS] text [SEP])."""
    scratch = _bare_tokenizer({})
    # The trainer numbers the letters inside words in the order of a hash, and breaks ties between pieces by number.
    # Numbered beforehand, as if they were special, they make the whole vocabulary repeatable (tokenizers 0.23).
    letters = sorted({letter for text in texts for word in _words(scratch, text) for letter in word})
    trainer = WordPieceTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=[*SPECIAL_TOKENS, *(f"##{letter}" for letter in letters)],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        show_progress=False,
    )
    scratch.train_from_iterator(texts, trainer)
    tokenizer = _bare_tokenizer(scratch.get_vocab(with_added_tokens=True))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _bare_tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def _words(tokenizer: Tokenizer, text: str) -> list[str]:
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))]


def write_tokenizer(directory: Path, tokenizer: Tokenizer, n_texts: int, min_frequency: int) -> str:
    """Write tokenizer.json and vocabulary.json; returns the vocabulary's version."""
    text = tokenizer.to_str(pretty=True)
    version = vocabulary_version(text)
    note = {
        "version": version,
        "size": tokenizer.get_vocab_size(),
        "n_texts": n_texts,
        "min_frequency": min_frequency,
        "special_tokens": list(SPECIAL_TOKENS),
    }
    for name, content in zip(_FILES, (text, json.dumps(note, indent=2) + "\n"), strict=True):
        write_text(directory / name, content)
    return version


def copy_tokenizer(source: Path, directory: Path) -> None:
    """The same tokenizer in another folder, byte for byte."""
    for name in _FILES:
        write_text(directory / name, (source / name).read_text(encoding="utf-8"))
