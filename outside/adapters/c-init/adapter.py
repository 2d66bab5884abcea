#!/usr/bin/env python3
"""Lets Lawbook judge the constructors and destructors of C, as compiler, linker and libc run them.

Each module is a program, `module.c` with its pairs: to start it is to load the module, and to let
it end is to unload it. The arguments are the compiler's command, `cc` where there are none.
Programs are kept in `target/adapters/c-init` for the modules to come that have just these pairs.
"""

import hashlib
import json
import os
import sys
from collections import namedtuple
from pathlib import Path
from subprocess import PIPE, Popen, run as execute

CANNOT = "built_in boot_log references reentrant exit_errors panics blacklist parameters legacy"
PROFILE = {"permanence": "never", "failure": "negative", "held": "unwind", "nulls": True}
PROFILE |= dict.fromkeys([*CANNOT.split(), "entries"], False)
SOURCE = Path(__file__).with_name("module.c")
PROGRAMS = Path(__file__).resolve().parents[3] / "target/adapters/c-init"
COMPILER = sys.argv[1:] or ["cc"]
VERSION = execute([*COMPILER, "--version"], stdout=PIPE, text=True, check=True).stdout
SUCCESS = {"returns": {"code": 0}}
Pair = namedtuple("Pair", "priority init exit", defaults=[None, None])


def compiled(pairs):
    """The program of a module with these pairs."""
    command = [*COMPILER, f"-DPAIRS={pairs}"]
    named = "\0".join([*command, VERSION, SOURCE.read_text()])
    program = PROGRAMS / hashlib.sha256(named.encode()).hexdigest()
    if not program.exists():
        draft = f"{program}.{os.getpid()}"
        execute([*command, "-o", draft, SOURCE], check=True)
        os.rename(draft, program)
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
        ends = [pair.init["end"] if pair.init else SUCCESS for pair in self.pairs]
        codes = " ".join(str(end["returns"]["code"]) for end in ends)
        self.process = Popen(self.program, env={"CODES": codes}, stdin=PIPE, stdout=PIPE, text=True)
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
        with self.process:
            self.process = None
        return code


class Case:
    """The modules of a case. Each kind of op has its method, with its fields for arguments."""

    def __init__(self, modules, twin=None):
        self.calls = []
        self.modules = [Module(i, self.calls, **module) for i, module in enumerate(modules)]

    def step(self, op):
        ((kind, fields),) = op.items()
        self.calls.clear()
        answer = getattr(self, kind + "_")(**fields)
        left = [{"state": "live" if module.process else "unloaded"} for module in self.modules]
        done = {"done": {"calls": self.calls[:], "answer": answer, "left": left}}
        return done if answer else {"skipped": {}}

    def load_(self, module):
        return self.modules[module].load()

    def unload_(self, module):
        return self.modules[module].unload()

    def break_(self, module, pair, end):
        if init := self.modules[module].pairs[pair].init:
            init["end"] = end
            return {"done": {}}

    def repair_(self, module, pair):
        return self.break_(module, pair, SUCCESS)


def run(id, setup, ops):
    case = Case(**setup)
    events = [case.step(op) for op in ops]
    for module in case.modules:
        module.unload()
    return {"id": id, "events": events}


PROGRAMS.mkdir(parents=True, exist_ok=True)
greeting = json.loads(sys.stdin.readline())
assert greeting == {"lawbook": 1, "mechanism": "init"}, greeting
greeting |= {"name": "c-constructors", "version": "1", "profile": PROFILE}
print(json.dumps(greeting), flush=True)
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
