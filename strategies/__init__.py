"""How a task is solved: one file per strategy, and the parts they share. Knows no store, no page and no decision."""
