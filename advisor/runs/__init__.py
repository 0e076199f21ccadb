"""A run from plan to report: the worker, its spawned children, and the time they take."""
