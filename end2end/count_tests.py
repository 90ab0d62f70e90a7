"""Prints "passed failed" for a JUnit file, and fails when a test was skipped for a reason that nobody allowed.

    count_tests.py results.xml [beginning of an allowed reason …]

A skipped test counts as neither: without this check, a suite that finds nothing to test would look like one that
passes. It does not say which tests failed; pytest has done so."""
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

path, allowed = sys.argv[1], tuple(sys.argv[2:])
passed = failed = 0
unexpected = []
# Node copies the colours of Playwright's messages into the file, where XML has no place for them.
text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", Path(path).read_text(encoding="utf-8"))
for case in ElementTree.fromstring(text.encode()).iter("testcase"):
    skipped = case.find("skipped")
    if skipped is not None:
        reason = skipped.get("message", "")
        if not reason.startswith(allowed):
            unexpected.append(f"{case.get('name')}: {reason}")
    elif case.find("failure") is not None or case.find("error") is not None:
        failed += 1
    else:
        passed += 1
print(passed, failed + len(unexpected))
if unexpected:
    print("skipped, though it should run:", *unexpected, sep="\n  ", file=sys.stderr)
if not passed + failed + len(unexpected):
    sys.exit(f"{path} holds no test")
sys.exit(1 if unexpected else 0)
