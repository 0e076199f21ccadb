import os
import sys

os.environ.setdefault("TQDM_DISABLE", "1")  # libraries read it when they are imported; we say ourselves what takes time

from advisor.command_line.commands import main

sys.exit(main())
