"""`python -m tests.browser`: sees to it that there is a browser, from Debian's packages where there is none."""

from __future__ import annotations

import sys

from tests.browser.chromium import FONT, find_browser
from tests.cluster import debian
from tests.cluster.errors import ClusterError

PACKAGES = {"chromium-headless-shell": "chromium-headless-shell", str(FONT): "fonts-dejavu-core"}

if __name__ == "__main__":
    try:
        if find_browser() is None:
            debian.ensure(PACKAGES)
    except ClusterError as error:
        sys.exit(f"The tests of the report page need Chromium or Chrome: install one of them. {error}")
