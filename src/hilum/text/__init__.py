"""Report -> sections -> sentences -> mentions with place and assertion. The only room that imports spaCy."""

import sys
from importlib.util import find_spec


def _import_spacy() -> None:
    """Import spaCy without torch, which it imports for nothing where it is installed: a second of every start.

    torch stays as it is where it has been imported before, and where spaCy's transformers may need it.
    """
    hidden = "torch" not in sys.modules and find_spec("spacy_transformers") is None
    if hidden:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import spacy  # noqa: F401
    finally:
        if hidden:
            del sys.modules["torch"]


_import_spacy()
