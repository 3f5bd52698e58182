"""Runs the command line as `python3 -m tests.cluster`."""

from __future__ import annotations

import sys

from tests.cluster.cli import main

sys.exit(main())
