"""What Threeways remembers, on disk: datasets, runs, their steps, tasks and trials."""
