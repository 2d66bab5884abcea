/* An adapter of @MECHANISM@ for Lawbook: reads cases on standard input, answers with events.
 *
 * Judge it: make && lawbook check @MECHANISM@ --adapter ./adapter */

#define _POSIX_C_SOURCE 200809L

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* What the implementation can do: cases stay inside it, and each ability brings its laws. */
static const char PROFILE[] = @PROFILE@;

@INIT@/* The world of one case, made afresh for each; ops name things by the case's own numbers. */
struct world {
    const struct json *json; /* the case */
    int setup;
@WORLD@};

/* An op writes its event, and returns whether it could: a case with an op that can't be done yet is
 * unsupported, which is counted and never a pass. */
typedef bool op(struct world *world, int fields, FILE *event);
@FIRST@
@OPS@
static const struct { const char *name; op *op; } OPS[] = {
@TABLE@};

static op *find(const struct json *json, int name)
{
    for (size_t at = 0; at < sizeof OPS / sizeof *OPS; at++)
        if (json_is(json, name, OPS[at].name))
            return OPS[at].op;
    return NULL;
}

/* The answer to a case: an event for each op, in their order. */
static void answer(const struct json *json)
{
    struct world world = { .json = json, .setup = json_get(json, 0, "setup") };
    uint64_t id = json_u64(json, json_get(json, 0, "id"));
    int ops = json_get(json, 0, "ops"), count = json_count(json, ops);
    char *events = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&events, &length);
    int undone = -1;
    for (int at = 0, here = ops + 1; at < count && undone < 0; at++, here = json_next(json, here)) {
        int name = here + 1;
        op *op = find(json, name);
        if (at > 0)
            fputc(',', out);
        if (op == NULL || !op(&world, name + 1, out))
            undone = name;
    }
    fclose(out);
    printf("{\"id\":%llu,", (unsigned long long)id);
    if (undone < 0)
        printf("\"events\":[%s]}\n", events);
    else
        printf("\"unsupported\":\"%.*s is not written yet\"}\n", json_text(json, undone));
    free(events);
    fflush(stdout); /* Lawbook waits for every line. */
}

int main(void)
{
    struct json json = { 0 };
    char *line = NULL;
    size_t room = 0;
    if (getline(&line, &room, stdin) < 0)
        return 0;
    json_parse(&json, line);
    if (json_u64(&json, json_get(&json, 0, "lawbook")) != 1)
        return 1;
    printf("{\"lawbook\":1,\"mechanism\":\"@MECHANISM@\",\"name\":\"my-@MECHANISM@\","
           "\"version\":\"0.1\",\"profile\":%s}\n", PROFILE);
    fflush(stdout);
    while (getline(&line, &room, stdin) >= 0) {
        json_parse(&json, line);
        answer(&json);
    }
    json_free(&json);
    free(line);
    return 0;
}
