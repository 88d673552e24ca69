"""Embeddings table, FAISS indexes, search. The only room that imports FAISS."""
