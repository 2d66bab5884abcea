#!/usr/bin/env python3
"""A page-frame allocator on a plain list, and an adapter that lets Lawbook judge it.

From top to bottom: the allocator, which knows nothing of Lawbook; what it says of itself; the
slots and ops of a case; the protocol. To judge your own, put it in the place of the allocator.
"""

import json
import sys

ZONES = ["dma", "normal", "high_mem"]


class Refused(Exception):
    """A request was refused, and changed nothing. The text is an error of the contract."""


class Allocator:
    """One zone, as a list: `free[i]` says whether frame `base + i` is free."""

    def __init__(self, most, zone, run, holes=(), reserved=()):
        self.most, self.zone, self.base = most, zone, run["base"]
        self.free = [True] * run["frames"]
        self.live = {}  # The first frame of each block that is handed out, with its order.
        for unmanaged in [*holes, *reserved]:
            self.mark(**unmanaged, free=False)

    def alloc(self, order, zone):
        """Hands out the first free block, which begins at a multiple of its size."""
        size = 2**order
        if order <= self.most and ZONES.index(self.zone) <= ZONES.index(zone):
            for at in range(-self.base % size, len(self.free) - size + 1, size):
                if all(self.free[at : at + size]):
                    self.mark(self.base + at, size, free=False)
                    self.live[self.base + at] = order
                    return self.base + at
        raise Refused("out_of_memory")

    def free_block(self, frame, order):
        """Takes a block back only as it was handed out, and so sees every misuse."""
        if self.live.get(frame) != order:
            raise Refused("wrong_order" if frame in self.live else "not_allocated")
        del self.live[frame]
        self.mark(frame, 2**order, free=True)

    def mark(self, base, frames, free):
        at = base - self.base
        self.free[at : at + frames] = [free] * frames


MISUSES = "double_free wrong_order unaligned never_allocated out_of_range order_beyond"
CAN = "holes unaligned free_count strict"
CANNOT = "zones alloc_at statistics mobility watermarks isolation caches fragmentation"
PROFILE = {"most": 10, "kept": 0, "checks": dict.fromkeys(MISUSES.split(), "refused")}
PROFILE |= dict.fromkeys(CAN.split(), True) | dict.fromkeys(CANNOT.split(), False)


def answer(ask, *arguments):
    try:
        frame = ask(*arguments)
    except Refused as error:
        return {"refused": {"error": str(error)}}
    return {"done": {}} if frame is None else {"block": {"frame": frame}}


class Case:
    """An allocator, and the block that each full slot of the case holds.

    Each kind of op has its method, with the op's fields for arguments: an unknown field is an
    error. It returns the answers, or None when the op is skipped, as its slot does not allow it.
    """

    def __init__(self, zones, most):
        (zone,) = zones
        self.allocator = Allocator(most, **zone)
        self.most, self.slots = most, {}

    def step(self, op):
        ((kind, fields),) = op.items()
        answers = getattr(self, kind)(**fields)
        if answers is None:
            return {"skipped": {}}
        return {"done": {"answers": answers, "free": [sum(self.allocator.free)]}}

    def alloc(self, slot, order, zone, mobility):
        if slot in self.slots:
            return None
        block = answer(self.allocator.alloc, order, zone)
        if "block" in block:
            self.slots[slot] = (block["block"]["frame"], order)
        return [block]

    def alloc_beyond(self, order):
        return [answer(self.allocator.alloc, order, "high_mem")]

    def free(self, slot, times=1):
        if slot not in self.slots:
            return None
        block = self.slots[slot]
        answers = self.free_outside(*block)
        if "done" in answers[0]:  # What is not taken back stays in its slot.
            del self.slots[slot]
            answers += self.free_outside(*block) * (times - 1)
        return answers

    def free_twice(self, slot):
        return self.free(slot, times=2)

    def free_wrong_order(self, slot, order):
        frame, own = self.slots.get(slot, (None, order))
        return self.free_outside(frame, order) if own != order else None

    def free_inside(self, slot, offset, order):
        frame, own = self.slots.get(slot, (None, 0))
        inside = 0 < offset <= 2**own - 2**order
        return self.free_outside(frame + offset, order) if inside else None

    def free_never(self, frame, order):
        for base, own in self.slots.values():
            if base < frame + 2**order and frame < base + 2**own:
                return None
        return self.free_outside(frame, order)

    def free_outside(self, frame, order):
        return [answer(self.allocator.free_block, frame, order)]

    def refill(self):
        """Frees all, takes every block of the greatest order, and frees them again."""
        answers = [freed for slot in sorted(self.slots) for freed in self.free(slot)]
        taken = []
        while "block" in (block := answer(self.allocator.alloc, self.most, "high_mem")):
            taken.append(block)
        frees = [self.free_outside(block["block"]["frame"], self.most)[0] for block in taken]
        return answers + taken + frees


def run(id, setup, ops):
    case = Case(**setup)
    return {"id": id, "events": [case.step(op) for op in ops]}


greeting = json.loads(sys.stdin.readline())
if greeting != {"lawbook": 1, "mechanism": "frames"}:
    sys.exit(f"expected version 1 and frames, found {greeting}")
greeting |= {"name": "python-list", "version": "1", "profile": PROFILE}
print(json.dumps(greeting), flush=True)
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
