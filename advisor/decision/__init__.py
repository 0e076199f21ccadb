"""Which strategy to take, how sure that is, and what would change it."""
