"""What other evaluation tools write, one file per tool. A new tool is one file and one line in `reader.py`."""
