/* The HTTP API of the station: proto/station.openapi.yaml. Handlers only read, check and start; every rule lives in the
 * module that does the act. */
#pragma once
#include "daemon/core/core.h"

extern const struct route api_routes[];

/* Who may do what, in one place (accounts with passwords replace the uid map later, not this table). */
enum {
        MAY_READ = (1u << ROLE_COUNT) - 1,
        MAY_SEE_PEOPLE = ROLE_BIT(ROLE_ISSUER) | ROLE_BIT(ROLE_ASSESSMENT_SENIOR) | ROLE_BIT(ROLE_ASSESSMENT_HEAD) |
                         ROLE_BIT(ROLE_DELIVERY),
        MAY_ISSUE = ROLE_BIT(ROLE_ISSUER),
        MAY_SPOIL = ROLE_BIT(ROLE_ISSUER) | ROLE_BIT(ROLE_ASSESSMENT_SENIOR) | ROLE_BIT(ROLE_ASSESSMENT_HEAD),
        MAY_STOCK = ROLE_BIT(ROLE_ISSUER) | ROLE_BIT(ROLE_ASSESSMENT_SENIOR) | ROLE_BIT(ROLE_ASSESSMENT_HEAD) |
                    ROLE_BIT(ROLE_SECURITY),
        MAY_DECIDE = ROLE_BIT(ROLE_ISSUER) | ROLE_BIT(ROLE_ASSESSMENT_SENIOR) | ROLE_BIT(ROLE_ASSESSMENT_HEAD) |
                     ROLE_BIT(ROLE_SECURITY),
        MAY_VOID = ROLE_BIT(ROLE_ASSESSMENT_SENIOR) | ROLE_BIT(ROLE_ASSESSMENT_HEAD) | ROLE_BIT(ROLE_SECURITY) |
                   ROLE_BIT(ROLE_DIRECTOR),
        MAY_DISPATCH = ROLE_BIT(ROLE_ISSUER) | MAY_VOID,
        MAY_MEND = ROLE_BIT(ROLE_IT) | ROLE_BIT(ROLE_ASSESSMENT_HEAD),
        MAY_AUDIT = ROLE_BIT(ROLE_AUDITOR) | ROLE_BIT(ROLE_IT) | ROLE_BIT(ROLE_SECURITY) |
                    ROLE_BIT(ROLE_ASSESSMENT_HEAD) | ROLE_BIT(ROLE_DIRECTOR) | ROLE_BIT(ROLE_ISSUER) |
                    ROLE_BIT(ROLE_ASSESSMENT_SENIOR),
};

struct core *api_core(const struct request *r);
/* The asking person, if its role is in the set; else the request is answered with not_permitted: false. */
bool api_actor(struct request *r, unsigned roles, struct who *ret);
/* Answers with the error, or 200 and the JSON (taken). */
void api_done(struct request *r, int result, const struct error *err, json_t *json);
/* The answer to a two-person act: does a second person have to say the same? New reference. */
json_t *api_second(bool needed);
/* The line of the path variable; answers not_found and NULL when there is none. */
struct line *api_line(struct request *r, const char *name);

/* All rows of a query as an array of objects. keys name the columns, NULL ends them; # before a name says number, NULL
 * values stay null. types: "", "s", "i" or "si" (text, number). New reference. */
json_t *api_rows(struct ledger *l, const char *const *keys, const char *sql, const char *types, const char *text,
                 int64_t number);
/* The first element, or null; list is taken. */
json_t *api_first(json_t *list);

/* Reading: api_status.c, api_view.c, api_account.c, api_portal.c */
void api_get_status(struct request *r);
void api_get_queue(struct request *r);
void api_get_application(struct request *r);
void api_get_photo(struct request *r);
void api_get_blank(struct request *r);
void api_get_shown(struct request *r);
void api_get_shown_photo(struct request *r);
void api_get_states(struct request *r);
void api_post_rebound(struct request *r); /* api_rebound.c */
void api_get_audit(struct request *r);
void api_get_snapshot(struct request *r);
void api_get_events(struct request *r);

/* Custody: api_custody.c */
void api_post_missing(struct request *r);
void api_post_found(struct request *r);
void api_post_void(struct request *r);
void api_post_dispatch(struct request *r);
void api_get_withdrawn(struct request *r);
/* The desk: api_desk.c */
void api_get_unknown(struct request *r);
void api_post_unknown(struct request *r);
void api_get_cases(struct request *r);
void api_post_case_close(struct request *r);
void api_get_portal_ledger(struct request *r);
