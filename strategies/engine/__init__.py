"""A language model that scores, writes and trains, fast on two cores. Strategies use it through `language_model`."""
