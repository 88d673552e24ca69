"""Encoders, region pooling, losses and objectives: what a batch becomes. Nothing here loops over data."""
