#!/usr/bin/env python3
"""Lets Lawbook judge the constructors and destructors of C, as compiler, linker and libc run them.

Each module is a program, `module.c` with its pairs: to start it is to load the module, and to let
it end is to unload it. The arguments are the compiler's command, `cc` where there are none.
"""

import functools
import json
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

COMPILER = sys.argv[1:] or ["cc"]
CANNOT = "built_in boot_log references reentrant exit_errors panics blacklist parameters legacy"
PROFILE = {"permanence": "never", "failure": "negative", "held": "unwind", "nulls": True}
PROFILE |= dict.fromkeys([*CANNOT.split(), "entries"], False)
FOLDER = tempfile.TemporaryDirectory(prefix="lawbook-c-init-")
Pair = namedtuple("Pair", "priority init exit", defaults=[None, None])


@functools.cache
def compiled(pairs):
    """The program of a module; the same for all modules with such pairs."""
    program = f"{FOLDER.name}/{compiled.cache_info().misses}"
    source = Path(__file__).with_name("module.c")
    subprocess.run([*COMPILER, f"-DPAIRS={pairs}", "-o", program, source], check=True)
    return program


class Module:
    """A module, and the process that it is while it is live."""

    def __init__(self, number, calls, linkage, pairs):
        self.number, self.calls, self.process = number, calls, None
        self.pairs = [Pair(**pair) for pair in pairs]
        text = ""
        for index, pair in enumerate(self.pairs):
            # GCC takes 101 to 65535: what is less stays less, and what is equal stays equal.
            priority = 101 + sum(other.priority < pair.priority for other in self.pairs)
            text += f"INIT({index}, {priority}) " if pair.init else ""
            text += f"EXIT({index}, {priority}) " if pair.exit else ""
        self.program = compiled(text)

    def load(self):
        if self.process:
            return {"refused": {"error": "already_loaded"}}
        inits = [pair.init or {"end": {"returns": {"code": 0}}} for pair in self.pairs]
        codes = [str(init["end"]["returns"]["code"]) for init in inits]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(self.program, env={"CODES": " ".join(codes)}, **pipes)
        code = self.hear()
        return {"loaded": {}} if self.process else {"failed": {"failure": {"code": {"code": code}}}}

    def unload(self):
        if not self.process:
            return {"refused": {"error": "not_loaded"}}
        self.process.stdin.close()
        self.hear()
        return {"unloaded": {}}

    def hear(self):
        """Notes what the process calls until it is live or has ended; returns the last code."""
        code = None
        for line in self.process.stdout:
            half, *numbers = line.split()
            if half == "live":
                return code
            self.calls.append({"half": half, "module": self.number, "pair": int(numbers[0])})
            code = int(numbers[1]) if half == "init" else code
        self.end()
        return code

    def end(self):
        if self.process:
            with self.process as process:
                process.kill()
        self.process = None


class Case:
    """The modules of a case. Each kind of op has its method, with its fields for arguments."""

    def __init__(self, modules, twin=None):
        self.calls = []
        self.modules = [Module(i, self.calls, **module) for i, module in enumerate(modules)]

    def step(self, op):
        self.calls.clear()
        ((kind, fields),) = op.items()
        answer = getattr(self, kind + "_")(**fields)
        left = [{"state": "live" if module.process else "unloaded"} for module in self.modules]
        done = {"calls": self.calls[:], "answer": answer, "left": left}
        return {"done": done} if answer else {"skipped": {}}

    def load_(self, module):
        return self.modules[module].load()

    def unload_(self, module):
        return self.modules[module].unload()

    def break_(self, module, pair, end):
        init = self.modules[module].pairs[pair].init
        return init and (init.update(end=end) or {"done": {}})

    def repair_(self, module, pair):
        return self.break_(module, pair, {"returns": {"code": 0}})


def run(id, setup, ops):
    case = Case(**setup)
    events = [case.step(op) for op in ops]
    for module in case.modules:
        module.end()
    return {"id": id, "events": events}


greeting = json.loads(sys.stdin.readline())
assert greeting == {"lawbook": 1, "mechanism": "init"}, greeting
greeting |= {"name": "c-constructors", "version": "1", "profile": PROFILE}
print(json.dumps(greeting), flush=True)
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
