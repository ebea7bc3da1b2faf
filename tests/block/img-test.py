#!/usr/bin/env python3
"""What mica-img does better than it must: whole targets or none, images in use, help that is complete."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: img-test.py MICA_IMG MICA_IO TOP_OF_SOURCES

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

IMG, IO, TOP = sys.argv[1:4]


def run(*args, **kwargs):
    """A program's status, output and messages"""
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False, **kwargs)
    return done.returncode, done.stdout, done.stderr


def must(*args):
    """The output of a program that succeeds"""
    status, out, err = run(*args)
    assert status == 0, (args, status, err)
    return out


def make_source(folder, size='2M'):
    """A raw image full of one byte"""
    path = os.path.join(folder, 'source')
    must(IMG, 'create', '-q', '-f', 'raw', path, size)
    must(IO, '-f', 'raw', '-c', f'write -q -P 7 0 {size}', path)
    return path


def test_signal_leaves_nothing(folder):
    """A convert that is ended by a signal leaves no file"""
    source = make_source(folder, '8M')
    target = os.path.join(folder, 'target')
    with subprocess.Popen([IMG, 'convert', '-f', 'raw', '-O', 'qcow2', '-r', '1M', source,
                           target]) as child:
        deadline = time.monotonic() + 20
        while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not os.path.exists(target), 'the target has its name before it is whole'
        assert len(os.listdir(folder)) == 2, os.listdir(folder)
        # The file is there a moment before the handler knows it: both are over by then.
        while child.poll() is None and len(os.listdir(folder)) > 1:
            time.sleep(0.05)
            child.send_signal(signal.SIGTERM)
        assert child.wait(20) == -signal.SIGTERM
    assert os.listdir(folder) == ['source'], os.listdir(folder)


def limit_files():
    """Files end at 1 MiB, and writes behind that fail"""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def test_failed_write_leaves_nothing(folder):
    """A convert that cannot write leaves no file, and the source as it was"""
    source = make_source(folder)
    for form in ('raw', 'qcow2'):
        status, _, err = run(IMG, 'convert', '-f', 'raw', '-O', form, source,
                             os.path.join(folder, 'target'), preexec_fn=limit_files)
        assert status == 1 and 'File too large' in err, (form, status, err)
        assert '.part' not in err, err
        assert os.listdir(folder) == ['source'], os.listdir(folder)
    must(IO, '-f', 'raw', '-c', 'read -P 7 0 2M', source)


