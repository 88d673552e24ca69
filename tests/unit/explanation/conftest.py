"""Servers that are closed again, one reader of sentences, one tiny language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hilum.explanation.reading import ClaimReader

from .material import Reply, Server, make_tiny_model


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server; all are closed at the end."""
    servers: list[Server] = []

    def start(answer: Callable[[dict[str, Any]], Reply]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def reader() -> ClaimReader:
    """One pipeline for all tests."""
    return ClaimReader()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a language model that answers every prompt with noise."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))
