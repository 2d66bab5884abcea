
/* Makes a process with an empty address space. */
static bool op_spawn(struct world *world, int fields, FILE *event)
{
    uint64_t process = json_u64(world->json, json_get(world->json, fields, "process"));
    if (process >= PROCESSES)
        return false;
    bool lives = (process == 0) != world->changed[process];
    fputs(lives ? "{\"answer\":{\"refused\":{\"error\":\"process_exists\"}}}"
                : "{\"answer\":{\"done\":{}}}", event);
    world->changed[process] = process != 0;
    return true;
}
