"""Prefect flows: the DAG of dvc.yaml, run stage by stage. Knows nothing of X-rays.

Importing it settles what Prefect is to be like, which Prefect reads when it is imported; what the environment says
already stands.
"""

import os

# A server that lives for one run schedules nothing: its services would only compete for SQLite's one lock, for which a
# stage has been seen to wait a minute. A server of one's own (PREFECT_API_URL) is not touched by this, and that of
# `hilum serve` has them all.
IDLE_SERVICES = (
    "SCHEDULER", "LATE_RUNS", "FOREMAN", "REPOSSESSOR", "CLEANUP_RECONCILER", "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP", "TRIGGERS", "EVENT_PERSISTER",
)  # fmt: skip
PREFECT_SETTINGS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    **{f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in IDLE_SERVICES},
}
for _name, _value in PREFECT_SETTINGS.items():
    os.environ.setdefault(_name, _value)
