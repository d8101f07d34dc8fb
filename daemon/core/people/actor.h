/* Who is asking: the peer's uid (SO_PEERCRED, unix(7)) looked up in the configuration (DESIGN 4, People).
 *
 * A person's name in the configuration is a pseudonym: it goes into the audit chain. */
#pragma once
#include "daemon/core/config/config.h"

/* *ret points into config. 0, or -1 and *err (INPUT, not_permitted) for a uid that is no person's. */
int actor_by_uid(const struct config *config, int64_t uid, const struct config_person **ret, struct error *err);
/* By pseudonym; NULL when unknown. */
const struct config_person *actor_by_name(const struct config *config, const char *name);
/* roles: a set of ROLE_BIT(ROLE_...). 0, or -1 and *err (INPUT, not_permitted), naming the roles that may. */
#define ROLE_BIT(role) (1u << (role))
int actor_check(const struct config_person *actor, unsigned roles, struct error *err);
/* Two people for one act (DESIGN 1.8): other person, other office. 0, or -1 and *err (INPUT, same_person). */
int actor_check_second(const struct config_person *first, const struct config_person *second, struct error *err);
