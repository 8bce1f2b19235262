"""Runs the ported Autobahn testsuite; check-server and check-client call this in the venv.

    run.py server URL [--agent NAME] [--cases PATTERNS] [--exclude PATTERNS] [--out DIR]
    run.py client [the same options] [--tls CERTIFICATE KEY] -- COMMAND...
                                                       (the server's URL becomes COMMAND's last argument)
    run.py selftest

PATTERNS: comma-separated, '*' is a wildcard: 1.*,6.4.*,7.1.6
Exit: 0 every case ran and is OK; 1 some are NON-STRICT, FAILED or UNIMPLEMENTED (or COMMAND failed);
2 the suite itself did not run.
"""

import argparse
import collections
import contextlib
import fnmatch
import os
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")

from twisted.internet import epollreactor

epollreactor.install()
from twisted.internet import reactor, ssl
from twisted.python import log

import autobahntestsuite
from autobahntestsuite import case as suite, fuzzing, to_bytes
from autobahntestsuite.caseset import CaseSet

TOTAL = 517
CASES = CaseSet("websocket", "Case", suite.Cases, suite.CaseCategories, suite.CaseSubCategories)
GOOD_CLOSE = ("OK", "INFORMATIONAL")


def suite_error(text):
    print(f"autobahn: the suite could not run: {text}", flush=True)
    sys.exit(2)


def selftest():
    """The port's own checks: all cases are there, and their payloads are the bytes they were."""
    assert len(suite.Cases) == TOTAL, len(suite.Cases)
    assert to_bytes(suite.Case6_2_1.PAYLOAD) == "Hello-µ@ßöäüàá-UTF-8!!".encode("utf-8")
    for c in suite.Case6_X_X:
        try:
            valid = to_bytes(c.PAYLOAD).decode("utf-8") is not None
        except UnicodeDecodeError:
            valid = False
        assert bool(c.isValid) == valid, c
    print(f"autobahn selftest: autobahntestsuite {autobahntestsuite.version}, {TOTAL} cases")


def select(cases, exclude):
    """The case ids that the patterns name; a pattern that names none is an error."""
    lists = [[p.strip() for p in x.split(",") if p.strip()] for x in (cases, exclude)]
    all_ids = [CASES.caseClasstoId(c) for c in suite.Cases]
    for p in lists[0] + lists[1]:
        if not fnmatch.filter(all_ids, p):
            suite_error(f"no case matches {p!r}")
    wanted, unwanted = ({i for p in ps for i in fnmatch.filter(all_ids, p)} for ps in lists)
    ids = [i for i in all_ids if i in wanted - unwanted]
    if not ids:
        suite_error("no case selected")
    return ids


def report(kind, ids, results, out, notes):
    """Prints what is not plainly OK, the counts by section and the closing line; returns the exit status."""
    counts, sections = collections.Counter(), {}
    for i in ids:
        r = results.get(i)
        if r is None:
            verdict, shown = "FAILED", "FAILED: not run"
        else:
            verdict = shown = r["behavior"]
            text = r["result"]
            if verdict in ("OK", "NON-STRICT", "INFORMATIONAL") and r["behaviorClose"] not in GOOD_CLOSE:
                verdict, shown, text = "FAILED", f"FAILED (close {r['behaviorClose']})", r["resultClose"]
            elif verdict == "INFORMATIONAL":
                verdict = "OK"
            elif verdict not in ("OK", "NON-STRICT", "UNIMPLEMENTED"):
                verdict = "FAILED"
            if shown != "OK":
                shown += f": {text} [close {r['behaviorClose']}, code {r['remoteCloseCode']}]"
        if shown != "OK" and shown.split(":")[0] != "UNIMPLEMENTED":
            print(f"case {i}: {shown}")
        counts[verdict] += 1
        sections.setdefault(i.split(".")[0], collections.Counter())[verdict] += 1
    words = ("OK", "NON-STRICT", "FAILED", "UNIMPLEMENTED")
    line = lambda c: f"{sum(c.values())} cases: " + ", ".join(f"{c[w]} {w}" for w in words)
    for s in sections:
        print(f"section {s}: {line(sections[s])}")
    for n in notes:
        print(f"autobahn: {n}")
    print(f"autobahn: details of each case in {os.path.relpath(out)}")
    print(f"autobahn {kind}: {line(counts)}", flush=True)
    return 1 if notes or counts["OK"] != len(ids) else 0


