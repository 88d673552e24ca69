"""models: a real server on loopback that answers well, late, wrongly or not at all; and a real tiny language model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import BadDataError, UsageError
from hilum.explanation.models import LocalModel, ModelError, ServerModel, open_model

from .material import Reply, chat, language_model, late

SECRET = "Small right pleural effusion of the report."


def test_a_server_is_asked_as_openai_would_be(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "sesame")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # a proxy must not see report text
    server = serve(lambda body: chat("<think>hm [2]</think>\n An effusion [1]. "))
    model = open_model(language_model(address=server.address + "/", key_variable="TINY_KEY"))
    assert model.complete(SECRET) == "An effusion [1]."
    assert server.keys == ["Bearer sesame"]
    assert server.asked == [
        {"model": "tiny", "messages": [{"role": "user", "content": SECRET}], "max_tokens": 40, "temperature": 0,
         "seed": 0, "stream": False}
    ]  # fmt: skip


def test_a_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINY_KEY", raising=False)
    with pytest.raises(UsageError, match="environment variable TINY_KEY, which is not set"):
        open_model(language_model(key_variable="TINY_KEY"))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((500, SECRET.encode()), "HTTP 500"),
        ((404, SECRET.encode()), "HTTP 404"),
        ((302, b""), "HTTP 302"),
        ((200, SECRET.encode()), "malformed answer"),
        ((200, b""), "malformed answer"),
        ((200, b"[]"), "malformed answer"),
        ((200, b'"' + SECRET.encode() + b'"'), "malformed answer"),
        ((200, b"\xff\xfe\x00"), "malformed answer"),
        ((200, b"[" * 100_000), "malformed answer"),
        ((200, b'{"error": "out of memory"}'), "malformed answer"),
        ((200, b'{"choices": [{"text": "a completion"}]}'), "malformed answer"),
        ((200, b'{"choices": [{"message": {"content": 5}}]}'), "malformed answer"),
        ((200, b'{"choices": null}'), "malformed answer"),
        ((200, b'{"choices": []}'), "no choices in the answer"),
        (chat(""), "empty answer"),
        (chat(None), "empty answer"),
        (chat("<think>without end</think>  "), "empty answer"),
        ((200, b"x" * 4_100_000), "malformed answer"),
    ],
    ids=range(18),
)
def test_what_is_no_answer_has_a_reason_without_any_text(
    serve: Callable[..., Any], reply: Reply, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    model = ServerModel(language_model(address=serve(lambda body: reply).address))
    with pytest.raises(ModelError) as caught:
        model.complete(SECRET)
    assert str(caught.value) == reason
    assert SECRET not in caplog.text and SECRET not in repr(caught.value)


def test_a_server_that_is_late_or_is_not_there_is_told_apart(
    serve: Callable[..., Any],
) -> None:
    server = serve(lambda body: late(0.6))
    with pytest.raises(ModelError, match=r"^timed out after 0\.2 s$"):
        ServerModel(language_model(address=server.address, timeout_s=0.2)).complete(SECRET)
    with pytest.raises(ModelError, match=r"^no connection$"):
        ServerModel(language_model()).complete(SECRET)  # port 9 of this machine: nobody listens


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(serve: Callable[..., Any]) -> None:
    replies = iter([(503, b""), (429, b""), chat("fine"), (401, b""), chat("never asked")])
    server = serve(lambda body: next(replies))
    model = ServerModel(language_model(address=server.address, attempts=3), wait_s=0.01)
    assert model.complete(SECRET) == "fine" and len(server.asked) == 3
    with pytest.raises(ModelError, match=r"^HTTP 401$"):
        model.complete(SECRET)
    assert len(server.asked) == 4


def test_a_local_directory_answers_the_same_every_time(tiny_model: Path) -> None:
    params = language_model(client="local", model=str(tiny_model), max_tokens=12)
    answers = {LocalModel(params).complete(SECRET) for _ in range(2)}
    assert len(answers) == 1 and answers != {""}
    with pytest.raises(ModelError, match=r"^prompt too long$"):
        LocalModel(params).complete("x" * 17_000)


def test_a_directory_that_is_no_model_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadDataError, match="is not a transformers directory of a causal language model"):
            open_model(language_model(client="local", model=str(folder)))


def test_a_server_with_a_real_model_behind_it(serve: Callable[..., Any], tiny_model: Path) -> None:
    local = LocalModel(language_model(client="local", model=str(tiny_model), max_tokens=12))
    server = serve(lambda body: chat(local.complete(body["messages"][0]["content"])))
    over_http = ServerModel(language_model(address=server.address, max_tokens=12)).complete(SECRET)
    assert over_http == local.complete(SECRET) and json.dumps(over_http)
