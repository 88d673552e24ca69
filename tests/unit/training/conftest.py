"""The planted collection, for this room's tests."""

from __future__ import annotations

import runpy
from pathlib import Path

planted = runpy.run_path(str(Path(__file__).with_name("planted.py")))["planted"]
