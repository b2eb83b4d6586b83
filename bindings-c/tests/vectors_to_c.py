"""Turns the conformance vectors into C tables, for a runner without a JSON library.

Usage: vectors_to_c.py FILE... > vectors.c; the tables' types stand in conformance.h. An unknown field or word ends it
with an error, so that nothing is skipped silently.
"""

import json
import re
import sys

CAPABILITIES = {"remembers", "replies", "zeros"}
KNOWN_NEEDS = {"awaits", "awaitables", "remembers", "raises", "replies", "untyped", "zeros"}
KINDS = {"put": "CR_WRITE", "get": "CR_READ", "delete": "CR_DELETE"}
NONSENSE = {"nonsense": "no reply", "bare_modify": "`MODIFY` without a value", "store": "nothing"}
TRIGGERS = ["before_read", "after_read", "before_write", "after_write", "before_delete", "after_delete"]
WORDS = {
    "allow", "deny", "log", "nothing", "modify", "same", "raise", "violate", "misuse", "nonsense", "bare_modify",
    "add", "remove", "put", "get", "scan", "cancel", "check", "lacks", "sees", "sees_nothing", "key",
}
STORE_WORDS = {
    "ok", "raise", "nonsense", "ok_then_raise", "violate", "cancel", "short", "unordered", "out_of_prefix", "too_many",
}
TELL_WORDS = {"ok", "raise"}
STEP_FIELDS = {
    "put": {"key", "value", "context"},
    "get": {"key", "context"},
    "delete": {"key", "context"},
    "get_many": {"keys", "context"},
    "batch": {"ops", "atomic", "context"},
    "scan": {"prefix", "context", "take"},
    "explain": {"operation", "key", "context"},
    "parse": {"document", "format"},
    "reload": {"document"},
    "remove_listener": {"name"},
    "add_sink": {"name"},
    "remove_sink": {"name"},
    "fill": {"pairs"},
    "stored": {"key"},
    "status": {"operation", "context"},
    "add_rate_limit": {"operation", "max_per_second", "max_per_minute", "max_per_hour", "scope", "burst", "count",
                       "max_keys"},
    "add_hook": {"name"},
    "remove_hook": {"name"},
    "enable_audit": {"max_entries"},
    "disable_audit": set(),
    "clear_registration_errors": set(),
    "close": set(),
    "audit": {"limit", "agent_id", "session_id", "operation", "result", "keys", "since_ns"},
    "helper": {"helper", "replacement", "context"},
}


def only(what, given, known):
    unknown = set(given) - set(known)
    if unknown:
        sys.exit(f"unknown in {what}: {sorted(unknown)}")


def literal(data):
    """Bytes as a C string literal; each escape ends its piece, so that no digit after it joins."""
    out = []
    for byte in data:
        if byte in b'"\\?' or byte < 32 or byte > 126:
            out.append(f"\\{byte:03o}")
        else:
            out.append(chr(byte))
    return '"' + "".join(out) + '"'


def run(data, times=1):
    return f"{{{literal(data)}, {len(data)}, {times}}}"


def unescape(text):
    out = bytearray()
    for piece in re.split(r"(\\x[0-9a-fA-F]{2})", text):
        out += bytes([int(piece[2:], 16)]) if re.fullmatch(r"\\x[0-9a-fA-F]{2}", piece) else piece.encode()
    return bytes(out)


def bytes_of(value):
    """Bytes of a vector: escaped text, or a run; null is absent."""
    if value is None:
        return "{NULL, 0, 0}"
    if isinstance(value, dict):
        only("bytes", value, {"repeat", "times"})
        return run(unescape(value["repeat"]), value["times"])
    return run(unescape(value))


def text_of(value):
    return "{NULL, 0, 0}" if value is None else run(value.encode())


