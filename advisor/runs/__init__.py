"""A run from plan to report: the worker, its child processes, and estimates of their time."""
