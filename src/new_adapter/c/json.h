/* Reads one line of JSON, as Lawbook writes it, into tokens: token 0 is the whole line, a member of an
 * object is its name followed by its value, and what is inside a token comes right after it.
 * 64-bit numbers stay whole. What is no JSON ends the program. */

#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_token {
    const char *start; /* of a string: behind its quote */
    int length;        /* in bytes */
    int count;         /* of an array or object: how many elements or members */
    int next;          /* the token behind this one and all inside it */
};

struct json {
    struct json_token *tokens;
    int used, room;
};

static inline void json_wrong(const char *at)
{
    fprintf(stderr, "expected JSON, found `%.20s`\n", at);
    exit(1);
}

static inline const char *json_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static inline int json_push(struct json *json, const char *start)
{
    if (json->used == json->room) {
        json->room = json->room ? 2 * json->room : 256;
        json->tokens = realloc(json->tokens, json->room * sizeof *json->tokens);
        if (json->tokens == NULL)
            abort();
    }
    json->tokens[json->used] = (struct json_token){ .start = start };
    return json->used++;
}

static inline const char *json_value(struct json *json, const char *at)
{
    int here = json_push(json, at);
    char open = *at;
    if (open == '{' || open == '[') {
        char close = open == '{' ? '}' : ']';
        at = json_space(at + 1);
        while (*at != close) {
            if (open == '{') {
                if (*at != '"')
                    json_wrong(at);
                at = json_space(json_value(json, at));
                if (*at != ':')
                    json_wrong(at);
                at = json_space(at + 1);
            }
            at = json_space(json_value(json, at));
            json->tokens[here].count++;
            if (*at == ',')
                at = json_space(at + 1);
            else if (*at != close)
                json_wrong(at);
        }
        at++;
        json->tokens[here].length = (int)(at - json->tokens[here].start);
    } else if (open == '"') {
        json->tokens[here].start = ++at;
        while (*at != '"') {
            if (*at == '\\')
                at++;
            if (*at == '\0')
                json_wrong(at);
            at++;
        }
        json->tokens[here].length = (int)(at++ - json->tokens[here].start);
    } else {
        size_t length = strspn(at, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
        if (length == 0)
            json_wrong(at);
        json->tokens[here].length = (int)length;
        at += length;
    }
    json->tokens[here].next = json->used;
    return at;
}

/* Reads a line; what was read before is gone. */
static inline void json_parse(struct json *json, const char *line)
{
    json->used = 0;
    const char *end = json_space(json_value(json, json_space(line)));
    if (*end != '\0')
        json_wrong(end);
}

static inline void json_free(struct json *json)
{
    free(json->tokens);
}

/* The token behind this one and all inside it. */
static inline int json_next(const struct json *json, int token)
{
    return json->tokens[token].next;
}

/* How many elements an array has, or members an object. */
static inline int json_count(const struct json *json, int token)
{
    return token < 0 ? 0 : json->tokens[token].count;
}

/* Whether a string, without escapes, is this one. */
static inline bool json_is(const struct json *json, int token, const char *text)
{
    const struct json_token *is = &json->tokens[token];
    return (size_t)is->length == strlen(text) && memcmp(is->start, text, is->length) == 0;
}

/* The value of a member of an object; -1 when there is none. */
static inline int json_get(const struct json *json, int object, const char *name)
{
    int member = object + 1;
    for (int at = 0; at < json_count(json, object); at++, member = json_next(json, member + 1))
        if (json_is(json, member, name))
            return member + 1;
    return -1;
}

/* An element of an array; -1 when there is none. */
static inline int json_at(const struct json *json, int array, uint64_t index)
{
    if (array < 0 || index >= (uint64_t)json_count(json, array))
        return -1;
    int element = array + 1;
    while (index-- > 0)
        element = json_next(json, element);
    return element;
}

/* A whole number; 0 when there is none. */
static inline uint64_t json_u64(const struct json *json, int token)
{
    return token < 0 ? 0 : strtoull(json->tokens[token].start, NULL, 10);
}

/* What `%.*s` prints. */
#define json_text(json, token) (json)->tokens[token].length, (json)->tokens[token].start

#endif
