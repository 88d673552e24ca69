"""Where a result comes from: which code, which data."""
