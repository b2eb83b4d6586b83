"""Writes the vector files in their one layout, and takes over what the Rust runner blessed.

    python3 tests/conformance/tidy.py              rewrites the files in place
    python3 tests/conformance/tidy.py --check      fails where a file is not in the layout, or COVERAGE.md
                                                   names what is no vector
    python3 tests/conformance/tidy.py --bless FILE fills in each `expect`, `audit`, `denied` and `sunk` that is "bless", from the file
                                                   that `CHECKREIN_BLESS=FILE cargo test` wrote; read every line
                                                   that it filled in against the design before you commit it

An object or a list stands on one line where it fits in 118 columns.
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent / "vectors"
COLUMNS = 118


def layout(value, indent=0, lead=0):
    """The value as text whose first line starts at column `indent + lead`."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + lead + len(flat) <= COLUMNS - 1 or not isinstance(value, (dict, list)) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, list):
        items = [pad + layout(item, indent + 2) for item in value]
        return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"
    lines = []
    for name, item in value.items():
        head = json.dumps(name, ensure_ascii=False) + ": "
        text = head + layout(item, indent + 2, len(head))
        # Small fields share a line.
        small = isinstance(item, (str, int, type(None))) and lines and not lines[-1].endswith(("]", "}"))
        if small and len(lines[-1]) + len(text) <= COLUMNS - 3:
            lines[-1] += ", " + text
        else:
            lines.append(pad + text)
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"


def fill_in(vectors, blessed):
    for vector in vectors:
        got = blessed.get(vector["name"])
        if got is None:
            continue
        for step, expect in zip(vector["steps"], got["steps"]):
            if step.get("expect") == "bless":
                step["expect"] = expect
        for told in ("denied", "sunk", "audit"):
            if vector.get(told) == "bless":
                vector[told] = got[told]


def unknown_in_coverage(names):
    """What COVERAGE.md names that is no vector."""
    unknown, files = [], {path.name for path in FOLDER.glob("*.json")}
    for line in (FOLDER.parent / "COVERAGE.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| ") or line.startswith(("| sentence", "| bug")):
            continue
        for part in line.split(" | ")[1].removesuffix(" |").split("; "):
            head, _, rest = part.partition(": ")
            name = rest if head in files else part
            if name and name not in names and name not in files and not name.startswith("*Rust*"):
                unknown.append(name)
    return unknown


def main(arguments):
    blessed = None
    if arguments[:1] == ["--bless"]:
        blessed = json.loads(pathlib.Path(arguments[1]).read_text(encoding="utf-8"))
    untidy, names = [], set()
    for path in sorted(FOLDER.glob("*.json")):
        before = path.read_text(encoding="utf-8")
        file = json.loads(before)
        for vector in file["vectors"]:
            if vector["name"] in names:
                sys.exit(f"{path.name}: two vectors are called `{vector['name']}`")
            names.add(vector["name"])
        if blessed is not None:
            fill_in(file["vectors"], blessed)
        after = layout(file) + "\n"
        if after != before:
            untidy.append(path.name)
            if arguments[:1] != ["--check"]:
                path.write_text(after, encoding="utf-8")
    if unknown := unknown_in_coverage(names):
        sys.exit("COVERAGE.md names what is no vector: " + "; ".join(unknown))
    if arguments[:1] == ["--check"] and untidy:
        sys.exit(f"not in the layout, run tests/conformance/tidy.py: {', '.join(untidy)}")
    print(f"{len(names)} vectors, {len(untidy)} files {'untidy' if arguments[:1] == ['--check'] else 'rewritten'}")


if __name__ == "__main__":
    main(sys.argv[1:])
