#include "proto/portal/read.h"
#include "proto/ipc/net.h"
#include "proto/portal/jws.h"
#include "proto/text/date.h"
#include "proto/text/serial.h"
#include <string.h>

/* components/schemas of proto/portal.openapi.yaml. */
const struct read_form read_application_id = { READ_UPPER READ_DIGITS "-", 4, 32 };
const struct read_form read_authorisation_id = { READ_UPPER READ_DIGITS "-", 4, 40 };
const struct read_form read_station_id = { READ_LOWER READ_DIGITS "-", 2, 32 };
const struct read_form read_pseudonym = { READ_UPPER READ_LOWER READ_DIGITS "._:@-", 1, 64 };
const struct read_form read_cursor = { READ_UPPER READ_LOWER READ_DIGITS "_-", 1, 64 };
const struct read_form read_cursor_or_none = { READ_UPPER READ_LOWER READ_DIGITS "_-", 0, 64 };
const struct read_form read_face_code = { READ_DIGITS "ABCDEFGHJKMNPQRSTVWXYZ", 10, 10 };

void read_fault(struct jread *r, const char *key, const char *what)
{
        if (!r->failed)
                (void)err_input(r->err, REASON_BAD_JSON, "%s.%s: %s", r->where, key, what);
        r->failed = true;
}

bool read_form_ok(struct read_form form, const char *text)
{
        size_t n = strlen(text);

        return n >= form.min && n <= form.max && strspn(text, form.alphabet) == n;
}

void read_text(struct jread *r, const char *key, struct read_form form, char *ret)
{
        const char *text = NULL;

        jread_str(r, key, form.min, form.max, &text);
        if (!text)
                return;
        if (read_form_ok(form, text))
                memcpy(ret, text, strlen(text) + 1);
        else
                read_fault(r, key, "holds a character that does not belong there");
}

static bool is_null(const struct jread *r, const char *key)
{
        return !r->failed && json_is_null(json_object_get(r->object, key));
}

void read_text_or_null(struct jread *r, const char *key, struct read_form form, char *ret)
{
        if (!is_null(r, key)) {
                read_text(r, key, form, ret);
                return;
        }
        jread_skip(r, key);
        ret[0] = '\0';
}

void read_serial(struct jread *r, const char *key, char ret[21])
{
        const char *text = NULL;

        jread_str(r, key, SERIAL_MIN, SERIAL_MAX, &text);
        if (!text)
                return;
        if (serial_ok(text))
                memcpy(ret, text, strlen(text) + 1);
        else
                read_fault(r, key, "not a serial");
}

void read_serial_or_null(struct jread *r, const char *key, char ret[21])
{
        if (!is_null(r, key)) {
                read_serial(r, key, ret);
                return;
        }
        jread_skip(r, key);
        ret[0] = '\0';
}

void read_int_or_null(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret)
{
        if (is_null(r, key))
                jread_skip(r, key);
        else
                jread_int(r, key, min, max, ret);
}

void read_time(struct jread *r, const char *key, int64_t *ret)
{
        const char *text = NULL;

        jread_str(r, key, 0, 64, &text);
        if (text && !time_parse(text, ret))
                read_fault(r, key, "not a UTC time YYYY-MM-DDTHH:MM:SSZ");
}

void read_date(struct jread *r, const char *key, int32_t *ret)
{
        const char *text = NULL;

        jread_str(r, key, 0, 64, &text);
        if (text && !date_parse(text, ret))
                read_fault(r, key, "not a date YYYY-MM-DD");
}

void read_sha256(struct jread *r, const char *key, uint8_t ret[32])
{
        const char *text = NULL;
        size_t n = 0;

        jread_str(r, key, 64, 64, &text);
        if (!text)
                return;
        if (strspn(text, READ_DIGITS "abcdef") != 64 || !hex_decode(text, ret, 32, &n))
                read_fault(r, key, "not 64 lower-case hexadecimal digits");
}

void read_key(struct jread *r, const char *key, char ret[37])
{
        const char *text = NULL;

        jread_str(r, key, NET_KEY_LENGTH, NET_KEY_LENGTH, &text);
        if (!text)
                return;
        if (net_key_ok(text))
                memcpy(ret, text, NET_KEY_LENGTH + 1);
        else
                read_fault(r, key, "not a lower-case UUIDv4");
}

void read_jws(struct jread *r, const char *key, struct bytes *ret)
{
        const char *text = NULL;

        jread_str(r, key, 1, JWS_TEXT_MAX, &text);
        if (text)
                *ret = (struct bytes){ (const uint8_t *)text, strlen(text) };
}

void read_jws_opt(struct jread *r, const char *key, struct bytes *ret)
{
        if (!r->failed && json_object_get(r->object, key))
                read_jws(r, key, ret);
}
