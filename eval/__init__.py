"""What is measured: tasks, splits, scores, statistics, costs. Knows no model, no strategy and no page."""
