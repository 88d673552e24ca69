"""A server on loopback whose answers a test sets, cases, and a tiny language model made at random."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hilum.config import WriterParams
from hilum.explanation.cases import Case

Reply = tuple[int, bytes]


def chat(text: str | None) -> Reply:
    """A good response that holds this text."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return 200, json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


def late(seconds: float) -> Reply:
    """A good response that comes too late."""
    time.sleep(seconds)
    return chat("too late")


class Server:
    """Answers POST /v1/chat/completions as `answer` says. asked: the bodies; keys: their Authorization headers."""

    def __init__(self, answer: Callable[[dict[str, Any]], Reply]) -> None:
        self.answer, self.asked, self.keys = answer, [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                outer.keys.append(self.headers["Authorization"])
                assert self.path == "/v1/chat/completions"
                status, content = outer.answer(body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except (BrokenPipeError, ConnectionResetError):
                    return  # who asked has gone: it timed out

            def log_message(self, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def prompts(self) -> list[str]:
        return [body["messages"][0]["content"] for body in self.asked]


def language_model(**changes: Any) -> WriterParams:
    """Parameters of a language model."""
    values = {"client": "server", "address": "http://127.0.0.1:9/v1", "model": "tiny", "key_variable": "",
              "timeout_s": 30, "attempts": 1, "parallel": 1, "max_tokens": 40}  # fmt: skip
    return WriterParams(**{**values, **changes})


def case(number: int, *present: str, sentences: tuple[str, ...] = (), **labels: str) -> Case:
    """A case whose report says these findings are present, and others as labelled."""
    dicom_id = "-".join([f"{number:08x}"] * 5)
    said = {**dict.fromkeys(present, "present"), **labels}
    return Case(number, dicom_id, 50000000 + number, 10000000 + number, sentences, said)


def make_tiny_model(folder: Path) -> Path:
    """A causal model of one layer with a vocabulary of bytes, weights at random, as save_pretrained writes it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    vocabulary = {
        word: number for number, word in enumerate(["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())])
    }
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>",
        chat_template="{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:",
    ).save_pretrained(folder)  # fmt: skip
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=16384, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
