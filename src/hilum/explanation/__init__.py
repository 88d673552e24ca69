"""Retrieved cases put into words, each statement with the cases it rests on, and scored against what is there."""
