"""Answers as cases to look at: pictures, boxes, sentences and maps, on an offline page and in a web application."""
