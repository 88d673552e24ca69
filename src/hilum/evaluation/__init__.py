"""Metrics as pure functions; the tables and figures made from them."""
