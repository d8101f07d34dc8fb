/* The approval: what five officials confirmed about one applicant, the payment, and what is to stand on the card.
 *
 * The payload of a mohr-approval JWS: proto/portal.openapi.yaml ApprovalPayload; A-B1 to A-B3 (who confirms, in which
 * order), I-6.5 and S4.2 (payment after the director), I-6.6 (worksheet). Texts in the struct are the clean form
 * (proto/text/persian.h), national IDs canonical, dates day numbers and times unix seconds (proto/text/date.h). */
#pragma once
#include "proto/base/json.h"
#include "proto/portal/jws.h"
#include "proto/text/date.h"
#include "proto/text/national_id.h"

enum {
        APPROVAL_ID_MAX = 32,
        APPROVAL_NAME_MAX = 255, /* bytes of a person's or place's name */
        APPROVAL_TITLE_MAX = 511,
        APPROVAL_NUMBER_MAX = 40, /* certificate and worksheet numbers, payment reference */
        APPROVAL_PERSON_MAX = 64, /* a pseudonym */
        APPROVAL_CODE_MAX = 20,   /* skill code: 15 digits; centre code */
        APPROVAL_ROLES = 5,
};

enum approval_kind { APPROVAL_NEW, APPROVAL_RENEWAL, APPROVAL_REPLACEMENT };
/* In the order of confirmation (A-B1, A-B2, A-B3). */
enum approval_role {
        APPROVED_BY_EXAM_EXPERT,
        APPROVED_BY_CENTRE_HEAD,
        APPROVED_BY_ASSESSMENT_HEAD,
        APPROVED_BY_SECURITY,
        APPROVED_BY_DIRECTOR
};
enum approval_photo_type { PHOTO_JPEG, PHOTO_PNG };

struct approval_confirmation {
        enum approval_role role;
        char by[APPROVAL_PERSON_MAX + 1];
        int64_t at;
};

struct approval_payment {
        int64_t amount_rial;
        char reference[APPROVAL_NUMBER_MAX + 1];
        int64_t at;
};

struct approval_skill {
        char code[APPROVAL_CODE_MAX + 1];
        char title_fa[APPROVAL_TITLE_MAX + 1], title_en[APPROVAL_TITLE_MAX + 1];
        char grade_fa[APPROVAL_NAME_MAX + 1], grade_en[APPROVAL_NAME_MAX + 1];
        int64_t hours;
        int64_t theory_score, practical_score; /* hundredths of a mark: 1850 is 18.50 */
        int32_t exam_date;
};

struct approval_centre {
        char code[APPROVAL_CODE_MAX + 1];
        bool school; /* a private school, else a state centre */
        char name_fa[APPROVAL_TITLE_MAX + 1], name_en[APPROVAL_TITLE_MAX + 1];
};

struct approval_certificate {
        char number[APPROVAL_NUMBER_MAX + 1];
        char national_id[NATIONAL_ID_MAX];
        char given_fa[APPROVAL_NAME_MAX + 1], family_fa[APPROVAL_NAME_MAX + 1], father_fa[APPROVAL_NAME_MAX + 1];
        char given_en[APPROVAL_NAME_MAX + 1], family_en[APPROVAL_NAME_MAX + 1];
        int32_t birth_date;
        char sex; /* 'm' or 'f' */
        struct approval_skill skill;
        struct approval_centre centre;
        char province_fa[APPROVAL_NAME_MAX + 1], province_en[APPROVAL_NAME_MAX + 1];
        char director_title_fa[APPROVAL_TITLE_MAX + 1], director_title_en[APPROVAL_TITLE_MAX + 1];
        bool has_valid_until;
        int32_t valid_until;
};

struct approval_worksheet {
        char number[APPROVAL_NUMBER_MAX + 1];
        char national_id[NATIONAL_ID_MAX];
        char given_fa[APPROVAL_NAME_MAX + 1], family_fa[APPROVAL_NAME_MAX + 1];
        char skill_code[APPROVAL_CODE_MAX + 1];
        int64_t practical_score;
};

struct approval_photo {
        uint8_t sha256[32];
        int64_t n_bytes;
        enum approval_photo_type type;
};

struct approval {
        char id[APPROVAL_ID_MAX + 1];
        int64_t seq;
        char station_province[APPROVAL_NAME_MAX + 1];
        enum approval_kind kind;
        size_t n_confirmations;
        struct approval_confirmation confirmations[APPROVAL_ROLES];
        bool paid; /* payment is set */
        struct approval_payment payment;
        struct approval_certificate certificate;
        struct approval_worksheet worksheet;
        struct approval_photo photo;
        int64_t issued_at;
        /* The first text, national ID or date that cannot be used; approval_check tells it. The field is then "" or
         * 0, so that a bidi control or a bad name can never reach a card or a screen. */
        enum reason defect;    /* REASON_NONE, BAD_TEXT, BAD_NATIONAL_ID or BAD_DATE */
        char defect_where[64]; /* "certificate.given_fa: bidi" */
};

/* Strict decoding of verified payload bytes: unknown, duplicate, missing keys and wrong types are refused (INPUT,
 * bad_json). A well-formed but unusable approval decodes: approval_check refuses it. */
int approval_decode(struct bytes payload, struct approval *ret, struct error *err);
/* jws_verify and approval_decode in one. ret_sha256: the data hash. */
int approval_open(struct bytes jws_text, X509_STORE *ca, int64_t at, struct approval *ret, uint8_t ret_sha256[32],
                  struct error *err);

/* May a card be produced? 0, or -1 and *err (INPUT) with the one reason: approval_incomplete (not all five in their
 * order with times that do not decrease, A-B1..B3), not_paid (I-6.5), bad_text, bad_national_id, bad_date,
 * paid_too_early (before the director's confirmation, A-B3, S4.2). */
int approval_check(const struct approval *a, struct error *err);

/* The fields the expert compares (I-6.6), as a set of bits 1 << field that differ between worksheet and certificate.
 * Names are compared by persian_key. */
enum worksheet_field {
        WORKSHEET_NATIONAL_ID,
        WORKSHEET_GIVEN,
        WORKSHEET_FAMILY,
        WORKSHEET_SKILL,
        WORKSHEET_PRACTICAL_SCORE,
        WORKSHEET_FIELDS,
};
unsigned approval_worksheet_differences(const struct approval *a);
const char *worksheet_field_word(enum worksheet_field field); /* "national_id", "given_fa", ... */

const char *approval_kind_word(enum approval_kind kind);        /* "new", "renewal", "replacement" */
const char *approval_role_word(enum approval_role role);        /* "exam_expert", ... */
const char *approval_photo_word(enum approval_photo_type type); /* "image/jpeg", "image/png" */
