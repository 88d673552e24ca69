"""One module per DVC stage: open, call, write, count."""
