"""The pages a person sees, one file each, and the parts they share."""
