"""Pixels: decoding, geometry of crops, region boxes and their sources."""
