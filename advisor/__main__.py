import sys

from advisor.command_line import main

sys.exit(main())
