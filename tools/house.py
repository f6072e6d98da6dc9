#!/usr/bin/env python3
"""The door: sets the project up on a fresh machine and runs its everyday verbs, saying each step.

Needs nothing but Python 3.11 or newer. `make <verb>` and `python3 tools/house.py <verb>` are the same thing. This file
stays readable for older Pythons, so that whoever starts it with one is told so, or moved to a newer one that is there.
"""

import os
import subprocess
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this with an older Python comes past here
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for minor in range(20, 10, -1):
            newer = str(Path(folder, f"python3.{minor}"))
            # Started once to see: a version manager's stand-in may be there without the Python behind it.
            if os.access(newer, os.X_OK) and not subprocess.call(
                [newer, "-c", ""], stderr=subprocess.DEVNULL
            ):
                os.execv(newer, [newer, *sys.argv])  # noqa: S606 - no shell
    sys.exit(
        f"Yuanping needs Python 3.11 or newer; this is {sys.version.split()[0]}. Install one and start again."
    )

sys.path[0] = str(Path(__file__).resolve().parents[1])

from tools.verbs import main  # noqa: E402 - only now can it be found

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
