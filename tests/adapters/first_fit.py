import json, sys
LACKS = "zones holes unaligned alloc_at free_count statistics mobility watermarks isolation caches"
UNSEEN = "double_free wrong_order unaligned never_allocated out_of_range"
CAN = {"most": 10, "kept": 0, "strict": True, "fragmentation": False}
CAN |= dict.fromkeys(LACKS.split(), False) | {"checks": dict.fromkeys(UNSEEN.split(), "unseen")}
ZONES = ["dma", "normal", "high_mem"]

def step(kind, slot=None, order=0, zone="high_mem", mobility=None):  # No answers: it is skipped.
    if kind == "alloc" and slot not in slots:
        for at in range(0, len(live), 2**order):
            if not any(live[at : at + 2**order]) and ZONES.index(zone) >= ZONES.index(own):
                slots[slot] = slice(at, at + 2**order)
                live[slots[slot]] = [True] * 2**order
                return [{"block": {"frame": base + at}}]
        return [{"refused": {"error": "out_of_memory"}}]
    if kind == "free" and (block := slots.pop(slot, None)):
        live[block] = [False] * (block.stop - block.start)
        return [{"done": {}}]
    if kind == "refill":  # Free all, take every block of the greatest order, free those again.
        frees = [step("free", slot)[0] for slot in sorted(slots)]
        blocks = [step("alloc", at, most)[0] for at in range(0, len(live), 2**most)]
        return frees + blocks + [step("free", slot)[0] for slot in sorted(slots)]

print(json.dumps(json.loads(input()) | {"name": "own", "version": "1", "profile": CAN}), flush=True)
for case in map(json.loads, sys.stdin):
    slots, most, (zone,) = {}, case["setup"]["most"], case["setup"]["zones"]
    own, base, live = zone["zone"], zone["run"]["base"], [False] * zone["run"]["frames"]
    answers = [step(kind, **ask) for ((kind, ask),) in map(dict.items, case["ops"])]
    events = [{"done": {"answers": done}} if done else {"skipped": {}} for done in answers]
    print(json.dumps({"id": case["id"], "events": events}), flush=True)
