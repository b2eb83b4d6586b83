"""Runs a recorded session of six agents, some of them misbehaving, on the embedded database under a policy, and
tells what happened: a table by agent, the refusals with their reasons, and the audit's summary.

    python examples/demo.py [SESSION.jsonl]

The session is a file of JSON lines: at_ms, op (get, put, delete), key, value, context. Its own clock is used, so
that the same session gives the same answers on every machine.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from checkrein import Database, ManualClock, PolicyAction, PolicyEngine, PolicyViolation, RateLimitExceeded
from checkrein.policy import deny_all, require_agent_id

SESSION = Path(__file__).with_name("agent_session.jsonl")
CARD_NUMBER = re.compile(rb"\b(?:\d{4} ){3}\d{4}\b")


def guard(policy: PolicyEngine) -> None:
    """The policy of the demo: what a small company might want of its agents."""

    @policy.before_write("system/**")
    def agents_keep_out(key, value, context):
        if context.get("agent_id"):
            return PolicyAction.deny("agents do not change the system")

    @policy.before_read("**/secrets/**")
    def secrets_are_for_people(key, value, context):
        if context.get("agent_id"):
            return PolicyAction.deny("agents do not read secrets")

    @policy.after_read("users/*/email")
    def redact_email(key, value, context):
        return b"[REDACTED]" if context.get("redact_pii") else value

    @policy.before_write("{tickets,notes}/**")
    def no_card_numbers(key, value, context):
        return CARD_NUMBER.sub(b"[CARD]", value)

    @policy.before_write("refunds/*")
    def refunds_have_a_limit(key, value, context):
        if json.loads(value)["amount"] > 500:  # what is no JSON, or no number, raises: the write is refused
            return PolicyAction.deny("a refund above 500 needs a person")

    policy.before_write("tickets/**", require_agent_id)
    policy.before_write("secrets/**", deny_all)
    policy.before_delete("{users,kb}/**", deny_all)
    policy.before_delete("system/**", deny_all)
    policy.add_rate_limit("write", max_per_minute=60, scope="agent_id")


def replay(policy: PolicyEngine, clock: ManualClock, session: Path) -> list[PolicyViolation]:
    """Does what the session says, and gives the refusals."""
    refusals = []
    now_ms = 0
    for line in session.read_text("utf-8").splitlines():
        entry = json.loads(line)
        clock.advance((entry["at_ms"] - now_ms) / 1000)
        now_ms = entry["at_ms"]
        key = entry["key"].encode()
        try:
            if entry["op"] == "put":
                policy.put(key, entry["value"].encode(), context=entry["context"])
            elif entry["op"] == "get":
                policy.get(key, context=entry["context"])
            else:
                policy.delete(key, context=entry["context"])
        except PolicyViolation as refusal:
            refusals.append(refusal)
    return refusals


def table(title: str, columns: list[str], rows: list[list[object]]) -> None:
    """Prints rows under a title; numbers stand to the right."""
    text = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *text)]
    print(f"\n{title}\n" + "  ".join(name.ljust(width) for name, width in zip(columns, widths)).rstrip())
    print("  ".join("-" * width for width in widths))
    for row, cells in zip(rows, text):
        shown = [
            cell.rjust(width) if isinstance(value, int) else cell.ljust(width)
            for value, cell, width in zip(row, cells, widths)
        ]
        print("  ".join(shown).rstrip())


def tell(entries: list[dict], refusals: list[PolicyViolation]) -> None:
    """Prints what happened."""
    results = ["allowed", "modified", "redacted", "denied", "rate_limited", "error"]
    by_agent: dict[str, Counter] = defaultdict(Counter)
    for entry in entries:
        agent = by_agent[entry.get("agent_id", "(nobody)")]
        agent[entry["operation"]] += 1
        agent[entry["result"]] += 1
    columns = ["read", "write", "delete", *results]
    rows = [[agent, *(counts[column] or "·" for column in columns)] for agent, counts in sorted(by_agent.items())]
    named = len(by_agent.keys() - {"(nobody)"})
    table(f"What {named} agents did, and nobody in particular: {len(entries)} operations", ["agent", *columns], rows)

    kinds: dict[tuple[str, str], list[PolicyViolation]] = defaultdict(list)
    for refusal in refusals:
        reason = "rate limit" if isinstance(refusal, RateLimitExceeded) else refusal.reason
        kinds[refusal.rule or "", reason].append(refusal)
    rows = [
        [len(them), rule, reason, them[0].key.decode()]
        for (rule, reason), them in sorted(kinds.items(), key=lambda item: -len(item[1]))
    ]
    table(f"{len(refusals)} refusals, and why", ["times", "rule", "reason", "first key"], rows)

    summary = Counter(entry["result"] for entry in entries)
    rows = [[result, summary[result]] for result in results if summary[result]]
    table("The audit's summary", ["result", "entries"], rows)
    last = entries[-1]
    print(f"\nThe last of {last['sequence']} entries: {last['timestamp']}: {last['operation']} {last['key']} "
          f"-> {last['result']}")


def main() -> None:
    session = Path(sys.argv[1]) if len(sys.argv) > 1 else SESSION
    clock = ManualClock(1_763_802_000_000_000_000)  # a day in November 2025
    with tempfile.TemporaryDirectory() as folder, Database.open(Path(folder) / "agent_data") as db:
        policy = PolicyEngine(db, clock=clock)
        policy.enable_audit(max_entries=10_000)
        guard(policy)
        refusals = replay(policy, clock, session)
        tell(policy.get_audit_log(limit=10_000), refusals)
        assert db.get(b"system/config").startswith(b'{"region"'), "no agent changed the system"


if __name__ == "__main__":
    main()
