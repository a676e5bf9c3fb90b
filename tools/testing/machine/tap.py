# SPDX-License-Identifier: GPL-2.0
"""Reads TAP, as kselftests print it, and KTAP, as KUnit does."""

import re
from dataclasses import dataclass, field

LINE = re.compile(r"( *)(not ok|ok) (\d+)(?: +-)? *([^#]*?)\s*(?:# *(SKIP|XFAIL)?:? *(.*))?$")
SUBTEST = re.compile(r"( *)# Subtest: (.*)")
PLAN = re.compile(r"( *)1\.\.(\d+)(?:\s*# *SKIP *(.*))?")


@dataclass
class Result:
    """One test: its verdict is "passed", "failed" or "skipped"."""

    name: str
    verdict: str
    reason: str = ""
    details: list = field(default_factory=list)


def parse(output, group, status=0, failure=""):
    """The results in the output of a test program that ended with `status`, or that the
    machine ended for the reason `failure`.

    Only leaves count, not the line that sums up a group of subtests. A program that
    dies, prints nothing, or runs less than it planned is a failure of its own."""
    results, details = [], []
    deeper = {}   # indent: results since the last line at this indent
    planned = {}  # indent: tests that the plan still expects
    suites = {}   # indent: name of the subtest that runs there
    for line in output.splitlines():
        plan, match, subtest = PLAN.match(line), LINE.match(line), SUBTEST.match(line)
        if subtest:
            suites[len(subtest[1])] = subtest[2] + "."
            details = []
        elif plan:
            planned[len(plan[1])] = int(plan[2])
            if plan[2] == "0" and plan[3]:
                results.append(Result(group, "skipped", plan[3]))
        elif match:
            indent = len(match[1])
            inner = sum(count for depth, count in deeper.items() if depth > indent)
            inner_failed = any(r.verdict == "failed" for r in results[len(results) - inner:]) if inner else False
            for depth in [d for d in deeper if d > indent]:
                del deeper[depth]
            for depth in [d for d in planned if d > indent]:
                if planned.pop(depth) > 0:
                    results.append(Result(f"{group}: {match[4]}", "failed", "ran fewer tests than it planned"))
            planned[indent] = planned.get(indent, 1) - 1
            if not inner or (match[2] == "not ok" and not inner_failed):
                for depth in [d for d in suites if d > indent]:
                    del suites[depth]
                prefix = "".join(suites[depth] for depth in sorted(suites))
                results.append(_result(match, f"{group}: {prefix}", details))
                deeper[indent] = deeper.get(indent, 0) + 1
            else:
                deeper[indent] = deeper.get(indent, 0) + inner
            details = []
        else:
            details.append(line)
    failed = any(result.verdict == "failed" for result in results)
    if failure:
        results.append(Result(group, "failed", failure, details))
    elif any(left > 0 for left in planned.values()):
        results.append(Result(group, "failed", f"ended before its plan, with status {status}", details))
    elif not results:
        results.append(Result(group, "failed", f"no TAP output, status {status}", details))
    elif status not in (0, 4) and not failed:
        results.append(Result(group, "failed", f"all tests passed, but the status is {status}", details))
    return results


def _result(match, prefix, details):
    name = prefix + (match[4] or match[3])
    if match[5]:
        return Result(name, "skipped", match[6] or "no reason given")
    if match[2] == "ok":
        return Result(name, "passed")
    return Result(name, "failed", match[6] or "", details)
