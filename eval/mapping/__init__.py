"""From a table to a task: what its columns mean, what kind of task it is, and which rows are examples."""