def main():
    argv = sys.argv[1:]
    command = []
    if "--" in argv:
        command = argv[argv.index("--") + 1:]
        argv = argv[:argv.index("--")]
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="kind", required=True)
    sub.add_parser("selftest")
    for kind in ("server", "client"):
        p = sub.add_parser(kind)
        if kind == "server":
            p.add_argument("url")
        else:
            p.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="PEM files: listen for wss://")
        p.add_argument("--agent", help="name of the peer in the reports")
        p.add_argument("--cases", default="*")
        p.add_argument("--exclude", default="")
        p.add_argument("--out", help="report folder (default: reports/KIND in the venv)")
        p.add_argument("--timeout", type=float, default=1800, help="seconds for the whole run")
    args = ap.parse_args(argv)
    if args.kind == "selftest":
        return selftest()
    if (args.kind == "client") != bool(command):
        ap.error("check-client needs '-- COMMAND', check-server takes none")

    ids = select(args.cases, args.exclude)
    out = args.out or os.path.join(sys.prefix, "reports", args.kind)
    os.makedirs(out, exist_ok=True)
    for f in os.listdir(out):  # an old report must not pass for this run's
        if f == "index.json" or "_case_" in f:
            os.remove(os.path.join(out, f))

    errors, notes, child = [], [], None
    log.addObserver(lambda e: errors.append(log.textFromEventDict(e)) if e.get("isError") else None)

    def give_up():
        notes.append(f"stopped after {args.timeout:.0f} s, before the last case")
        reactor.stop()

    reactor.callLater(args.timeout, give_up)
    suite_log = os.path.join(out, "suite.log")
    spec = {"outdir": out, "cases": ids, "exclude-cases": []}
    with open(suite_log, "w", buffering=1) as f, contextlib.redirect_stdout(f):
        if args.kind == "server":
            spec["servers"] = [{"url": args.url, "agent": args.agent or "server"}]
            factory = fuzzing.FuzzingClientFactory(spec)
            reactor.run()
        else:
            factory = fuzzing.FuzzingServerFactory(dict(spec, url="ws://127.0.0.1:1"))
            scheme, listen = "ws", reactor.listenTCP
            if args.tls:
                certificate, key = args.tls
                context = ssl.DefaultOpenSSLContextFactory(key, certificate, ssl.SSL.TLS_METHOD)
                scheme, listen = "wss", lambda *a, **k: reactor.listenSSL(*a, context, **k)
            port = listen(0, factory, interface="127.0.0.1").getHost().port
            url = f"{scheme}://127.0.0.1:{port}"
            factory.setSessionParameters(url=url, server=f"AutobahnTestSuite/{autobahntestsuite.version}")
            child = subprocess.Popen(command + [url], stdin=subprocess.DEVNULL)

            def poll():
                if child.poll() is None:
                    reactor.callLater(0.1, poll)
                else:  # a last moment for connections being closed
                    reactor.callLater(1, lambda: reactor.running and reactor.stop())

            reactor.callWhenRunning(poll)
            reactor.run()
            if child.poll() is None:
                child.kill()
            if child.wait() != 0:
                notes.append(f"the client command ended with status {child.returncode}")
        factory.createReports()

    agents = factory.agents
    if errors:
        suite_error(f"{len(errors)} internal error(s), printed by Twisted above")
    if not agents:
        with open(suite_log) as f:
            suite_error(f"no case was run; its last words: {(f.read().splitlines() or ['none'])[-1][:300]}")
    if args.agent and args.agent not in agents:
        suite_error(f"no agent {args.agent!r} among {sorted(agents)}")
    if not args.agent and len(agents) > 1:
        suite_error(f"more than one agent ran cases: {sorted(agents)}; choose with --agent")
    results = agents[args.agent or next(iter(agents))]
    return report(args.kind, ids, results, out, notes)


sys.exit(main())
