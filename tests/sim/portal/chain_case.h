/* Inside the approval chain: one case as it is stored, and what the acts share. */
#pragma once
#include "chain.h"
#include "check.h"

enum chain_role {
        ROLE_EXAM_EXPERT,
        ROLE_CENTRE_HEAD,
        ROLE_ASSESSMENT_HEAD,
        ROLE_SECURITY,
        ROLE_DIRECTOR,
        ROLE_CHAIN_COUNT, /* the five before it confirm, in this order (A-B1 to A-B3) */
        ROLE_TRAINING_EXPERT = ROLE_CHAIN_COUNT,
        ROLE_IT,
        ROLE_COUNT,
};

struct chain_role_rule {
        const char *word;
        int working_days;           /* to confirm; 0 outside the chain */
        bool of_centre;             /* works for one centre; otherwise for the province */
        enum chain_role defined_by; /* ROLE_COUNT: has the account already (A-A3) or from headquarters */
};
extern const struct chain_role_rule chain_roles[ROLE_COUNT];

enum chain_stage { CHAIN_REGISTERED, CHAIN_WAITING, CHAIN_UNPAID, CHAIN_PAID };
extern const char *const chain_stage_words[];

struct chain_case {
        char id[40];
        char *province, *centre, *kind, *photo;
        enum chain_stage stage;
        enum chain_role waiting_for; /* only CHAIN_WAITING */
        int64_t exam_day, deadline, seq;
        json_t *data; /* certificate, worksheet */
};

struct chain_account {
        enum chain_role role;
        char *centre, *province; /* centre NULL for the province's own */
};

_Noreturn void refuse(const char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *chain_needed(const char *value, const char *option);
/* --at or now, as unix seconds; refused (clock_back) when before the last act on the application. */
int64_t chain_at(struct portal *portal, const struct chain_options *o);

/* Ends the process when unknown or withdrawn. */
void chain_load(struct portal *portal, const char *id, struct chain_case *ret);
void chain_case_done(struct chain_case *one);
#define CASE __attribute__((cleanup(chain_case_done))) struct chain_case
void chain_save_data(struct portal *portal, const struct chain_case *one);
/* Adds to the history, which nobody can change. reason may be NULL. */
void chain_note(struct portal *portal, const char *id, const char *what, const struct chain_options *o, int64_t at,
                bool late);
/* Waits for the role from now on: new deadline, and the station sees it in its list. */
void chain_wait_for(struct portal *portal, struct chain_case *one, enum chain_role role, int64_t at);
/* Prints id, stage, whom it waits for, deadline, whether it is overdue at that time; history: all acts too. */
void chain_print(struct portal *portal, const struct chain_case *one, int64_t at, bool history);

void chain_account_load(struct portal *portal, const char *name, struct chain_account *ret);
void chain_account_done(struct chain_account *account);
#define ACCOUNT __attribute__((cleanup(chain_account_done))) struct chain_account
void chain_account_add(struct portal *portal, const struct chain_options *o);
/* Refused when --by is nobody, or has no office over this case: another centre, another province, no such role. */
enum chain_role chain_actor(struct portal *portal, const struct chain_options *o, const struct chain_case *one);

/* Signs what the five confirmed. With payment NULL the approval says: not paid yet. */
void chain_sign(struct portal *portal, struct chain_case *one, json_t *payment, int64_t at);

void chain_register(struct portal *portal, const struct chain_options *o);
void chain_edit(struct portal *portal, const struct chain_options *o);
void chain_receive(struct portal *portal, const struct chain_options *o);
void chain_enter(struct portal *portal, const struct chain_options *o);
void chain_confirm(struct portal *portal, const struct chain_options *o);
void chain_reject(struct portal *portal, const struct chain_options *o);
void chain_pay(struct portal *portal, const struct chain_options *o);

/* Unix seconds of YYYY-MM-DDTHH:MM:SSZ. */
int64_t chain_time(const char *text);
