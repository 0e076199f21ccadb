"""What Threeways stores on disk: datasets, runs, their steps, tasks and trials."""
