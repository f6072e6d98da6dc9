"""What of a recording is lost in bad weather, under kills, under attack and over hours; writes build/soak-media.json.

python -m tests.bench.media_soak [--quick] [part …]
"""

import sys

from tests.bench import media_drift, media_hostile, media_kills, media_memory, media_weather, media_workers
from tests.bench.program import Program

MEDIA_SOAK = Program(
    "soak-media",
    "See what is lost of recordings under faults.",
    "shorter runs and fewer kills than promised",
    {
        "loss": media_weather.loss,
        "outages": media_weather.outages,
        "steps": media_weather.steps,
        "drift": media_drift.figures,
        "kills": media_kills.figures,
        "hostile": media_hostile.figures,
        "workers": media_workers.workers,
        "database": media_workers.database,
        "memory": media_memory.figures,
    },
)

if __name__ == "__main__":
    raise SystemExit(MEDIA_SOAK.main(sys.argv[1:]))
