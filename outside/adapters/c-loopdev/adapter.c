// AES-XTS of libgcrypt as a loop device, and an adapter that lets Lawbook judge it. What becomes of
// units and of keys is the library's. The device is ours, and does no more than show that.
#include <endian.h>
#include <err.h>
#include <gcrypt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define PROFILE "{'ciphers':[{'cipher':'aes_xts','iv':'plain64','key_bits':[256,512]," \
    "'unit_bytes':[512,1024,2048,4096],'large_sectors':false}],'none':false,'xor':false," \
    "'transfers':false,'image':true,'flips':false,'block_size':false,'offsets':false," \
    "'first':true,'far':false,'size_limit':false,'read_only':false,'crypt_unit':true," \
    "'partial_units':true,'equal_halves':'accepted','partial_requests':'refused'}"
#define KNOWN " write read show reopen attach crypt_unit sector sectors data cuts segments then " \
    "n direction transform key offset_bytes first size_limit_bytes read_only block_bytes change "
#define number(value, path) json_object_get_uint64(at(value, path))
typedef const char *refusal;  // an error of the contract, or NULL when all is well
typedef struct { json_object *plan; gcry_cipher_hd_t cipher; uint64_t size, unit, first; } device;
static device now;
static uint8_t image[1 << 20], data[1 << 16];

static json_object *at(json_object *value, const char *path) {
    return json_pointer_get(value, path, &value) == 0 ? value : NULL;
}

static json_object *only(const char *names, json_object *object) {
    json_object_object_foreach(object, name, value) {
        char word[64];
        snprintf(word, sizeof word, " %s ", name);
        if (value == object || !strstr(names, word)) errx(1, "expected%sfound %s", names, name);
    }
    return object;
}

static size_t bytes(json_object *value, const char *path) {
    const char *hex = json_object_get_string(at(value, path)), *digits = "0123456789abcdef";
    size_t size = hex ? strlen(hex) / 2 : 0;
    if (size > sizeof data) errx(1, "expected at most %zu bytes, found %zu", sizeof data, size);
    for (size_t index = 0; index < 2 * size; index++)
        data[index / 2] = data[index / 2] << 4 | (strchr(digits, hex[index]) - digits);
    return size;
}

// Attaches a device to an image of this size, if it fits.
static refusal attach(device *by, json_object *to, size_t size) {
    json_object *how = at(only(KNOWN, to), "/transform/cipher");
    int algorithm = number(how, "/key_bits") == 256 ? GCRY_CIPHER_AES128 : GCRY_CIPHER_AES256;
    *by = (device){to, NULL, size, number(how, "/unit_bytes"), number(to, "/first")};
    if (!at(only(" cipher iv key_bits unit_bytes large_sectors ", how), "/iv")) return "no_iv";
    if (by->unit < 512 || by->unit > 4096 || size % by->unit) return "misfit";
    if (gcry_cipher_open(&by->cipher, algorithm, GCRY_CIPHER_MODE_XTS, 0)) return "unsupported";
    size = bytes(to, "/key/bytes/bytes");
    return gcry_cipher_setkey(by->cipher, data, size) ? "bad_key" : NULL;
}

static refusal crypt(device *by, int writes, uint64_t n, uint8_t *part, size_t size, size_t unit) {
    for (size_t at = 0; at < size; at += unit, n += unit / 512) {
        uint64_t tweak[] = {htole64(n), 0};
        gcry_error_t error = gcry_cipher_setiv(by->cipher, tweak, sizeof tweak);
        if (!error && writes) error = gcry_cipher_encrypt(by->cipher, part + at, unit, NULL, 0);
        if (!error && !writes) error = gcry_cipher_decrypt(by->cipher, part + at, unit, NULL, 0);
        if (error) return "io";
    }
    return NULL;
}

static refusal transfer(int writes, uint64_t from, uint8_t *part, size_t size) {
    if (from + size > now.size) return "past_end";
    if (from % now.unit || size % now.unit) return "partial";
    if (!writes) memcpy(part, image + from, size);
    refusal refused = crypt(&now, writes, now.first + from / 512, part, size, now.unit);
    if (writes && !refused) memcpy(image + from, part, size);
    return refused;
}