def test_failed_commit_keeps_the_overlay(folder):
    """A commit or rebase that cannot write says so, and loses nothing"""
    base, over = os.path.join(folder, 'base'), os.path.join(folder, 'over')
    must(IMG, 'create', '-q', '-f', 'qcow2', base, '4M')
    must(IMG, 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', over)
    must(IO, '-c', 'write -P 3 0 4M', over)
    status, out, err = run(IMG, 'commit', over, preexec_fn=limit_files)
    assert status == 1 and 'committed' not in out and err, (status, out, err)
    for path in (base, over):
        assert run(IMG, 'check', '-q', path)[0] in (0, 3), 'more than leaks'
    out = must(IO, '-r', '-c', 'read -P 3 0 4M', over)
    assert 'failed' not in out, out


def test_in_use(folder):
    """An image that another program writes is refused, but with -U shown"""
    path = os.path.join(folder, 'image')
    must(IMG, 'create', '-q', '-f', 'qcow2', path, '1M')
    with subprocess.Popen([IO, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as user:
        user.stdout.read(len('mica-io> '))
        for command in (['info'], ['convert', '-O', 'raw'], ['snapshot', '-c', 'x']):
            tail = [os.path.join(folder, 'target')] if command[0] == 'convert' else []
            status, _, err = run(IMG, *command, path, *tail)
            assert status == 1 and 'lock' in err and path in err, (command, status, err)
        must(IMG, 'info', '-U', path)
        user.stdin.close()
        user.wait(20)
    must(IMG, 'info', path)
    assert os.listdir(folder) == ['image'], os.listdir(folder)


def test_existing_target(folder):
    """A target that exists is written in place"""
    source = make_source(folder)
    target = os.path.join(folder, 'target')
    with open(target, 'wb') as f:
        f.write(b'x' * 100)
    inode = os.stat(target).st_ino
    must(IMG, 'convert', '-f', 'raw', '-O', 'raw', source, target)
    assert os.stat(target).st_ino == inode
    must(IMG, 'compare', '-f', 'raw', '-F', 'raw', source, target)


def test_copy_by_the_host(folder):
    """convert -C: data and holes as they are; where the host cannot copy it is read and written"""
    source, target = os.path.join(folder, 'source'), os.path.join(folder, 'target')
    must(IMG, 'create', '-q', '-f', 'raw', source, '12M')
    must(IO, '-f', 'raw', '-c', 'write -q -P 7 1M 3M', '-c', 'write -q -P 0 6M 1M', source)
    for form, options in (('raw', []), ('qcow2', []), ('qcow2', ['-c'])):
        image = os.path.join(folder, 'image')
        must(IMG, 'convert', '-f', 'raw', '-O', form, *options, source, image)
        for out in ('raw', 'qcow2'):
            must(IMG, 'convert', '-C', '-f', form, '-O', out, image, target)
            must(IMG, 'compare', '-f', 'raw', '-F', out, source, target)
            os.unlink(target)
        os.unlink(image)
    must(IMG, 'convert', '-C', '-f', 'raw', '-O', 'raw', source, target)
    allocated = [os.stat(path).st_blocks // 2048 for path in (source, target)]
    assert allocated == [4, 4], f'{allocated} MiB are allocated'


def test_broken_output(_folder):
    """Output that cannot be written is an error"""
    with open('/dev/full', 'w', encoding='ascii') as full:
        done = subprocess.run([IMG, 'measure', '--size', '1M'], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b'standard output' in done.stderr, done


def page(name):
    """A man page without its quoting"""
    with open(os.path.join(TOP, 'docs', 'man', name), encoding='utf-8') as f:
        return f.read().replace('\\-', '-')


def test_manual(_folder):
    """Each command and option of the help is in the man page"""
    usage = must(IMG, '--help').split('Command syntax:\n')[1].split('\n\n')[0]
    text = page('mica-img.1')
    for line in usage.splitlines():
        name, _, rest = line.strip().partition(' ')
        assert f'.SS {name} ' in text, name
        for option in re.findall(r'--?[A-Za-z][a-z-]*', rest):
            assert re.search(re.escape(option) + r'(?![a-z])', text), (name, option)
    text = page('mica-io.1')
    for option in re.findall(r'(?<![a-z])--?[A-Za-z][a-z-]*', must(IO, '--help')):
        assert option in text, option
    for line in must(IO, '-c', 'help').splitlines():
        if ' -- ' in line:
            assert re.search(r'\b' + line.split()[0] + r'\b', text), line


def complete(function, program, *words):
    """What bash would offer for the last word"""
    script = (f'source {TOP}/tools/mica-img.bash; compopt() {{ :; }}; '
              f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; '
              f'{function} {program}; echo "${{COMPREPLY[@]}}"')
    return must('bash', '-c', script).split()


def test_completion(_folder):
    """bash offers commands, options and formats"""
    assert complete('_mica_img', IMG, 'mica-img', 'co') == ['commit', 'compare', 'convert']
    assert '--salvage' in complete('_mica_img', IMG, 'mica-img', 'convert', '--')
    assert complete('_mica_img', IMG, 'mica-img', 'create', '-f', 'qco') == ['qcow2']
    assert complete('_mica_io', IO, 'mica-io', '-c', 'wri') == ['write', 'writev']


def main():
    tests = [(name, fn) for name, fn in globals().items() if name.startswith('test_')]
    failed = 0
    print(f'1..{len(tests)}', flush=True)
    for nr, (_, fn) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                fn(folder)
                print(f'ok {nr} {fn.__doc__}', flush=True)
            except (AssertionError, subprocess.TimeoutExpired, OSError) as e:
                failed += 1
                print(f'not ok {nr} {fn.__doc__}\n# {e!r}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
