"""Checks that the stores that README.md shows are, word for word, those of the examples, which are run.

    python3 tests/readme.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = re.compile(r"^[^\n]*README: a store[^\n]*\n(.*?)\n[^\n]*README: end", re.DOTALL | re.MULTILINE)


def main() -> int:
    readme = (ROOT / "README.md").read_text()
    examples = sorted((ROOT / "examples" / "own_store").glob("own_store.*"))
    failed = 0
    for example in examples:
        region = REGION.search(example.read_text())
        shown = region is not None and region[1].strip() in readme
        failed += not shown
        print(f"README shows {example.name}: {'yes' if shown else 'NO'}")
    print(f"readme: {len(examples) - failed} passed, {failed} failed")
    return 1 if failed or len(examples) != 5 else 0


if __name__ == "__main__":
    sys.exit(main())