static void answer(refusal refused, const uint8_t *found, size_t size) {
    if (refused) printf("{\"refused\":{\"error\":\"%s\"}}", refused);
    else printf(found ? "{\"data\":{\"bytes\":\"" : "{\"done\":{}}");
    for (size_t at = 0; !refused && found && at < size; at++) printf("%02x", found[at]);
    if (!refused && found) printf("\"}}");
}

static refusal change(json_object *changes, int stays) {
    json_object *next = NULL;
    device by;
    json_object_deep_copy(now.plan, &next, NULL);
    json_object_object_foreach(changes, name, value)
        json_object_object_add(next, name, json_object_get(value));
    refusal refused = attach(&by, next, now.size);
    if (refused || !stays) return gcry_cipher_close(by.cipher), json_object_put(next), refused;
    gcry_cipher_close(now.cipher), json_object_put(now.plan);
    return now = by, NULL;
}

static void step(const char *kind, json_object *op) {
    uint64_t from = 512 * number(op, "/sector"), size = 512 * number(op, "/sectors");
    int writes = !strcmp(kind, "write"), reads = !strcmp(kind, "read");
    if (writes) size = bytes(op, "/data");
    if (writes || reads) printf("{\"%s\":{\"answers\":[", writes ? "written" : "read");
    for (size_t cut = 0, start = 0, end; (writes || reads) && start < size; start = end) {
        json_object *next = NULL;
        json_pointer_getf(op, &next, "/cuts/%zu", cut++);
        end = next ? json_object_get_uint64(next) : size;
        refusal refused = transfer(writes, from + start, data + start, end - start);
        if (start) printf(",");
        answer(refused, writes ? NULL : data + start, end - start);
    }
    if (!strcmp(kind, "show")) printf("{\"image\":{\"answer\":"), answer(NULL, image + from, size);
    if (!strcmp(kind, "reopen") || !strcmp(kind, "attach")) {
        printf("{\"%s\":{\"answer\":", *kind == 'r' ? "reopened" : "attached");
        answer(change(at(op, "/change"), *kind == 'r'), NULL, 0);
    }
    if (!strcmp(kind, "crypt_unit")) {
        device by;
        refusal refused = attach(&by, op, 0);
        int encrypts = !strcmp(json_object_get_string(at(op, "/direction")), "encrypt");
        size = bytes(op, "/data");
        if (!refused) refused = crypt(&by, encrypts, number(op, "/n"), data, size, size);
        printf("{\"crypted\":{\"answer\":"), answer(refused, data, size);
        gcry_cipher_close(by.cipher);
    }
    printf(writes || reads ? "]}}" : "}}");
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    json_object *hello = getline(&line, &room, stdin) > 0 ? json_tokener_parse(line) : NULL;
    if (number(hello, "/lawbook") != 1 || !strstr(line, "\"loopdev\""))
        errx(1, "expected version 1 and loopdev, found %s", line);
    printf("{\"lawbook\":1,\"mechanism\":\"loopdev\",\"name\":\"c-libgcrypt\",\"version\":\"%s\",",
           gcry_check_version(NULL));
    printf("\"profile\":%s}\n", json_object_to_json_string(json_tokener_parse(PROFILE)));
    for (fflush(stdout); getline(&line, &room, stdin) > 0; fflush(stdout)) {
        json_object *request = only(" id setup ops ", json_tokener_parse(line));
        json_object *setup = only(" backing_bytes attachment far ", at(request, "/setup"));
        json_object *plan = json_object_get(at(setup, "/attachment")), *ops = at(request, "/ops");
        size_t size = number(setup, "/backing_bytes");
        if (size > sizeof image || attach(&now, plan, size)) errx(1, "misfit: %s", line);
        memset(image, 0, size);
        printf("{\"id\":%s,\"events\":[", json_object_get_string(at(request, "/id")));
        for (size_t index = 0; index < json_object_array_length(ops); index++) {
            json_object_object_foreach(only(KNOWN, json_object_array_get_idx(ops, index)), kind, op)
                printf(index ? "," : ""), step(kind, only(KNOWN, op));
        }
        printf("]}\n");
        gcry_cipher_close(now.cipher), json_object_put(now.plan), json_object_put(request);
    }
}
