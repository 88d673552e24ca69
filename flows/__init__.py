"""Prefect flows: the DAG of dvc.yaml, run stage by stage. Knows nothing of X-rays."""
