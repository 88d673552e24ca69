"""The vocabulary: repeatable to the byte in any process, no larger than asked."""

from __future__ import annotations

import subprocess
import sys

from hilum.training.tokenizer import SPECIAL_TOKENS, train_tokenizer

SCRIPT = """
import hashlib
import random
from hilum.training.tokenizer import train_tokenizer
draw = random.Random(0)
words = ["".join(draw.choice("abcdefgh") for _ in range(draw.randint(1, 9))) for _ in range(300)]
texts = [" ".join(draw.choice(words) for _ in range(20)) for _ in range(100)]
print(hashlib.sha256(train_tokenizer(texts, 400, 2).to_str().encode()).hexdigest())
"""


def test_the_same_texts_give_the_same_bytes_in_another_process() -> None:
    """The library numbers pieces in the order of a hash that differs from process to process."""
    digests = {
        subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    assert len(digests) == 1


def test_size_and_special_tokens() -> None:
    tokenizer = train_tokenizer(["Small LEFT effusion.", "no effusion, no pneumothorax"] * 4, 60, 1)
    assert tokenizer.get_vocab_size() <= 60
    assert [tokenizer.token_to_id(name) for name in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    encoding = tokenizer.encode("EFFUSION")
    assert encoding.tokens[0] == "[CLS]" and encoding.tokens[-1] == "[SEP]"
    assert "".join(t.removeprefix("##") for t in encoding.tokens[1:-1]) == "effusion"


def test_letters_inside_words_are_no_special_tokens() -> None:
    """They are numbered as if they were; in a text "##a" must still be two marks and a letter."""
    tokenizer = train_tokenizer(["abba # baab"] * 3, 60, 1)
    assert tokenizer.encode("##a").tokens == ["[CLS]", "#", "#", "a", "[SEP]"]


def test_empty_texts() -> None:
    assert train_tokenizer([""], 100, 1).get_vocab_size() == len(SPECIAL_TOKENS)
