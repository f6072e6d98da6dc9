"""Measures media against its promises: prints one table, writes it to build/bench-media.json.

    python -m tests.bench.media [--quick] [part …]

What is lost in bad weather, under kills and under attack is shown by `soak-media`.
"""

import sys

from tests.bench import media_load, media_prompt, media_verify
from tests.bench.program import Program

MEDIA = Program(
    "bench-media",
    "Measure the way from a seat to a verified recording.",
    "shorter runs",
    {
        "processor": media_load.processor,
        "capacity": media_load.capacity,
        "prompt": media_prompt.figures,
        "verify": media_verify.figures,
    },
)

if __name__ == "__main__":
    raise SystemExit(MEDIA.main(sys.argv[1:]))
