/* The rules on a decoded approval. */
#include "proto/portal/approval.h"
#include "proto/text/persian.h"
#include <string.h>

static int check_roles(const struct approval *a, struct error *err)
{
        for (size_t i = 0; i < APPROVAL_ROLES; i++) {
                const char *due = approval_role_word((enum approval_role)i);

                if (i >= a->n_confirmations)
                        return err_input(err, REASON_APPROVAL_INCOMPLETE, "the confirmation of %s is missing", due);
                if (a->confirmations[i].role != (enum approval_role)i) /* A-B2: in this order */
                        return err_input(err, REASON_APPROVAL_INCOMPLETE, "%s stands in the place of %s",
                                         approval_role_word(a->confirmations[i].role), due);
        }
        return 0;
}

static int check_times(const struct approval *a, struct error *err)
{
        for (size_t i = 1; i < APPROVAL_ROLES; i++)
                if (a->confirmations[i].at < a->confirmations[i - 1].at)
                        return err_input(err, REASON_APPROVAL_INCOMPLETE, "%s confirmed before %s",
                                         approval_role_word((enum approval_role)i),
                                         approval_role_word((enum approval_role)(i - 1)));
        if (a->payment.at < a->confirmations[APPROVED_BY_DIRECTOR].at) /* A-B3: only after that; S4.2 */
                return err_input(err, REASON_PAID_TOO_EARLY, "paid before the director's confirmation");
        return 0;
}

/* Dates that contradict each other; each alone is a real date by now. */
static int check_dates(const struct approval_certificate *c, struct error *err)
{
        if (c->birth_date >= c->skill.exam_date)
                return err_input(err, REASON_BAD_DATE, "certificate.birth_date: not before the exam");
        if (c->has_valid_until && c->valid_until <= c->skill.exam_date)
                return err_input(err, REASON_BAD_DATE, "certificate.valid_until: not after the exam");
        return 0;
}

int approval_check(const struct approval *a, struct error *err)
{
        if (check_roles(a, err) < 0)
                return -1;
        if (!a->paid)
                return err_input(err, REASON_NOT_PAID, "the issuing fee is not paid");
        if (a->defect != REASON_NONE)
                return err_input(err, a->defect, "%s", a->defect_where);
        return check_times(a, err) < 0 ? -1 : check_dates(&a->certificate, err);
}

static bool same_name(const char *a, const char *b)
{
        char key_a[APPROVAL_NAME_MAX + 1], key_b[APPROVAL_NAME_MAX + 1];

        return persian_key(a, key_a, sizeof key_a) == PERSIAN_OK && persian_key(b, key_b, sizeof key_b) == PERSIAN_OK &&
               strcmp(key_a, key_b) == 0;
}

static unsigned bit(bool same, enum worksheet_field field)
{
        return same ? 0 : 1U << field;
}

unsigned approval_worksheet_differences(const struct approval *a)
{
        const struct approval_certificate *c = &a->certificate;
        const struct approval_worksheet *w = &a->worksheet;

        return bit(c->national_id[0] && strcmp(c->national_id, w->national_id) == 0, WORKSHEET_NATIONAL_ID) |
               bit(same_name(c->given_fa, w->given_fa), WORKSHEET_GIVEN) |
               bit(same_name(c->family_fa, w->family_fa), WORKSHEET_FAMILY) |
               bit(strcmp(c->skill.code, w->skill_code) == 0, WORKSHEET_SKILL) |
               bit(c->skill.practical_score == w->practical_score, WORKSHEET_PRACTICAL_SCORE);
}

const char *worksheet_field_word(enum worksheet_field field)
{
        static const char *const words[] = {
                [WORKSHEET_NATIONAL_ID] = "national_id",
                [WORKSHEET_GIVEN] = "given_fa",
                [WORKSHEET_FAMILY] = "family_fa",
                [WORKSHEET_SKILL] = "skill_code",
                [WORKSHEET_PRACTICAL_SCORE] = "practical_score",
        };

        return words[field];
}
