import sys

from advisor.command_line.commands import main

sys.exit(main())
