/* The texts on the card's face, made from an approval: names, Jalali and Gregorian dates (I-6.7 is judged against
 * them). */
#pragma once
#include "proto/base/error.h"
#include "proto/ipc/render.h"
#include "proto/portal/approval.h"

struct core;

struct face {
        const char *fields[RENDER_FIELD_COUNT]; /* into texts, or into the approval */
        char texts[12][RENDER_TEXT_MAX + 1];
};

int face_fields(const struct approval *a, const char *face_code, const char *issue_date, struct face *ret,
                struct error *err);
/* The photo the approval names as a sealed blob; the caller closes. -1 and *err: photo_bad when it has not come yet. */
int photo_blob(struct core *c, const struct approval *a, struct error *err);
