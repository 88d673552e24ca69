"""Mentions -> weak region labels; conflicts, uncertainty, "not mentioned". Pure tables."""
