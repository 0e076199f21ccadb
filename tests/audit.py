"""Whether a version that Threeways installs is known to be vulnerable, by pip-audit: `make audit`.

    python tests/audit.py PIP_AUDIT LIST

Exit code 1 if one is. Where the database of vulnerabilities can't be reached, nothing is audited: it says so, and the
exit code is 0. Needs nothing but Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

_SECONDS = 300


def main(arguments: Sequence[str]) -> int:
    program, listed = arguments
    # Without pip, the list is taken as it stands: every version in it is exact.
    command = [program, "-r", listed, "--disable-pip", "--require-hashes", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
        return _say("The versions were not audited: pip-audit can't reach its database.", 0)
    audited = [one for one in packages if "skip_reason" not in one]
    if not audited:
        return _say("The versions were not audited: pip-audit's database knows none of them here.", 0)
    for one in audited:
        for found in one["vulns"]:
            fixed = f"fixed in {', '.join(found['fix_versions'])}" if found["fix_versions"] else "without a fix"
            _say(f"{one['name']} {one['version']} is vulnerable ({found['id']}, {fixed}).", 1)
    vulnerable = sum(bool(one["vulns"]) for one in audited)
    return _say(f"{len(audited)} of {len(packages)} versions audited, {vulnerable} vulnerable.", int(vulnerable > 0))


def _say(sentence: str, code: int) -> int:
    sys.stdout.write(f"{sentence}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
