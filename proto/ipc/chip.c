#include "proto/ipc/chip.h"
#include <string.h>

static const char *const apps[] = {
        [CHIP_APP_ABSENT] = "absent",
        [CHIP_APP_BLANK] = "blank",
        [CHIP_APP_PERSONALISED] = "personalised",
        [CHIP_APP_LOCKED] = "locked",
        NULL,
};

const char *chip_app_word(enum chip_app app)
{
        return apps[app];
}

static void put(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

static void put_hex(json_t *object, const char *key, const uint8_t *p, size_t n)
{
        char text[2 * CHIP_APDU_MAX + 1];

        hex_encode((struct bytes){ p, n }, text, sizeof text);
        put(object, key, json_string(text));
}

/* An optional hexadecimal text; absent leaves *ret_n 0. */
static void take_hex_opt(struct jread *r, const char *key, uint8_t *ret, size_t max, size_t *ret_n)
{
        if (json_object_get(r->object, key))
                jread_hex_var(r, key, ret, max, ret_n);
}

static int bad(struct error *err, const char *what)
{
        return err_input(err, REASON_BAD_JSON, "%s", what);
}

json_t *chip_task_encode(const struct chip_task *t)
{
        json_t *json = json_pack("{s:I}", "wait_ms", (json_int_t)t->wait_ms);

        put_hex(json, "aid", t->aid, t->n_aid);
        if (t->n_isd_aid > 0)
                put_hex(json, "isd_aid", t->isd_aid, t->n_isd_aid);
        if (t->ca_pem)
                put(json, "ca_pem", json_string(t->ca_pem));
        if (t->fresh)
                put(json, "fresh", json_true());
        return json;
}

int chip_task_decode(const json_t *json, bool with_ca, struct chip_task *ret, struct error *err)
{
        struct jread r = jread_begin(json, "chip", err);
        struct chip_task t = { 0 };

        jread_int(&r, "wait_ms", 0, CHIP_WAIT_MAX_MS, &t.wait_ms);
        jread_hex_var(&r, "aid", t.aid, sizeof t.aid, &t.n_aid);
        take_hex_opt(&r, "isd_aid", t.isd_aid, sizeof t.isd_aid, &t.n_isd_aid);
        if (with_ca)
                jread_str(&r, "ca_pem", 1, CHIP_PEM_MAX, &t.ca_pem);
        jread_bool_opt(&r, "fresh", &t.fresh);
        if (jread_end(&r) < 0)
                return -1;
        if (t.n_aid < GP_AID_MIN || (t.n_isd_aid > 0 && t.n_isd_aid < GP_AID_MIN))
                return bad(err, "chip: an AID has 5 to 16 bytes");
        *ret = t;
        return 0;
}

static json_t *encode_keys(const struct chip_identity *c)
{
        json_t *list = json_array();

        for (size_t i = 0; i < c->n_keys; i++)
                (void)json_array_append_new(list,
                                            json_pack("{s:i,s:i,s:i,s:i}", "kid", c->keys[i].kid, "kvn", c->keys[i].kvn,
                                                      "type", c->keys[i].type, "len", c->keys[i].n_bytes));
        return list;
}

json_t *chip_identity_encode(const struct chip_identity *c)
{
        json_t *json = json_pack("{s:o,s:I,s:I,s:I,s:s}", "key_info", encode_keys(c), "scp", (json_int_t)c->scp, "i",
                                 (json_int_t)c->i, "max_command", (json_int_t)c->max_command, "app", apps[c->app]);

        put_hex(json, "chip_id", c->chip_id, sizeof c->chip_id);
        put_hex(json, "atr", c->atr, c->n_atr);
        if (c->n_cplc > 0)
                put_hex(json, "cplc", c->cplc, c->n_cplc);
        if (c->n_isd_aid > 0)
                put_hex(json, "isd_aid", c->isd_aid, c->n_isd_aid);
        if (c->has_sod)
                put_hex(json, "sod_sha256", c->sod_sha256, sizeof c->sod_sha256);
        return json;
}

static int decode_key(const json_t *json, struct gp_key_info *ret, struct error *err)
{
        struct jread r = jread_begin(json, "key_info", err);
        int64_t kid = 0, kvn = 0, type = 0, len = 0;

        jread_int(&r, "kid", 0, 255, &kid);
        jread_int(&r, "kvn", 0, 255, &kvn);
        jread_int(&r, "type", 0, 255, &type);
        jread_int(&r, "len", 0, 65535, &len);
        *ret = (struct gp_key_info){ (uint8_t)kid, (uint8_t)kvn, (uint8_t)type, (uint16_t)len };
        return jread_end(&r);
}

static int decode_keys(const json_t *list, struct chip_identity *c, struct error *err)
{
        for (c->n_keys = 0; c->n_keys < json_array_size(list); c->n_keys++)
                if (decode_key(json_array_get(list, c->n_keys), &c->keys[c->n_keys], err) < 0)
                        return -1;
        return 0;
}

static void take_sod(struct jread *r, bool *ret_has, uint8_t ret[32])
{
        *ret_has = json_object_get(r->object, "sod_sha256") != NULL;
        if (*ret_has)
                jread_hex(r, "sod_sha256", ret, 32);
}

int chip_identity_decode(const json_t *json, struct chip_identity *ret, struct error *err)
{
        struct jread r = jread_begin(json, "identified", err);
        struct chip_identity c = { 0 };
        const json_t *keys = NULL;
        unsigned app = 0;

        jread_hex(&r, "chip_id", c.chip_id, sizeof c.chip_id);
        jread_hex_var(&r, "atr", c.atr, sizeof c.atr, &c.n_atr);
        take_hex_opt(&r, "cplc", c.cplc, sizeof c.cplc, &c.n_cplc);
        take_hex_opt(&r, "isd_aid", c.isd_aid, sizeof c.isd_aid, &c.n_isd_aid);
        jread_array(&r, "key_info", GP_KEYS_MAX, &keys);
        jread_int(&r, "scp", -1, 255, &c.scp);
        jread_int(&r, "i", -1, 255, &c.i);
        jread_int(&r, "max_command", GP_LC_MIN, GP_LC_DEFAULT, &c.max_command);
        jread_word(&r, "app", apps, &app);
        take_sod(&r, &c.has_sod, c.sod_sha256);
        if (jread_end(&r) < 0 || decode_keys(keys, &c, err) < 0)
                return -1;
        c.app = (enum chip_app)app;
        *ret = c;
        return 0;
}

json_t *chip_command_encode(const char *name, const struct chip_command *c)
{
        json_t *json = json_object();

        put_hex(json, name, c->apdu, c->n);
        return json;
}

int chip_command_decode(const json_t *json, const char *name, struct chip_command *ret, struct error *err)
{
        struct jread r = jread_begin(json, "go", err);
        struct chip_command c = { .n = 0 };
        struct apdu a;

        jread_hex_var(&r, name, c.apdu, sizeof c.apdu, &c.n);
        if (jread_end(&r) < 0)
                return -1;
        if (apdu_parse((struct bytes){ c.apdu, c.n }, &a) < 0)
                return bad(err, "go: not a short command");
        *ret = c;
        return 0;
}

json_t *chip_answer_encode(const struct chip_answer *a)
{
        json_t *json = json_object();

        put_hex(json, "answer", a->bytes, a->n);
        return json;
}

int chip_answer_decode(const json_t *json, struct chip_answer *ret, struct error *err)
{
        struct jread r = jread_begin(json, "checkpoint", err);
        struct chip_answer a = { .n = 0 };

        jread_hex_var(&r, "answer", a.bytes, sizeof a.bytes, &a.n);
        if (jread_end(&r) < 0)
                return -1;
        if (a.n < 2)
                return bad(err, "checkpoint.answer: no status word");
        *ret = a;
        return 0;
}

json_t *chip_written_encode(const struct chip_written *w)
{
        return json_pack("{s:I,s:I}", "n_apdus", (json_int_t)w->n_apdus, "ms_device", (json_int_t)w->ms_device);
}

int chip_written_decode(const json_t *json, struct chip_written *ret, struct error *err)
{
        struct jread r = jread_begin(json, "written", err);
        struct chip_written w = { 0 };

        jread_int(&r, "n_apdus", 1, CHIP_SCRIPT_MAX, &w.n_apdus);
        jread_int(&r, "ms_device", 0, INT32_MAX, &w.ms_device);
        if (jread_end(&r) < 0)
                return -1;
        *ret = w;
        return 0;
}

json_t *chip_locked_encode(const struct chip_locked *l)
{
        json_t *json = json_pack("{s:b}", "unverifiable", (int)l->unverifiable);

        put_hex(json, "chip_id", l->chip_id, sizeof l->chip_id);
        return json;
}

int chip_locked_decode(const json_t *json, struct chip_locked *ret, struct error *err)
{
        struct jread r = jread_begin(json, "locked", err);
        struct chip_locked l = { 0 };

        jread_hex(&r, "chip_id", l.chip_id, sizeof l.chip_id);
        jread_bool(&r, "unverifiable", &l.unverifiable);
        if (jread_end(&r) < 0)
                return -1;
        *ret = l;
        return 0;
}

static int check_list(struct bytes list, bool commands, size_t *ret_n, struct error *err)
{
        struct bytes item;
        struct apdu a;
        size_t n = 0;
        int more;

        while ((more = apdu_list_next(&list, &item)) > 0) {
                if (++n > CHIP_SCRIPT_MAX || item.n > CHIP_APDU_MAX ||
                    (commands ? apdu_parse(item, &a) < 0 : item.n < 2))
                        return err_input(err, REASON_BAD_REQUEST, "item %zu of the list is no short %s", n,
                                         commands ? "command" : "answer");
        }
        if (more < 0 || n == 0)
                return err_input(err, REASON_BAD_REQUEST, "the list is empty or malformed");
        *ret_n = n;
        return 0;
}

int chip_script_check(struct bytes list, size_t *ret_n, struct error *err)
{
        return check_list(list, true, ret_n, err);
}

int chip_answers_check(struct bytes list, size_t *ret_n, struct error *err)
{
        return check_list(list, false, ret_n, err);
}
