"""The last decision about which model answers, as a file that git holds: reports/decision.json.

In: a verdict, who gave it, and why. Out: the file, to be committed with what follows from it; git's log of the file is
the history of the decisions. It names the evidence by its digest, where there was any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from flows.served import EVIDENCE

DECISION = "reports/decision.json"
POLICY, HAND = "policy", "hand"


def write_decision(root: Path, verdict: str, by: str, reasons: Sequence[str], model_id: str) -> None:
    """Write what was decided of a model. by: policy or hand. Evidence about another model is none."""
    path = root / EVIDENCE
    held = path.read_bytes() if path.is_file() else b"{}"
    judged = json.loads(held).get("challenger", {}).get("model_id") == model_id
    row = {
        "verdict": verdict,
        "by": by,
        "model_id": model_id,
        "reasons": list(reasons),
        "evidence": {"path": EVIDENCE, "sha256": hashlib.sha256(held).hexdigest()} if judged else None,
    }
    (root / DECISION).parent.mkdir(exist_ok=True)
    (root / DECISION).write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")
