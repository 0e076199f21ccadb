"""A language model that scores, writes and learns, fast on two cores; `language_model` is what strategies ask of it."""
