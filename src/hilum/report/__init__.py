"""Tables and metrics in, HTML pages out: one file each, readable offline, everything escaped."""
