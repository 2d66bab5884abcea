
/* The hosting filesystem has blocks of so many bytes from now on. */
static bool op_set_block_size(struct world *world, int fields, FILE *event)
{
    world->block_bytes = json_u64(world->json, json_get(world->json, fields, "bytes"));
    fputs("{\"block_size\":{\"answer\":{\"done\":{}}}}", event);
    return true;
}
