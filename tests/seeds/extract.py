"""Takes the code blocks out of the seed documents, so that the samples run as they stand.

    python3 tests/seeds/extract.py            writes the programs to build/seeds/<language>/
    python3 tests/seeds/extract.py --update   copies the blocks from the seeds folder to tests/seeds/samples/
    python3 tests/seeds/extract.py --check    fails where that copy differs from the folder (passes without a folder)

The folder is `--seeds FOLDER`, else `$CHECKREIN_SEEDS`, else `../shared/seeds` beside the repository; where there is
none, the committed copy is used. The only change to a block is the package's name. What a block leaves to the reader
(imports, a main function, checks of what the text claims) stands in `programs/`, where the line `sample: DOCUMENT N`
in a comment stands for the Nth block of a document.
"""

import argparse
import json
import os
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BUILD = REPOSITORY / "build" / "seeds"
SAMPLES = HERE / "samples"
DOCUMENTS = ("data-hooks",)

ENDINGS = {"python": "py", "go": "go", "typescript": "mts", "rust": "rs"}
# How the documents call the package, and how it is called here.
NAMES = {
    "py": [("from sochdb", "from checkrein")],
    "go": [("sochdb.", "checkrein.")],
    "mts": [("'@sochdb/sochdb'", "'checkrein'")],
    "rs": [("sochdb_client::", "checkrein::")],
}
FOLDERS = {"py": "python", "go": "go", "mts": "node", "rs": "rust"}

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE_ROW = re.compile(r"^\| `([^`]+)` \| (`[^|]+`) \|$", re.MULTILINE)
PLACEHOLDER = re.compile(r"^([ \t]*)(?:#|//) sample: (\S+) (\d+)\n", re.MULTILINE)


def from_document(text):
    """The blocks of a document by their place, from 1, and its table of patterns."""
    files = {}
    for place, (language, body) in enumerate(BLOCK.findall(text), start=1):
        files[f"{place:02}.{ENDINGS[language]}"] = body
    section = text.split("## Pattern Matching")[1].split("\n## ")[0]
    rows = {pattern: re.findall(r"`([^`]+)`", keys) for pattern, keys in TABLE_ROW.findall(section)}
    files["patterns.json"] = json.dumps(rows, indent=2) + "\n"
    return files


def from_copy(document):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((SAMPLES / document).iterdir())}


def seeds_folder(given):
    folder = pathlib.Path(given or os.environ.get("CHECKREIN_SEEDS") or REPOSITORY.parent / "shared" / "seeds")
    return folder if folder.is_dir() else None


def samples(given=None):
    """All files of all documents: from the folder, else from the copy."""
    folder = seeds_folder(given)
    if folder is None:
        return {document: from_copy(document) for document in DOCUMENTS}
    return {name: from_document((folder / f"{name}.md").read_text(encoding="utf-8")) for name in DOCUMENTS}


def renamed(body, ending):
    for theirs, ours in NAMES[ending]:
        body = body.replace(theirs, ours)
    if "sochdb" in body:
        raise SystemExit(f"a name of the package was not understood in:\n{body}")
    return body


def write_programs(all_samples, build=BUILD):
    """Fills the samples into the programs and gives their paths."""
    used, written = set(), []
    for program in sorted((HERE / "programs").iterdir()):
        ending = program.suffix[1:]

        def fill(found):
            indent, document, place = found.groups()
            name = f"{int(place):02}.{ending}"
            used.add((document, name))
            body = renamed(all_samples[document][name], ending)
            return "".join(indent + line if line.strip() else line for line in body.splitlines(keepends=True))

        text = PLACEHOLDER.sub(fill, program.read_text(encoding="utf-8"))
        target = build / FOLDERS[ending] / program.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    for document, files in all_samples.items():
        unused = [name for name in files if name != "patterns.json" and (document, name) not in used]
        if unused:
            raise SystemExit(f"{document}: no program uses the blocks {', '.join(unused)}")
        (build / f"{document}-patterns.json").write_text(files["patterns.json"], encoding="utf-8")
    return written


def check(given):
    folder = seeds_folder(given)
    if folder is None:
        print("no seeds folder here: the committed copy stands")
        return
    for document, files in samples(given).items():
        if files != from_copy(document):
            raise SystemExit(f"samples/{document} is not what the document shows: run extract.py --update")
    print(f"the copy of {', '.join(DOCUMENTS)} is up to date")


def update(given):
    if seeds_folder(given) is None:
        raise SystemExit("there is no seeds folder: name it with --seeds")
    for document, files in samples(given).items():
        folder = SAMPLES / document
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, body in files.items():
            (folder / name).write_text(body, encoding="utf-8")
        print(f"{document}: {len(files)} files")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", help="the folder of the seed documents")
    parser.add_argument("--update", action="store_true", help="copy the blocks to samples/")
    parser.add_argument("--check", action="store_true", help="compare the copy with the folder")
    given = parser.parse_args()
    if given.update:
        update(given.seeds)
    elif given.check:
        check(given.seeds)
    else:
        for path in write_programs(samples(given.seeds)):
            print(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
