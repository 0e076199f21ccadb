"""What other evaluation tools write, one file per tool. CONTRIBUTING.md says how to add one."""
