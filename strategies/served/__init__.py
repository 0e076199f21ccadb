"""Language models behind an OpenAI-compatible server: asked over HTTP, never loaded here."""
