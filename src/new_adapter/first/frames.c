
/* Gives a block back. Skipped when the slot is empty. */
static bool op_free(struct world *world, int fields, FILE *event)
{
    uint64_t slot = json_u64(world->json, json_get(world->json, fields, "slot"));
    if (slot >= SLOTS || world->full[slot])
        return false; /* a free of a full slot is not written yet */
    fputs("{\"skipped\":{}}", event);
    return true;
}
