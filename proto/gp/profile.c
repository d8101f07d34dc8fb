#include "proto/gp/profile.h"
#include <string.h>

static int bad(struct error *err, const char *what)
{
        return err_input(err, REASON_BAD_CONFIG, "chip profile: %s", what);
}

/* A byte as two hexadecimal digits. */
static int hex_byte(const json_t *text, uint8_t *ret)
{
        return json_is_string(text) && hex_decode_exact(json_string_value(text), ret, 1) ? 0 : -1;
}

static int read_bytes(const json_t *array, uint8_t *ret, size_t max, size_t *ret_n)
{
        size_t n = json_array_size(array);

        if (n == 0 || n > max)
                return -1;
        for (size_t i = 0; i < n; i++) {
                if (hex_byte(json_array_get(array, i), &ret[i]) < 0)
                        return -1;
                if (memchr(ret, ret[i], i)) /* named twice */
                        return -1;
        }
        *ret_n = n;
        return 0;
}

static bool i_exists(uint8_t i)
{
        static const uint8_t all[] = { 0x00, 0x10, 0x20, 0x30, 0x60, 0x70 }; /* AmdD 5.1, and each + 01 for S16 */

        return memchr(all, i & ~0x01, sizeof all) != NULL;
}

static int read_atr(struct jread *r, struct profile *p)
{
        size_t n_mask = 0;

        if (!json_object_get(r->object, "atr") && !json_object_get(r->object, "atr_mask"))
                return 0;
        jread_hex_var(r, "atr", p->match.atr, sizeof p->match.atr, &p->match.n_atr);
        jread_hex_var(r, "atr_mask", p->match.mask, sizeof p->match.mask, &n_mask);
        return r->failed || (p->match.n_atr > 0 && n_mask == p->match.n_atr) ? 0 : -1;
}

static int read_match(const json_t *object, struct profile *p, struct error *err)
{
        struct jread r = jread_begin(object, "match", err);
        static const char *const scps[] = { "03", NULL };
        const json_t *list = NULL;
        unsigned scp;
        bool atr_ok;

        atr_ok = read_atr(&r, p) == 0;
        jread_word(&r, "scp", scps, &scp);
        jread_array(&r, "i", PROFILE_I_MAX, &list);
        jread_hex(&r, "kvn", &p->match.kvn, 1);
        if (jread_end(&r) < 0)
                return -1;
        if (!atr_ok)
                return bad(err, "match.atr and match.atr_mask have one length");
        if (read_bytes(list, p->match.i, PROFILE_I_MAX, &p->match.n_i) < 0)
                return bad(err, "match.i is a list of different bytes");
        for (size_t i = 0; i < p->match.n_i; i++)
                if (!i_exists(p->match.i[i]))
                        return bad(err, "match.i holds a value that SCP03 does not know");
        return 0;
}

static int read_transport(const json_t *object, struct profile *p, struct error *err)
{
        struct jread r = jread_begin(object, "transport", err);
        int64_t max_command = 0, chunk = 0;

        jread_int(&r, "max_command", GP_LC_MIN, GP_LC_DEFAULT, &max_command);
        jread_int(&r, "chunk", 0, APDU_DATA_MAX, &chunk);
        if (jread_end(&r) < 0)
                return -1;
        p->transport.max_command = (unsigned)max_command;
        p->transport.chunk = (unsigned)chunk;
        return 0;
}

/* A station does not write over a channel that neither encrypts nor authenticates: 33, 13, 11, 03 and 01 only. */
static int read_levels(const json_t *list, struct profile *p)
{
        uint8_t levels[PROFILE_LEVELS_MAX];

        if (read_bytes(list, levels, PROFILE_LEVELS_MAX, &p->auth.n_levels) < 0)
                return -1;
        for (size_t i = 0; i < p->auth.n_levels; i++) {
                if (!scp03_level_valid(levels[i]) || levels[i] == SCP03_LEVEL_NONE)
                        return -1;
                p->auth.levels[i] = (enum scp03_level)levels[i];
        }
        return 0;
}

static int read_auth(const json_t *object, struct profile *p, struct error *err)
{
        struct jread r = jread_begin(object, "auth", err);
        static const char *const schemes[] = { "scp03", NULL };
        const char *diversification = "", *label = "";
        const json_t *levels = NULL;
        int64_t bits = 0;
        unsigned scheme;

        jread_word(&r, "scheme", schemes, &scheme);
        jread_array(&r, "levels", PROFILE_LEVELS_MAX, &levels);
        jread_hex(&r, "kvn", &p->auth.kvn, 1);
        jread_int(&r, "key_bits", 128, 256, &bits);
        jread_str(&r, "diversification", 1, 120, &diversification);
        jread_str(&r, "key_label", 1, PROFILE_KEY_LABEL_MAX, &label);
        if (jread_end(&r) < 0)
                return -1;
        if (read_levels(levels, p) < 0)
                return bad(err, "auth.levels is a list of different levels of 33, 13, 11, 03, 01");
        if (bits % 64 != 0)
                return bad(err, "auth.key_bits is 128, 192 or 256");
        p->auth.n_key = (size_t)bits / 8;
        if (kdf_parse(diversification, &p->auth.diversification) < 0 ||
            p->auth.diversification.primitive != KDF_AES_CMAC)
                return bad(err, "auth.diversification is no template of the form 'cmac: ...'");
        memcpy(p->auth.key_label, label, strlen(label) + 1);
        return 0;
}

