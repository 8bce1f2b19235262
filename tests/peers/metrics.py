"""Reads metrics from stdin with Prometheus' own parser and prints them as `name{label="value",…} value` lines.

It also holds them to what the format asks for and that parser lets pass: exit code 1 says what is wrong.
"""

import re
import sys

from prometheus_client.parser import text_string_to_metric_families

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*\Z")


def check_lines(text):
    if not text.endswith("\n") or "\r" in text:
        sys.exit("metrics.py: lines end with a line feed, the last one too")
    told, current = {}, None
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            kind, name, rest = line[2:].split(" ", 2)
            if (kind, name) in told or name != current and any(known == name for _, known in told):
                sys.exit(f"metrics.py: {name} is begun twice")
            if kind == "TYPE" and ("HELP", name) not in told:
                sys.exit(f"metrics.py: {name} has no HELP before its TYPE")
            if kind == "TYPE" and rest not in ("counter", "gauge"):
                sys.exit(f"metrics.py: {name} is a {rest}")
            if kind == "TYPE" and (rest == "counter") != name.endswith("_total"):
                sys.exit(f"metrics.py: {name} is a {rest}")
            if kind == "HELP" and not rest.endswith("."):
                sys.exit(f"metrics.py: {name}: {rest}")
            told[kind, name] = rest
            current = name
        else:
            name = re.split(r"[{ ]", line)[0]
            if name != current or ("TYPE", name) not in told:
                sys.exit(f"metrics.py: {line!r} does not stand behind its TYPE")


def main():
    text = sys.stdin.read()
    check_lines(text)
    seen = set()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            if not NAME.match(sample.name) or not all(map(LABEL.match, sample.labels)):
                sys.exit(f"metrics.py: {sample.name} {labels}: not a name")
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            if key in seen:
                sys.exit(f"metrics.py: {key} is there twice")
            seen.add(key)
            print(key, sample.value)


main()
