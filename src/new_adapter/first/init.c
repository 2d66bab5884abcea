
/* What is left of each module, in link order. */
static void left(const struct world *world, FILE *event)
{
    int modules = json_get(world->json, world->setup, "modules");
    for (int at = 0; at < json_count(world->json, modules); at++)
        fprintf(event, "%s{\"state\":\"%s\"}", at > 0 ? "," : "",
                world->live[at] ? "live" : "unloaded");
}

/* From now on an init returns 0. Skipped when it is NULL. */
static bool op_repair(struct world *world, int fields, FILE *event)
{
    const struct json *json = world->json;
    uint64_t module = json_u64(json, json_get(json, fields, "module"));
    uint64_t pair = json_u64(json, json_get(json, fields, "pair"));
    int modules = json_get(json, world->setup, "modules");
    int pairs = json_get(json, json_at(json, modules, module), "pairs");
    if (json_get(json, json_at(json, pairs, pair), "init") < 0) {
        fputs("{\"skipped\":{}}", event);
        return true;
    }
    if (module >= MODULES)
        return false;
    fputs("{\"done\":{\"answer\":{\"done\":{}},\"left\":[", event);
    left(world, event);
    fputs("]}}", event);
    return true;
}
