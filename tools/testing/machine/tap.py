# SPDX-License-Identifier: GPL-2.0
"""Reads TAP, as kselftests print it, and KTAP, as KUnit does."""

import re
from dataclasses import dataclass, field

TEST = re.compile(r"( *)(not ok|ok) (\d+)(?: +-)? *([^#]*?)\s*(?:# *(SKIP|XFAIL)?:? *(.*))?$")
PLAN = re.compile(r"( *)1\.\.(\d+)(?:\s*# *SKIP *(.*))?")
SUBTEST = re.compile(r"( *)# Subtest: (.*)")


@dataclass
class Result:
    """One test: its verdict is "passed", "failed" or "skipped"."""

    name: str
    verdict: str
    reason: str = ""
    details: list = field(default_factory=list)


@dataclass
class Level:
    """The tests at one indentation, as far as they are read."""

    name: str = ""
    planned: int = None
    ran: int = 0
    results: list = field(default_factory=list)


class Reader:
    """Collects the results of one program. Only leaves count, not the line that sums up
    a group of subtests."""

    def __init__(self, group):
        self.group = group
        self.levels = {}
        self.details = []

    def _level(self, spaces):
        return self.levels.setdefault(len(spaces), Level())

    def _prefix(self, indent):
        names = [self.levels[depth].name for depth in sorted(self.levels) if depth <= indent]
        return f"{self.group}: " + "".join(f"{name}." for name in names if name)

    def take(self, indent, reason):
        """Close the levels from this indentation on; their results, with one more, failed
        for this reason, for a level that ran less than it planned."""
        results = []
        for depth in sorted((d for d in self.levels if d >= indent), reverse=True):
            level = self.levels[depth]
            if level.planned is not None and level.ran < level.planned:
                name = self._prefix(depth).rstrip(".: ")
                level.results.append(Result(name, "failed", reason, self.details))
            del self.levels[depth]
            results = level.results + results
        return results

    def read(self, line):
        """The next line of the output."""
        if match := SUBTEST.match(line):
            self._level(match[1]).name = match[2]
            self.details = []
        elif match := PLAN.match(line):
            level = self._level(match[1])
            level.planned = int(match[2])
            if not level.planned and match[3]:
                level.results.append(Result(self.group, "skipped", match[3]))
        elif match := TEST.match(line):
            self._test(match)
            self.details = []
        else:
            self.details.append(line)

    def _test(self, match):
        indent = len(match[1])
        inner = self.take(indent + 1, "ran fewer tests than it planned")
        level = self._level(match[1])
        level.ran += 1
        level.results += inner
        if not inner or (match[2] == "not ok" and all(each.verdict != "failed" for each in inner)):
            level.results.append(self._leaf(match, self._prefix(indent) + (match[4] or match[3])))

    def _leaf(self, match, name):
        if match[5]:
            return Result(name, "skipped", match[6] or "no reason given")
        if match[2] == "ok":
            return Result(name, "passed")
        return Result(name, "failed", match[6] or "", self.details)


def parse(output, group, status=0, failure=""):
    """The results in the output of a test program that ended with `status`, or that the
    machine ended for the reason `failure`. A program that dies, prints nothing, or runs
    less than it planned is a failure of its own."""
    reader = Reader(group)
    for line in output.splitlines():
        reader.read(line)
    results = reader.take(0, failure or f"ended before its plan, with status {status}")
    failed = any(result.verdict == "failed" for result in results)
    if failure:
        if not results or results[-1].reason != failure:
            results.append(Result(group, "failed", failure, reader.details))
    elif not results:
        results.append(Result(group, "failed", f"no TAP output, status {status}", reader.details))
    elif status not in (0, 4) and not failed:
        results.append(Result(group, "failed", f"all tests passed, but the status is {status}", reader.details))
    return results
