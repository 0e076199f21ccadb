"""The sections of a report in the order in which they are read, each made of blocks that any form can show."""
