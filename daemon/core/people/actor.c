#include "daemon/core/people/actor.h"
#include <stdio.h>
#include <string.h>

int actor_by_uid(const struct config *config, int64_t uid, const struct config_person **ret, struct error *err)
{
        for (size_t i = 0; i < config->n_persons; i++) {
                if (config->persons[i].uid == uid) {
                        *ret = &config->persons[i];
                        return 0;
                }
        }
        if (uid < 0)
                return err_input(err, REASON_NOT_PERMITTED, "nobody is known to be asking");
        return err_input(err, REASON_NOT_PERMITTED, "uid %lld is not among the station's people", (long long)uid);
}

const struct config_person *actor_by_name(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->n_persons; i++)
                if (strcmp(config->persons[i].name, name) == 0)
                        return &config->persons[i];
        return NULL;
}

int actor_check(const struct config_person *actor, unsigned roles, struct error *err)
{
        char may[120] = "";
        size_t n = 0;

        if (roles & ROLE_BIT(actor->role))
                return 0;
        for (unsigned role = 0; role < ROLE_COUNT && n < sizeof may; role++)
                if (roles & ROLE_BIT(role))
                        n += (size_t)snprintf(may + n, sizeof may - n, "%s%s", n > 0 ? ", " : "",
                                              role_name((enum role)role));
        return err_input(err, REASON_NOT_PERMITTED, "%s may not do this; it belongs to: %s",
                         role_name((enum role)actor->role), may);
}

int actor_check_second(const struct config_person *first, const struct config_person *second, struct error *err)
{
        if (first->uid != second->uid && first->office != second->office)
                return 0;
        return err_input(err, REASON_SAME_PERSON, "%s and %s are of one office", first->name, second->name);
}
