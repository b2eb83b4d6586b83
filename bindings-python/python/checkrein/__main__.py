"""The command line: `python -m checkrein` and the script `checkrein`. `docs/cli.md` describes it."""

import signal
import sys

from checkrein._native import _command_line


def main() -> int:
    """Runs the command line of this process and gives the exit code."""
    # Python looks at signals between its own instructions only: an interrupt would wait for a long verification.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
