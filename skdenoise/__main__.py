"""``python -m skdenoise`` is the command ``skdenoise``."""

import sys

from skdenoise._cli import main

if __name__ == "__main__":
    sys.exit(main())
