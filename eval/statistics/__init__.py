"""How sure a figure is, and what differs between two strategies."""
