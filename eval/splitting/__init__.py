"""Equal and nearly equal inputs, and a split that keeps them on one side."""
