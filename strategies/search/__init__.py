"""Texts as vectors, the nearest of them, and documents cut into passages."""
