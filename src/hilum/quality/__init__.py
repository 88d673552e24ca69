"""Descriptions of tables in, a verdict out. The only room that imports great_expectations."""
