"""`python -m prom` is the `prom` command."""

import sys

from prom.cli import main

sys.exit(main())
