#include "daemon/core/card/face.h"
#include "daemon/core/portal/approvals.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "proto/text/date.h"
#include "proto/text/jalali.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

struct maker {
        struct face *face;
        unsigned n_texts;
};

__attribute__((format(printf, 3, 4))) static void put(struct maker *m, enum render_field field, const char *format, ...)
{
        char *text = m->face->texts[m->n_texts];
        va_list args;

        assert(m->n_texts < ARRAY_SIZE(m->face->texts));
        va_start(args, format);
        (void)vsnprintf(text, sizeof m->face->texts[0], format, args);
        va_end(args);
        m->n_texts++;
        m->face->fields[field] = text;
}

static int put_date(struct maker *m, enum render_field jalali, enum render_field gregorian, int32_t day,
                    struct error *err)
{
        char local[DATE_TEXT_MAX], iso[DATE_TEXT_MAX];

        if (!jalali_format(day, local))
                return err_input(err, REASON_BAD_DATE, "a date outside the Jalali calendar's known years");
        date_format(day, iso);
        put(m, jalali, "%s", local);
        put(m, gregorian, "%s", iso);
        return 0;
}

static void put_plain(struct face *face, const struct approval_certificate *d)
{
        face->fields[RENDER_FATHER_FA] = d->father_fa;
        face->fields[RENDER_NATIONAL_ID] = d->national_id;
        face->fields[RENDER_SKILL_FA] = d->skill.title_fa;
        face->fields[RENDER_SKILL_EN] = d->skill.title_en;
        face->fields[RENDER_SKILL_CODE] = d->skill.code;
        face->fields[RENDER_GRADE_FA] = d->skill.grade_fa;
        face->fields[RENDER_GRADE_EN] = d->skill.grade_en;
        face->fields[RENDER_NUMBER] = d->number;
        face->fields[RENDER_CENTRE_FA] = d->centre.name_fa;
        face->fields[RENDER_CENTRE_EN] = d->centre.name_en;
        face->fields[RENDER_PROVINCE_FA] = d->province_fa;
        face->fields[RENDER_PROVINCE_EN] = d->province_en;
        face->fields[RENDER_DIRECTOR_FA] = d->director_title_fa;
        face->fields[RENDER_DIRECTOR_EN] = d->director_title_en;
}

int face_fields(const struct approval *a, const char *face_code, const char *issue_date, struct face *ret,
                struct error *err)
{
        const struct approval_certificate *d = &a->certificate;
        struct maker m = { ret, 0 };
        int32_t issued;

        *ret = (struct face){ 0 };
        if (!date_parse(issue_date, &issued))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "bad issue date");
        put_plain(ret, d);
        put(&m, RENDER_NAME_FA, "%s %s", d->given_fa, d->family_fa);
        put(&m, RENDER_NAME_EN, "%s %s", d->given_en, d->family_en);
        put(&m, RENDER_HOURS, "%lld", (long long)d->skill.hours);
        put(&m, RENDER_FACE_CODE, "%s", face_code);
        if (put_date(&m, RENDER_ISSUED_JALALI, RENDER_ISSUED_GREGORIAN, issued, err) < 0)
                return -1;
        if (!d->has_valid_until)
                return 0;
        return put_date(&m, RENDER_VALID_JALALI, RENDER_VALID_GREGORIAN, d->valid_until, err);
}

int photo_blob(struct core *c, const struct approval *a, struct error *err)
{
        cleanup(free_p) uint8_t *bytes = NULL;
        char sha256[SHA256_TEXT];
        size_t n = 0;
        int r;

        hex_encode_lower(BYTES(a->photo.sha256), sha256, sizeof sha256);
        r = photo_load(c, sha256, &bytes, &n, err);
        if (r == 0)
                return err_own(err, ERR_RETRY, REASON_PORTAL_DOWN, "the photo has not come from the portal yet");
        if (r > 0 && n > c->photo_max)
                return err_input(err, REASON_PHOTO_LARGE, "the photo is %zu bytes; the chip holds %zu", n,
                                 c->photo_max);
        return r < 0 ? -1 : blob_new((struct bytes){ bytes, n }, err);
}
