"""How fast this machine is, so that what must take long takes long on all of them.

The tests' slow versions work for a share of a second in their second stage. On a machine twice as fast as another the
same work takes half as long, and a version that ought to breach its limit is merely near it. The fastest of some tries
counts: whatever else runs at that moment makes them slower, and would make the slow versions too fast later.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

MOST = 4096
"""The example takes no more augmentations."""

_PROBE = 1000
_DIGITS = Path(__file__).parents[2] / "examples/digits"
_SCRIPT = f"""
import time
from handwriting import load
from model import Cascade, Settings
train = load().train
cascade = Cascade(Settings(ensemble_size=1, augmentations={_PROBE}), train)
spent = []
for image in train.images[:9]:
    began = time.process_time()
    cascade.second(image[None])
    spent.append(time.process_time() - began)
print(min(spent))
"""


@cache
def augmentations(seconds: float) -> int:
    """So many make the second stage of the example, with one member, work that long on a core of this machine."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=_DIGITS,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # as in the pods
        check=True,
        capture_output=True,
        text=True,
    )
    return min(MOST, round(_PROBE * seconds / float(done.stdout)))
