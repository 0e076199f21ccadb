"""A strategy of a run behind an OpenAI-compatible endpoint."""
