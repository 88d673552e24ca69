"""Report -> sections -> sentences -> mentions with place and assertion. The only room that imports spaCy."""
