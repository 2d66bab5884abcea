#!/usr/bin/env python3
"""Init and exit on `contextlib.ExitStack`, and an adapter that lets Lawbook judge it.

A load pushes the exit of each pair that completed on a stack. An init that fails raises, and so
leaves the `with`, which unwinds; a module that is live keeps its stack, and an unload closes it.
What is told of failures is what the library left of them: the exception that came out of it, and
the contexts of that.
"""

import json
import sys
from contextlib import ExitStack

CAN = "exit_errors panics nulls entries"
CANNOT = "built_in boot_log references reentrant blacklist parameters legacy"
PROFILE = {"permanence": "never", "failure": "negative", "held": "unwind"}
PROFILE |= dict.fromkeys(CAN.split(), True) | dict.fromkeys(CANNOT.split(), False)


class Failed(Exception):
    """A callback of this pair failed like this."""

    def __init__(self, pair, failure):
        super().__init__(pair, failure)
        self.report = {"pair": pair, "failure": failure}


class Pair:
    def __init__(self, priority, init=None, exit=None):
        self.priority, self.init, self.exit = priority, init, exit


class Module:
    """A module, and the stack of its exits while it is live."""

    def __init__(self, number, calls, linkage, pairs):
        self.number, self.calls = number, calls
        self.pairs = [Pair(**pair) for pair in pairs]
        self.stack, self.entries = None, set()

    def load(self):
        if self.stack:
            return {"refused": {"error": "already_loaded"}}
        try:
            with ExitStack() as stack:
                # The order is ours; sorted() keeps ties as they were registered.
                for index in sorted(range(len(self.pairs)), key=lambda i: self.pairs[i].priority):
                    pair = self.pairs[index]
                    if pair.init:
                        self.call(stack, "init", index, **pair.init)
                    if pair.exit:
                        stack.callback(self.call, stack, "exit", index, **pair.exit)
                self.stack = stack.pop_all()
        except Failed as error:
            init, *exits = chain(error)
            return {"failed": {"failure": init["failure"], "exits": exits}}
        return {"loaded": {}}

    def unload(self):
        if not self.stack:
            return {"refused": {"error": "not_loaded"}}
        stack, self.stack = self.stack, None
        try:
            stack.close()
        except Failed as error:
            return {"unloaded": {"exits": chain(error)}}
        return {"unloaded": {}}

    def call(self, stack, half, index, end, acts=()):
        """A callback: it is noted, and does and ends as it is told."""
        deeds = [self.act(stack, index, **act) for act in acts]
        self.calls.append({"half": half, "module": self.number, "pair": index, "deeds": deeds})
        if "panics" in end:
            raise Failed(index, {"panic": {}})
        code = end["returns"]["code"]
        if code < 0 or (half == "exit" and code != 0):
            raise Failed(index, {"code": {"code": code}})

    def act(self, stack, index, enter):
        name = f"m{self.number}.{index}"
        self.entries.add(name)
        stack.callback(self.entries.discard, name)
        return {"answer": {"done": {}}}

    def left(self):
        return {"state": "live" if self.stack else "unloaded", "entries": sorted(self.entries)}


def chain(error):
    """The failures that an exception tells of: those of its contexts, and then its own."""
    return [*(chain(error.__context__) if error.__context__ else []), error.report]


class Case:
    """The modules of a case, and the callbacks that one op calls.

    Each kind of op has its method, with the op's fields for arguments: an unknown field is an
    error. It returns the answer, or None when the op is skipped.
    """

    def __init__(self, modules, twin=None):
        self.calls = []
        self.modules = [Module(i, self.calls, **module) for i, module in enumerate(modules)]

    def step(self, op):
        self.calls.clear()
        ((kind, fields),) = op.items()
        answer = getattr(self, kind + "_")(**fields)
        if answer is None:
            return {"skipped": {}}
        left = [module.left() for module in self.modules]
        return {"done": {"calls": self.calls[:], "answer": answer, "left": left}}

    def load_(self, module):
        return self.modules[module].load()

    def unload_(self, module):
        return self.modules[module].unload()

    def break_(self, module, pair, end):
        init = self.modules[module].pairs[pair].init
        if init is None:
            return None
        init["end"] = end
        return {"done": {}}

    def repair_(self, module, pair):
        return self.break_(module, pair, {"returns": {"code": 0}})


def run(id, setup, ops):
    case = Case(**setup)
    return {"id": id, "events": [case.step(op) for op in ops]}


greeting = json.loads(sys.stdin.readline())
if greeting != {"lawbook": 1, "mechanism": "init"}:
    sys.exit(f"expected version 1 and init, found {greeting}")
greeting |= {"name": "python-exit-stack", "version": sys.version.split()[0], "profile": PROFILE}
print(json.dumps(greeting), flush=True)
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
