"""How a task is solved: one file a strategy, and the seams they share. Knows no store, no page, no decision."""
