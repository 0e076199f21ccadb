"""What a strategy costs over months, and how sure that is."""
