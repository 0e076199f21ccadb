"""What to do: plans, jobs, the decision, reports, the command line and the pages."""