def compact(value):
    """JSON as the library writes it: no spaces, only what must be is escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fill(pair):
    return pair if isinstance(pair, dict) else ["put", *pair]


class Vector:
    def __init__(self, number, vector):
        self.number, self.vector, self.arrays, self.count = number, vector, [], 0
        words = [word.split(":")[0] for hook in vector.get("host", {}).get("hooks", []) for word in hook["script"]]
        used = {NONSENSE[word] for word in words if word in NONSENSE}
        store = vector.get("host", {}).get("store", "memory")
        if isinstance(store, dict) and "nonsense" in store["script"]:
            used.add(NONSENSE["store"])
        self.nonsense = used.pop() if len(used) == 1 else "{nonsense}"

    def array(self, kind, items):
        """An array of its own, and how it is referred to."""
        if not items:
            return "NULL, 0"
        self.count += 1
        name = f"v{self.number}_{self.count}"
        self.arrays.append(f"static const {kind} {name}[] = {{{', '.join(items)}}};")
        return f"{name}, {len(items)}"

    def expected(self, text):
        """A text that is compared, with this runner's words for what differs from language to language."""
        if text is None:
            return text_of(None)
        return text_of(text.replace("{foreign}", "HostError").replace("{nonsense}", self.nonsense))

    def error(self, error):
        if error is None:
            return "{0}"
        known = {"class", "code", "reason", "message", "rule", "operation", "key", "applied", "position",
                 "retry_after_ns", "limit", "scope", "cause"}
        only("an error", error, known)
        parts = [".present = 1"]
        for name in ("class", "code", "reason", "message", "rule", "operation", "limit", "scope"):
            if name in error:
                parts.append(f".{name}_ = {self.expected(error[name])}")
        if "key" in error:
            parts.append(f".key = {bytes_of(error['key'])}")
        if "applied" in error:
            applied = error["applied"]
            field = f"applied = {2 if applied else 1}" if isinstance(applied, bool) else f"applied_count = {applied + 1}"
            parts.append(f".{field}")
        for name in ("position", "retry_after_ns"):
            if name in error:
                parts.append(f".has_{name} = 1, .{name} = {error[name]}u")
        if "cause" in error:
            parts.append(f".cause = {1 if error['cause'] is None else 2}")
        return "{" + ", ".join(parts) + "}"

    def context(self, context):
        items = []
        for name, value in (context or {}).items():
            if value is None:
                items.append(f"{{{text_of(name)}, SAID_NULL, {{NULL, 0, 0}}, 0}}")
            elif isinstance(value, bool):
                items.append(f"{{{text_of(name)}, SAID_BOOL, {{NULL, 0, 0}}, {int(value)}}}")
            elif isinstance(value, int):
                number = "INT64_MIN" if value == -2**63 else f"INT64_C({value})"
                items.append(f"{{{text_of(name)}, SAID_INT, {{NULL, 0, 0}}, {number}}}")
            elif isinstance(value, str):
                items.append(f"{{{text_of(name)}, SAID_TEXT, {text_of(value)}, 0}}")
            elif isinstance(value, dict) and set(value) == {"repeat", "times"}:
                items.append(f"{{{text_of(name)}, SAID_TEXT, {bytes_of(value)}, 0}}")
            else:
                sys.exit(f"a context cannot hold {value!r} here")
        return self.array("struct said", items)

    def limit(self, limit):
        given = []
        parts = [f".operation = {text_of(limit['operation'])}"]
        for name in ("max_per_second", "max_per_minute", "max_per_hour", "burst", "max_keys"):
            if name in limit:
                parts.append(f".{name} = {limit[name]}u")
                given.append(f"CR_LIMIT_{name.upper()}")
        for name in ("scope", "count"):
            if name in limit:
                parts.append(f".{name} = {text_of(limit[name])}")
        parts.append(f".given = {' | '.join(given) or '0'}")
        parts.append(f".error = {self.error(limit.get('error'))}")
        return "{" + ", ".join(parts) + "}"

    def ready_made(self, hook):
        only("a hook of the policy", hook, {"on", "keys", "action", "when", "replace", "error"})
        if "replace" in hook:
            kind = "CR_HOOK_REDACT_VALUE"
        elif hook.get("when") == {"agent_id": "absent"} and hook["action"] == "deny":
            kind = "CR_HOOK_REQUIRE_AGENT_ID"
        elif "when" in hook:
            sys.exit(f"unknown condition {hook['when']}")
        else:
            kind = {"deny": "CR_HOOK_DENY_ALL", "allow": "CR_HOOK_ALLOW_ALL", "log": "CR_HOOK_LOG"}[hook["action"]]
        return (f"{{{self.trigger(hook['on'])}, {bytes_of(hook['keys'])}, {kind}, {bytes_of(hook.get('replace'))}, "
                f"{self.error(hook.get('error'))}}}")

    def trigger(self, word):
        return f"CR_{word.upper()}" if word in TRIGGERS else sys.exit(f"unknown trigger {word}")

    def script(self, words, known):
        items = []
        for word in words:
            name, _, argument = word.partition(":")
            if name not in known:
                sys.exit(f"unknown word {word}")
            if name == "put":
                key, _, value = argument.partition("=")
                items.append(f"{{{text_of(name)}, {bytes_of(key)}, {bytes_of(value)}}}")
            elif name == "check":
                key, _, value = argument.partition("=")
                items.append(f"{{{text_of(name)}, {text_of(key)}, {text_of(value)}}}")
            else:
                has = ":" in word
                items.append(f"{{{text_of(name)}, {bytes_of(argument if has else None)}, {{NULL, 0, 0}}}}")
        return self.array("struct word", items)

    def host_hook(self, hook):
        only("a hook of the host", hook, {"name", "on", "keys", "script", "spare", "error"})
        return (f"{{{text_of(hook['name'])}, {self.trigger(hook['on'])}, {bytes_of(hook['keys'])}, "
                f"{self.script(hook['script'], WORDS)}, {int(hook.get('spare', False))}, "
                f"{self.error(hook.get('error'))}}}")

    def several(self, field, elements):
        """Keys, pairs or operations; of a run only its bounds."""
        rows = []
        for element in elements:
            kind, from_, times = "CR_READ", 0, 0
            if isinstance(element, dict) and "run" in element:
                only("a run", element, {"run", "from", "times", "value"})
                key, value, from_, times = element["run"], element.get("value"), element["from"], element["times"]
                kind = "CR_WRITE" if field == "several" and value is not None else kind
            elif isinstance(element, list) and element[0] in ("put", "delete") and field == "several":
                kind = KINDS[element[0]]
                key, value = element[1], element[2] if kind == "CR_WRITE" else None
            elif isinstance(element, list):
                key, value = element
            elif field == "wanted":
                key, value = "", element
            else:
                key, value = element, None
            rows.append(f"{{{kind}, {bytes_of(key)}, {bytes_of(value)}, {from_}, {times}}}")
        name = self.array("struct several", rows).split(", ")[0]
        return f".{field} = {name}, .{field}_len = {len(rows)}"

    def explained(self, explain):
        """What is to stand where in the JSON text of an explanation."""
        only("an explanation", explain, {"verdict", "rule", "reason", "mode", "hooks", "limits"})
        facts = []
        for name in ("verdict", "rule", "reason", "mode"):
            if name in explain:
                facts.append((name, explain[name]))
        for place, hook in enumerate(explain.get("hooks", [])):
            facts += [(f"hooks.{place}.{name}", word) for name, word in zip(("rule", "kind", "mode", "answer"), hook, strict=True)]
        for place, limit in enumerate(explain.get("limits", [])):
            only("a limit", limit, {"operation", "scope", "capacity", "remaining", "retry_after_ns"})
            facts += [(f"limits.{place}.{name}", value) for name, value in limit.items()]
        rows = [f"{{{literal(path.encode())}, {self.expected(compact(value))}}}" for path, value in facts]
        rows += [f"{{{literal(f'{name}.{len(explain[name])}'.encode())}, {{NULL, 0, 0}}}}"
                 for name in ("hooks", "limits") if name in explain]
        name = self.array("struct fact", rows).split(", ")[0]
        return f".expect = EXPECT_EXPLAIN, .facts = {name}, .facts_len = {len(rows)}"

    def expect(self, expect):
        if expect is not None and "pairs" in expect:
            only("an expectation", expect, {"pairs", "error", "cancelled"})
            cancelled = int(expect.get("cancelled", False))
            return (f".expect = EXPECT_PAIRS, .cancelled = {cancelled}, .error = {self.error(expect.get('error'))}, "
                    + self.several("wanted", expect["pairs"]))
        (kind, value), = (expect if expect is not None else {"ok": True}).items()
        if kind == "values":
            return f".expect = EXPECT_VALUES, {self.several('wanted', value)}"
        if kind == "explain":
            return self.explained(value)
        if kind == "ok":
            return ".expect = EXPECT_OK"
        if kind == "value":
            return f".expect = EXPECT_VALUE, .expected = {bytes_of(value)}"
        if kind == "cancelled":
            return ".expect = EXPECT_CANCELLED"
        if kind == "error":
            return f".expect = EXPECT_ERROR, .error = {self.error(value)}"
        if kind == "answer":
            return f".expect = EXPECT_ANSWER, .expected = {bytes_of(value)}"
        if kind == "sequences":
            rows = self.array("uint64_t", [f"{number}u" for number in value])
            return f".expect = EXPECT_SEQUENCES, .sequences = {rows.split(', ')[0]}, .rows = {len(value)}"
        if kind == "status":
            items = []
            for row in value:
                only("a status", row, {"operation", "scope", "capacity", "remaining", "retry_after_ns"})
                items.append(f"{{{text_of(row['operation'])}, {text_of(row['scope'])}, {row['capacity']}u, "
                             f"{row['remaining']}u, {row['retry_after_ns']}u}}")
            rows = self.array("struct standing", items)
            return f".expect = EXPECT_STATUS, .standings = {rows.split(', ')[0]}, .rows = {len(value)}"
        sys.exit(f"unknown expectation {kind}")

    def step(self, step):
        do = step["do"]
        if do not in STEP_FIELDS:
            sys.exit(f"unknown step {do}")
        only(f"a step {do}", step, STEP_FIELDS[do] | {"do", "at_ns", "expect"})
        parts = [f".does = DO_{do.upper()}"]
        if "at_ns" in step:
            parts.append(f".has_at = 1, .at_ns = {step['at_ns']}u")
        if do in KINDS:
            parts.append(f".kind = {KINDS[do]}")
        if do in ("get_many", "batch", "fill"):
            elements = step["keys" if do == "get_many" else "ops" if do == "batch" else "pairs"]
            parts.append(self.several("several", elements if do != "fill" else [fill(pair) for pair in elements]))
            parts.append(f".one_by_one = {int(not step.get('atomic', True))}")
        if do == "scan":
            parts.append(f".key = {bytes_of(step['prefix'])}, .take = {step.get('take', -1)}")
        if do == "parse":
            parts.append(f".value = {text_of(step['document'])}, .name = {text_of(step['format'])}")
        if do == "reload":
            parts.append(f".value = {text_of(compact(step['document']))}")
        if do == "explain":
            parts.append(f".name = {text_of(step['operation'])}")
        for name in ("key", "value", "replacement"):
            if name in step:
                parts.append(f".{'value' if name == 'replacement' else name} = {bytes_of(step[name])}")
        for name in ("name", "helper"):
            if name in step:
                parts.append(f".name = {text_of(step[name])}")
        if "context" in step:
            rows = self.context(step["context"])
            parts.append(f".context = {rows.split(', ')[0]}, .entries = {rows.split(', ')[1]}")
        if do == "status":
            parts.append(f".name = {text_of(step['operation'])}")
        if do == "add_rate_limit":
            limit = {name: step[name] for name in STEP_FIELDS[do] if name in step}
            parts.append(f".limit = {self.limit(limit)}")
        if do == "enable_audit":
            parts.append(f".number = {step['max_entries']}u")
        if do == "audit":
            filters = [f".has_limit = {int('limit' in step)}, .limit = {step.get('limit', 0)}u",
                       f".has_since = {int('since_ns' in step)}, .since_ns = {step.get('since_ns', 0)}u"]
            for name in ("agent_id", "session_id", "operation", "result", "keys"):
                filters.append(f".{name} = {text_of(step.get(name))}")
            parts.append(f".filter = {{{', '.join(filters)}}}")
        parts.append(self.expect(step.get("expect")))
        return "{" + ", ".join(parts) + "}"

    def audited(self, entry, place):
        only("an audit entry", entry, {"sequence", "surface", "logged", "at_ns", "operation", "key", "result",
                                       "agent_id", "session_id", "rule", "reason", "applied", "given", "withheld",
                                       "same"})
        parts = [f".sequence = {entry.get('sequence', place)}u", f".at_ns = {entry.get('at_ns', 0)}u",
                 f".logged = {int(entry.get('logged', False))}",
                 f".applied = {int(entry['applied']) if 'applied' in entry else -1}",
                 f".surface = {text_of(entry.get('surface', 'data'))}"]
        parts.append(f".same = {entry.get('same', 0)}")
        if "given" in entry:
            parts.append(f".is_scan = 1, .given = {entry['given']}u, .withheld = {entry['withheld']}u")
        for name in ("operation", "result", "agent_id", "session_id", "rule", "reason"):
            parts.append(f".{name} = {self.expected(entry.get(name))}")
        key = entry["key"]
        # The audit's own form of a key, in which a backslash stays as it is.
        key = run(key["repeat"].encode(), key["times"]) if isinstance(key, dict) else text_of(key)
        parts.append(f".key = {key}")
        return "{" + ", ".join(parts) + "}"

    def told(self, told):
        only("what was told", told, {"listener", "sink", "code", "key", "phase", "operation", "result", "applied", "rule"})
        parts = [f".applied = {int(told['applied']) if 'applied' in told else -1}"]
        for name in ("code", "phase", "operation", "result", "rule"):
            parts.append(f".{name} = {self.expected(told.get(name))}")
        parts.append(f".who = {text_of(told.get('listener', told.get('sink')))}")
        # A listener is shown the key's bytes, a sink the audit's form of it.
        key = told.get("key")
        if "sink" in told and isinstance(key, str):
            key = text_of(key)
        else:
            key = bytes_of(key)
        parts.append(f".key = {key}")
        return "{" + ", ".join(parts) + "}"

    def teller(self, teller):
        only("a listener or sink", teller, {"name", "script", "strict", "spare"})
        return (f"{{{text_of(teller['name'])}, {self.script(teller['script'], TELL_WORDS)}, "
                f"{int(teller.get('strict', False))}, {int(teller.get('spare', False))}}}")

    def emit(self):
        vector = self.vector
        only("a vector", vector, {"name", "says", "needs", "policy", "document", "host", "steps", "denied", "sunk", "audit"})
        needs = vector.get("needs", [])
        only("needs", needs, KNOWN_NEEDS)
        lacks = next((need for need in needs if need not in CAPABILITIES), None)
        if lacks:
            return f"{{.name = {literal(vector['name'].encode())}, .lacks = {literal(lacks.encode())}}}"
        policy, host = vector.get("policy", {}), vector.get("host", {})
        only("a policy", policy, {"hooks", "rate_limits", "audit", "max_open_operations", "require_context", "mode",
                                 "options_error"})
        only("a host", host, {"hooks", "store", "listeners", "sinks"})
        parts = [f".name = {literal(vector['name'].encode())}"]

        def rows(field, kind, items):
            name = self.array(kind, items).split(", ")[0]
            parts.append(f".{field} = {name}, .{field}_len = {len(items)}")

        rows("ready_made", "struct ready_made", [self.ready_made(hook) for hook in policy.get("hooks", [])])
        rows("limits", "struct limit", [self.limit(limit) for limit in policy.get("rate_limits", [])])
        if "audit" in policy:
            only("an audit", policy["audit"], {"max_entries", "error"})
            parts.append(f".has_audit = 1, .max_entries = {policy['audit']['max_entries']}u, "
                         f".audit_error = {self.error(policy['audit'].get('error'))}")
        parts.append(f".has_max_open = {int('max_open_operations' in policy)}, "
                     f".max_open = {policy.get('max_open_operations', 0)}u")
        rows("required", "struct run", [text_of(name) for name in policy.get("require_context", [])])
        mode = {None: "CR_MODE_DEFAULT", "enforce": "CR_MODE_ENFORCE", "shadow": "CR_MODE_SHADOW"}[policy.get("mode")]
        parts.append(f".mode = {mode}, .options_error = {self.error(policy.get('options_error'))}")
        parts.append(f".document = {text_of(compact(vector['document']) if 'document' in vector else None)}")
        rows("listeners", "struct teller", [self.teller(teller) for teller in host.get("listeners", [])])
        rows("sinks", "struct teller", [self.teller(teller) for teller in host.get("sinks", [])])
        rows("denied", "struct told", [self.told(told) for told in vector.get("denied", [])])
        rows("sunk", "struct told", [self.told(told) for told in vector.get("sunk", [])])
        rows("hooks", "struct host_hook", [self.host_hook(hook) for hook in host.get("hooks", [])])
        store = host.get("store", "memory")
        cancels = any(word == "cancel" for hook in host.get("hooks", []) for word in hook["script"])
        if store != "memory":
            only("a store", store, {"script", "can", "holds"})
            only("what a store can", store.get("can", []), {"scan", "batch"})
            script = self.script(store["script"], STORE_WORDS)
            parts.append(f".store = {script.split(', ')[0]}, .store_len = {len(store['script'])}")
            cancels = cancels or "cancel" in store["script"]
            parts.append(f".can_scan = {int('scan' in store.get('can', []))}, .can_batch = {int('batch' in store.get('can', []))}")
            parts.append(self.several("holds", [list(pair) for pair in store.get("holds", {}).items()]))
        parts.append(f".only_in_steps = {int(cancels)}")
        rows("steps", "struct step", [self.step(step) for step in vector["steps"]])
        if "audit" in vector:
            entries = [self.audited(entry, place + 1) for place, entry in enumerate(vector["audit"])]
            parts.append(".has_entries = 1")
            rows("entries", "struct audited", entries)
        return "{" + ",\n     ".join(parts) + "}"


def main(paths):
    vectors = [vector for path in paths for vector in load(path)]
    if not vectors:
        sys.exit("no vectors were given")
    names = [vector["name"] for vector in vectors]
    if len(set(names)) != len(names):
        sys.exit("two vectors have the same name")
    made = [Vector(number, vector) for number, vector in enumerate(vectors)]
    rows = [vector.emit() for vector in made]
    print("/* Made by vectors_to_c.py from tests/conformance/vectors; do not edit. */")
    print('#include "conformance.h"\n')
    for vector in made:
        print("\n".join(vector.arrays))
    print("\nconst struct vector vectors[] = {\n    " + ",\n    ".join(rows) + "\n};")
    print(f"\nconst size_t vectors_len = {len(rows)};")


def load(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    only(path, document, {"about", "vectors"})
    return document["vectors"]


if __name__ == "__main__":
    main(sorted(sys.argv[1:]))
