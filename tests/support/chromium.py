"""Finds the Chromium that browser tests drive: the one named in YUANPING_CHROMIUM, else the machine's own; and how they start it."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LEFT_OUT = (
    # Each window loads two pages of its own for what drops down from its address bar, unseen: a second of one core.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
    # This list stands in the place of Playwright's, so what Playwright leaves out is left out here too.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
LEAN = ("--no-sandbox", "--disable-gpu", f"--disable-features={','.join(_LEFT_OUT)}")
"""Options for every Chromium of ours: what nobody looks at is neither made nor drawn."""
VIOLATIONS = {"resultTypes": ["violations"]}
"""Options for axe where only what it finds wrong is asked for: listing what is right takes it as long again."""


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
