"""Language models behind one method: a server that speaks OpenAI's chat interface, or a local transformers directory.

In: a prompt. Out: the answer's text, or ModelError with a reason that holds no text of either. vLLM, Ollama, llama.cpp
and `transformers serve` all answer POST <address>/chat/completions. Prompts hold report text: they go to the address in
params.yaml, past any proxy, and nowhere else. Known to be imperfect: temperature 0 and a seed make a server repeat
itself only as far as it is able to.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from hilum.errors import BadDataError, UsageError

if TYPE_CHECKING:
    from hilum.config import LanguageModelParams

SEED = 0
MAX_BYTES = 4_000_000  # of an answer; a thousand words have 10 kB
CONNECT_S = 10.0
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
MALFORMED, NO_CHOICE, EMPTY, TOO_LONG = (
    "malformed answer",
    "no choices in the answer",
    "empty answer",
    "prompt too long",
)


class ModelError(Exception):
    """No answer to one prompt. Its text is a reason in a few words, the same for all failures of a kind."""

    def __init__(self, reason: str, try_again: bool = False) -> None:
        super().__init__(reason)
        self.try_again = try_again


class Model(Protocol):
    """What answers prompts. identity: all that its answers depend on beside the prompt. parallel: prompts at once."""

    identity: str
    parallel: int

    def complete(self, prompt: str) -> str:
        """The answer's text, never empty. Raises ModelError."""
        ...


def open_model(params: LanguageModelParams) -> Model:
    """The model that params.yaml names. Raises UsageError or BadDataError if it cannot be used."""
    return ServerModel(params) if params.client == "server" else LocalModel(params)


class ServerModel:
    """A server by its address, such as http://127.0.0.1:8000/v1."""

    def __init__(self, params: LanguageModelParams, wait_s: float = 1.0) -> None:
        """wait_s: before the second attempt, then twice as long each time. Raises UsageError without its key."""
        self._params, self._wait_s = params, wait_s
        self._url = params.address.rstrip("/") + "/chat/completions"
        headers = {}
        if params.key_variable:
            key = os.environ.get(params.key_variable, "")
            if not key:
                raise UsageError(
                    f"params.yaml takes the key for {params.address} from the environment variable "
                    f"{params.key_variable}, which is not set. Set it, or leave key_variable empty."
                )
            headers["Authorization"] = f"Bearer {key}"
        limit = httpx.Timeout(params.timeout_s, connect=min(CONNECT_S, params.timeout_s))
        self._client = httpx.Client(headers=headers, timeout=limit, trust_env=False)
        self.identity = json.dumps(["server", params.address, params.model, params.max_tokens, SEED])
        self.parallel = params.parallel

    def complete(self, prompt: str) -> str:
        """Ask up to `attempts` times where the failure may pass: no connection, a time-out, an overloaded server."""
        for attempt in range(1, self._params.attempts + 1):
            try:
                return self._ask(prompt)
            except ModelError as error:
                if not error.try_again or attempt == self._params.attempts:
                    raise
            time.sleep(self._wait_s * 2 ** (attempt - 1))
        raise AssertionError("attempts is at least 1")

    def _ask(self, prompt: str) -> str:
        body = {
            "model": self._params.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self._params.max_tokens,
            "temperature": 0,
            "seed": SEED,
            "stream": False,
        }
        try:
            return _read_answer(self._post(body))
        except httpx.TimeoutException:
            raise ModelError(f"timed out after {self._params.timeout_s:g} s", try_again=True) from None
        except httpx.ConnectError:
            raise ModelError("no connection", try_again=True) from None
        except httpx.HTTPError as error:
            raise ModelError(f"connection broken ({type(error).__name__})", try_again=True) from None

    def _post(self, body: Mapping[str, Any]) -> bytes:
        """The body of a good response, read under one limit of time; httpx's own begins anew with every packet."""
        until = time.monotonic() + self._params.timeout_s
        read = bytearray()
        with self._client.stream("POST", self._url, json=body) as response:
            if response.status_code != httpx.codes.OK:  # what a server says of an error may repeat the prompt: unread
                raise ModelError(f"HTTP {response.status_code}", try_again=response.status_code in TRY_AGAIN)
            for packet in response.iter_bytes():
                read += packet
                if len(read) > MAX_BYTES:
                    raise ModelError(MALFORMED)
                if time.monotonic() > until:
                    raise ModelError(f"timed out after {self._params.timeout_s:g} s", try_again=True)
        return bytes(read)


class LocalModel:
    """A directory as transformers' save_pretrained writes it: a causal model and its tokenizer. Greedy, on the CPU."""

    def __init__(self, params: LanguageModelParams) -> None:
        """Raises BadDataError if the directory cannot be read; nothing is downloaded and no code of it is run."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = Path(params.model)
        try:
            if not folder.is_dir():
                raise FileNotFoundError
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError) as error:
            raise BadDataError(
                f"{folder} is not a transformers directory of a causal language model ({type(error).__name__}); "
                f"config.json, safetensors and a tokenizer are expected."
            ) from None
        self._model.eval()
        self._max_tokens = params.max_tokens
        self._room = int(getattr(self._model.config, "max_position_embeddings", 0) or 0)
        self.identity = json.dumps(["local", params.model, params.max_tokens])
        self.parallel = 1

    def complete(self, prompt: str) -> str:
        """Through the tokenizer's chat template, where it has one."""
        import torch

        if self._tokenizer.chat_template:
            turn = [{"role": "user", "content": prompt}]
            prompt = self._tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        ids = self._tokenizer(prompt, return_tensors="pt", add_special_tokens=not self._tokenizer.chat_template)
        length = int(ids["input_ids"].shape[1])
        if self._room and length + self._max_tokens > self._room:
            raise ModelError(TOO_LONG)
        with torch.inference_mode():
            made = self._model.generate(
                **ids, max_new_tokens=self._max_tokens, do_sample=False, pad_token_id=self._tokenizer.eos_token_id
            )
        return _not_empty(self._tokenizer.decode(made[0, length:], skip_special_tokens=True))


def _read_answer(body: bytes) -> str:
    """The text of the first choice. Raises ModelError if there is none."""
    try:
        choices = json.loads(body)["choices"]
        if choices == []:
            raise ModelError(NO_CHOICE)
        text = choices[0]["message"]["content"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise ModelError(MALFORMED) from None
    if text is not None and not isinstance(text, str):
        raise ModelError(MALFORMED)
    return _not_empty(text or "")


def _not_empty(text: str) -> str:
    """Text without what a thinking model says before its answer. Raises ModelError if nothing is left."""
    answer = text.rpartition("</think>")[2].strip()
    if not answer:
        raise ModelError(EMPTY)
    return answer
