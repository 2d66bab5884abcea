"""An adapter of @MECHANISM@ for Lawbook: reads cases on standard input, answers with events.

Judge it: lawbook check @MECHANISM@ --adapter "python3 adapter.py"
"""

import json
import sys

NAME, VERSION = "my-@MECHANISM@", "0.1"

# What the implementation can do: cases stay inside it, and each ability brings its laws.
PROFILE = json.loads("""
@PROFILE@
""")


class Unsupported(Exception):
    """An op that can't be done yet; its case is counted as unsupported, which is never a pass."""


class World:
    """The world of one case, made afresh for each; ops name things by the case's own numbers."""

    def __init__(self, setup):
        self.setup = setup
@WORLD@@FIRST@
@OPS@

def answer(request):
    """The answer to a case: an event for each op, in their order."""
    world = World(request["setup"])
    events = []
    try:
        for op in request["ops"]:
            [(name, fields)] = op.items()
            events.append(getattr(world, "op_" + name)(fields))
    except Unsupported as reason:
        return {"id": request["id"], "unsupported": str(reason)}
    return {"id": request["id"], "events": events}


def say(message):
    """Writes one line, at once: Lawbook waits for it."""
    print(json.dumps(message), flush=True)


def main():
    greeting = json.loads(sys.stdin.readline())
    assert greeting == {"lawbook": 1, "mechanism": "@MECHANISM@"}, greeting
    say({**greeting, "name": NAME, "version": VERSION, "profile": PROFILE})
    for line in sys.stdin:
        say(answer(json.loads(line)))


if __name__ == "__main__":
    main()
