"""Whom one must trust, and for what: attacks on the trail, names before their time, hostile requests; writes build/soak-trust.json.

python -m tests.bench.trust [--quick] [part …]
"""

import sys

from tests.bench import trust_audit, trust_http, trust_names
from tests.bench.program import Program

SOAK_TRUST = Program(
    "soak-trust",
    "See whether anything leaks, breaks or can be rewritten unseen.",
    "fewer requests and shorter trails than promised",
    {
        "attacks": trust_audit.attacks,
        "names": trust_names.names,
        "clock": trust_names.clock,
        "audit": trust_audit.audit,
        "verify": trust_audit.verify,
        "http": trust_http.figures,
    },
)

if __name__ == "__main__":
    raise SystemExit(SOAK_TRUST.main(sys.argv[1:]))
