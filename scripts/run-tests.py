#!/usr/bin/env python3
"""Run the test suites of one or more build folders and end with 'N passed, N failed, N skipped'."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: run-tests.py BUILD[:suite,suite...]...
#
# Cases of TAP tests are counted one by one; a test of another kind, or one that
# died before it said anything, counts once.

import json
import os
import re
import subprocess
import sys

TAP_LINE = re.compile(r'^(ok|not ok) \d+(.*)$')
GOOD = ('OK', 'EXPECTEDFAIL')


def count_cases(test):
    """(passed, failed, skipped) of one entry of meson's testlog.json"""
    passed = failed = skipped = 0
    for line in test.get('stdout', '').splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        if match.group(1) == 'not ok':
            failed += 1
        elif '# SKIP' in match.group(2).upper():
            skipped += 1
        else:
            passed += 1
    if test['result'] == 'SKIP':
        return 0, 0, max(skipped, 1)
    if test['result'] not in GOOD:
        return passed, max(failed, 1), skipped
    if passed + skipped == 0:
        passed = 1
    return passed, 0, skipped


def sanitized(build):
    """Sanitizers make tests slow: their time limits are stretched"""
    with open(os.path.join(build, 'meson-info', 'intro-buildoptions.json'), encoding='utf-8') as f:
        options = {option['name']: option['value'] for option in json.load(f)}
    return options.get('b_sanitize', 'none') != 'none'


def run_build(build, suites):
    """Run meson test in one build folder; returns (status, tests of the log)"""
    log = os.path.join(build, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.unlink(log)
    command = ['meson', 'test', '-C', build, '--print-errorlogs', '--no-rebuild']
    if sanitized(build):
        command += ['--timeout-multiplier', '4']
    for suite in suites:
        command += ['--suite', suite]
    env = dict(os.environ)
    env.setdefault('UBSAN_OPTIONS', 'print_stacktrace=1:halt_on_error=1')
    status = subprocess.call(command, stdin=subprocess.DEVNULL, env=env)
    if not os.path.exists(log):
        return status, []
    with open(log, encoding='utf-8') as lines:
        return status, [json.loads(line) for line in lines if line.strip()]


def main():
    total = [0, 0, 0]
    bad = []
    for arg in sys.argv[1:]:
        build, _, suites = arg.partition(':')
        status, tests = run_build(build, [s for s in suites.split(',') if s])
        if not tests:
            total[1] += 1
            bad.append(f'{build}: no test ran (meson test ended with status {status})')
        for test in tests:
            counts = count_cases(test)
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                bad.append(f"{build}: {test['name']}: {test['result']}")
    for line in bad:
        print('failed:', line)
    print('%d passed, %d failed, %d skipped' % tuple(total))
    return 1 if total[1] else 0


if __name__ == '__main__':
    sys.exit(main())
