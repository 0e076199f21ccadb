"""What to do about it: plans, jobs, the decision, reports, the command line and the pages."""
