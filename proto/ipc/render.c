#include "proto/ipc/render.h"
#include "proto/base/cleanup.h"
#include <string.h>

static const struct {
        const char *name;
        bool required;
} fields[] = {
#define X(name, key, required) [RENDER_##name] = { key, required },
        RENDER_FIELDS(X)
#undef X
};

const char *render_field_name(enum render_field field)
{
        return fields[field].name;
}

bool render_field_required(enum render_field field)
{
        return fields[field].required;
}

bool render_field_parse(const char *name, enum render_field *ret)
{
        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++) {
                if (strcmp(fields[i].name, name) == 0) {
                        *ret = (enum render_field)i;
                        return true;
                }
        }
        return false;
}

json_t *render_card_encode(const struct render_card *card)
{
        json_t *texts = json_object();

        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                if (card->fields[i])
                        (void)json_object_set_new(texts, fields[i].name, json_string(card->fields[i]));
        return json_pack("{s:s,s:o,s:s,s:b}", "layout", card->layout, "fields", texts, "qr", card->qr, "preview",
                         card->preview);
}

/* The next code point of text that is known to be valid UTF-8 (jansson checked it). */
static uint32_t next_code(const char **p)
{
        const uint8_t *s = (const uint8_t *)*p;
        unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
        uint32_t code = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));

        for (unsigned i = 1; i < n; i++)
                code = code << 6 | (s[i] & 0x3F);
        *p += n;
        return code;
}

/* Controls, line separators, bidi controls (UAX 9 2), soft hyphen, byte order mark. ZWNJ, U+200C, is part of Persian
 * spelling; nothing else that is invisible may stand on a card. */
static bool is_forbidden(uint32_t code)
{
        return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C || code == 0x200B ||
               (code >= 0x200D && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
               (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xFFF0 && code <= 0xFFFF);
}

int render_text_check(const char *name, const char *text, struct error *err)
{
        while (*text)
                if (is_forbidden(next_code(&text)))
                        return err_input(err, REASON_BAD_TEXT, "%s holds a control or direction character", name);
        return 0;
}

static int decode_fields(const json_t *object, struct render_card *ret, struct error *err)
{
        struct jread r = jread_begin(object, "card.fields", err);

        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++) {
                if (fields[i].required)
                        jread_str(&r, fields[i].name, 1, RENDER_TEXT_MAX, &ret->fields[i]);
                else
                        jread_str_opt(&r, fields[i].name, 1, RENDER_TEXT_MAX, &ret->fields[i]);
        }
        if (jread_end(&r) < 0)
                return -1;
        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                if (ret->fields[i] && render_text_check(fields[i].name, ret->fields[i], err) < 0)
                        return -1;
        return 0;
}

int render_card_decode(const json_t *args, struct render_card *ret, struct error *err)
{
        struct jread r = jread_begin(args, "card", err);
        struct render_card card = { 0 };
        const json_t *texts = NULL;

        jread_str(&r, "layout", 1, RENDER_LAYOUT_MAX, &card.layout);
        jread_object(&r, "fields", &texts);
        jread_str(&r, "qr", 1, RENDER_QR_MAX, &card.qr);
        jread_bool(&r, "preview", &card.preview);
        if (jread_end(&r) < 0)
                return -1;
        if (card.layout[strspn(card.layout, "abcdefghijklmnopqrstuvwxyz0123456789-")])
                return err_input(err, REASON_BAD_JSON, "card.layout: not a layout's name");
        if (card.qr[strspn(card.qr, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")])
                return err_input(err, REASON_BAD_JSON, "card.qr: not alphanumeric");
        if (decode_fields(texts, &card, err) < 0)
                return -1;
        *ret = card;
        return 0;
}

json_t *render_done_encode(const struct render_done *done)
{
        char hex[2 * sizeof done->layout_sha256 + 1];

        hex_encode_lower(BYTES(done->layout_sha256), hex, sizeof hex);
        return json_pack("{s:I,s:s}", "n_fields", (json_int_t)done->n_fields, "layout_sha256", hex);
}

int render_done_decode(const json_t *args, struct render_done *ret, struct error *err)
{
        struct jread r = jread_begin(args, "render.done", err);
        struct render_done done = { 0 };

        jread_int(&r, "n_fields", 1, 100, &done.n_fields);
        jread_hex(&r, "layout_sha256", done.layout_sha256, sizeof done.layout_sha256);
        if (jread_end(&r) < 0)
                return -1;
        *ret = done;
        return 0;
}