static int read_app(const json_t *object, struct profile *p, struct error *err)
{
        struct jread r = jread_begin(object, "app", err);

        jread_hex_var(&r, "aid", p->aid.bytes, sizeof p->aid.bytes, &p->aid.n);
        jread_hex_var(&r, "sd_aid", p->sd_aid.bytes, sizeof p->sd_aid.bytes, &p->sd_aid.n);
        if (jread_end(&r) < 0)
                return -1;
        if (p->aid.n < GP_AID_MIN || p->sd_aid.n < GP_AID_MIN)
                return bad(err, "app.aid and app.sd_aid have 5 to 16 bytes");
        return 0;
}

static int read_write(const json_t *object, struct profile *p, struct error *err)
{
        struct jread r = jread_begin(object, "write", err);
        static const char *const methods[] = { "store_data", NULL }, *const verifies[] = { "readback", NULL };
        unsigned word;

        jread_word(&r, "method", methods, &word);
        jread_word(&r, "verify", verifies, &word);
        jread_hex(&r, "p1", &p->store_p1, 1);
        if (jread_end(&r) < 0)
                return -1;
        return p->store_p1 & 0x80 ? bad(err, "write.p1 is without the bit of the last block") : 0;
}

static int read_object(const json_t *object, struct profile_object *ret, struct error *err)
{
        struct jread r = jread_begin(object, "objects", err);
        const char *name = "";
        uint8_t fid[2] = { 0 };
        int64_t max_bytes = 0;

        jread_str(&r, "name", 1, PROFILE_OBJECT_NAME_MAX, &name);
        jread_hex(&r, "fid", fid, sizeof fid);
        jread_hex(&r, "sfi", &ret->sfi, 1);
        jread_int(&r, "max_bytes", 1, 32767, &max_bytes); /* offset of READ BINARY: 15 bits, ISO/IEC 7816-4 11.3.3 */
        if (jread_end(&r) < 0)
                return -1;
        if (ret->sfi < 1 || ret->sfi > 30)
                return bad(err, "objects.sfi is 01 to 1E");
        memcpy(ret->name, name, strlen(name) + 1);
        ret->fid = (uint16_t)(fid[0] << 8 | fid[1]);
        ret->max_bytes = (uint32_t)max_bytes;
        return 0;
}

static bool object_known(const struct profile *p, const struct profile_object *o)
{
        for (size_t i = 0; i < p->n_objects; i++)
                if (p->objects[i].fid == o->fid || p->objects[i].sfi == o->sfi || !strcmp(p->objects[i].name, o->name))
                        return true;
        return false;
}

static int read_objects(const json_t *list, struct profile *p, struct error *err)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                struct profile_object o = { 0 };

                if (read_object(json_array_get(list, i), &o, err) < 0)
                        return -1;
                if (object_known(p, &o))
                        return bad(err, "two objects share a name, FID or SFI");
                p->objects[p->n_objects++] = o;
        }
        if (p->n_objects == 0 || strcmp(p->objects[p->n_objects - 1].name, "sod") != 0)
                return bad(err, "the last object is 'sod': a card without it is not issued");
        return 0;
}

static int check_whole(const struct profile *p, struct error *err)
{
        if (p->match.kvn != p->auth.kvn)
                return bad(err, "match.kvn and auth.kvn differ");
        if (p->auth.kvn == 0x00 || (p->auth.kvn == 0xFF && !p->laboratory))
                return bad(err, "key version 00 is no choice, and FF (transport keys) is for laboratory profiles only");
        return 0;
}

static int read_parts(const json_t *json, struct profile *p, struct error *err)
{
        struct jread r = jread_begin(json, "profile", err);
        const json_t *match = NULL, *transport = NULL, *auth = NULL, *app = NULL, *write = NULL, *objects = NULL;
        const char *id = "";

        jread_str(&r, "id", 1, PROFILE_ID_MAX, &id);
        jread_bool(&r, "laboratory", &p->laboratory);
        jread_object(&r, "match", &match);
        jread_object(&r, "transport", &transport);
        jread_object(&r, "auth", &auth);
        jread_object(&r, "app", &app);
        jread_object(&r, "write", &write);
        jread_array(&r, "objects", PROFILE_OBJECTS_MAX, &objects);
        if (jread_end(&r) < 0)
                return -1;
        memcpy(p->id, id, strlen(id) + 1);
        if (read_match(match, p, err) < 0 || read_transport(transport, p, err) < 0 || read_auth(auth, p, err) < 0 ||
            read_app(app, p, err) < 0 || read_write(write, p, err) < 0 || read_objects(objects, p, err) < 0)
                return -1;
        return check_whole(p, err);
}

int profile_parse(struct bytes text, struct profile *ret, struct error *err)
{
        json_t *json = json_strict(text, PROFILE_MAX, err);
        struct profile p = { 0 };
        int r = json ? read_parts(json, &p, err) : -1;

        json_decref(json);
        if (r < 0) {
                err->reason = REASON_BAD_CONFIG;
                return -1;
        }
        *ret = p;
        return 0;
}

const struct profile_object *profile_object_find(const struct profile *p, const char *name)
{
        for (size_t i = 0; i < p->n_objects; i++)
                if (strcmp(p->objects[i].name, name) == 0)
                        return &p->objects[i];
        return NULL;
}
