"""answers: none is lost to a failure of another or to a killed run; a server that is down ends the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import BadDataError
from hilum.explanation.answers import IN_A_ROW, Answer, Journal, ask_all
from hilum.explanation.models import ServerModel

from .material import Reply, chat, language_model

PROMPTS = [f"prompt {number}" for number in range(25)]


def answer(body: dict[str, Any]) -> Reply:
    """Every fifth prompt fails."""
    number = int(body["messages"][0]["content"].split()[1])
    return (500, b"") if number % 5 == 0 else chat(f"answer {number}")


@pytest.mark.parametrize("parallel", [1, 4])
def test_the_others_are_answered_in_order(
    serve: Callable[..., Any], parallel: int, caplog: pytest.LogCaptureFixture
) -> None:
    model = ServerModel(language_model(address=serve(answer).address, parallel=parallel))
    found = ask_all(model, PROMPTS, PROMPTS, Journal(None))
    assert found == [Answer(None, "HTTP 500") if n % 5 == 0 else Answer(f"answer {n}") for n in range(25)]
    assert caplog.messages.count("prompt 5: HTTP 500") == 1 and len(caplog.messages) == 5


def test_a_run_begun_again_asks_only_what_is_missing(serve: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "kept"
    first = serve(answer)
    ask_all(ServerModel(language_model(address=first.address)), PROMPTS, PROMPTS, Journal(path))
    path.write_bytes(path.read_bytes()[:-9])  # killed while it wrote the answer to 24
    first.answer = lambda body: chat("now")
    found = ask_all(ServerModel(language_model(address=first.address)), PROMPTS, PROMPTS, Journal(path))
    assert [a.text for a in found] == ["now" if n % 5 == 0 or n == 24 else f"answer {n}" for n in range(25)]
    assert len(first.asked) == 25 + 5 + 1
    other = ask_all(ServerModel(language_model(address=first.address, model="other")), ["p 1"], ["p 1"], Journal(path))
    assert other == [Answer("now")]  # what one model said is no answer of another
    Journal(path).forget()
    assert not path.exists()


def test_a_server_that_goes_down_ends_the_run_with_what_it_has(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve(lambda body: chat("fine") if len(server.asked) <= 3 else (500, b""))
    model = ServerModel(language_model(address=server.address))
    with pytest.raises(BadDataError) as caught:
        ask_all(model, PROMPTS, PROMPTS, Journal(tmp_path / "kept"))
    assert str(caught.value) == (
        f"The language model gave no answer to {IN_A_ROW} prompts in a row, the last time: HTTP 500. 3 answers are "
        "kept: mend or start what params.yaml names under `explain`, and run this again; or set its client to "
        "consensus."
    )
    assert len(server.asked) == 3 + IN_A_ROW and len(Journal(tmp_path / "kept")) == 3


def test_a_server_that_never_answers_is_an_error_however_few_the_prompts() -> None:
    with pytest.raises(
        BadDataError, match=r"no answer to 2 prompts in a row, the last time: no connection\. No answer"
    ):
        ask_all(ServerModel(language_model()), ["a", "b"], ["a", "b"], Journal(None))


def test_equal_prompts_are_asked_once(serve: Callable[..., Any]) -> None:
    server = serve(answer)
    model = ServerModel(language_model(address=server.address, parallel=4))
    found = ask_all(model, ["a", "b", "c"], ["prompt 1", "prompt 2", "prompt 1"], Journal(None))
    assert [a.text for a in found] == ["answer 1", "answer 2", "answer 1"] and len(server.asked) == 2


def test_nothing_asked_is_nothing_answered() -> None:
    assert ask_all(ServerModel(language_model()), [], [], Journal(None)) == []
