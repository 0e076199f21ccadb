"""The rules of thumb: an advice before anything was measured, and how they agree with what was."""
