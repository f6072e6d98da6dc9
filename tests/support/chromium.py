"""Finds the Chromium that browser tests drive: the one named in YUANPING_CHROMIUM, else the machine's own."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The path of an executable Chromium, or None."""
    named = os.environ.get("YUANPING_CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    path = find_chromium()
    print(path or "")
    raise SystemExit(path is None)
