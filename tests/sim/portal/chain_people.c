#include "chain_case.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct chain_role_rule chain_roles[ROLE_COUNT] = {
        [ROLE_EXAM_EXPERT] = { "exam_expert", 2, true, ROLE_COUNT },           /* A-B1, A-A3 */
        [ROLE_CENTRE_HEAD] = { "centre_head", 3, true, ROLE_TRAINING_EXPERT }, /* A-B2, A-A1 */
        [ROLE_ASSESSMENT_HEAD] = { "assessment_head", 7, false, ROLE_COUNT },  /* A-B2, A-A3 */
        [ROLE_SECURITY] = { "security", 7, false, ROLE_COUNT },                /* A-B2, A-A3 */
        [ROLE_DIRECTOR] = { "director", 7, false, ROLE_IT },                   /* A-B3, A-A2 */
        [ROLE_TRAINING_EXPERT] = { "training_expert", 0, true, ROLE_COUNT },
        [ROLE_IT] = { "it", 0, false, ROLE_COUNT },
};

static enum chain_role role_find(const char *word)
{
        for (int i = 0; i < ROLE_COUNT; i++) {
                if (strcmp(chain_roles[i].word, word) == 0)
                        return (enum chain_role)i;
        }
        refuse("unknown_role", "%s is no office of the chain", word);
}

static bool account_find(struct portal *portal, const char *name, struct chain_account *ret)
{
        QUERY row = store_query(&portal->store, "SELECT role, province, centre FROM chain_account WHERE name = ?1", "s",
                                name);

        if (!store_row(row))
                return false;
        ret->role = role_find(column_text(row, 0));
        ret->province = must(strdup(column_text(row, 1)));
        ret->centre = column_text(row, 2) ? must(strdup(column_text(row, 2))) : NULL;
        return true;
}

void chain_account_load(struct portal *portal, const char *name, struct chain_account *ret)
{
        if (!account_find(portal, chain_needed(name, "--by"), ret))
                refuse("unknown_account", "nobody is called %s", name);
}

void chain_account_done(struct chain_account *account)
{
        free(account->centre);
        free(account->province);
}

static bool same_centre(const struct chain_account *account, const char *centre)
{
        return !account->centre || (centre && strcmp(account->centre, centre) == 0);
}

/* A-A1 to A-A3: who may define this office's account. */
static void definer_check(struct portal *portal, const struct chain_options *o, enum chain_role role)
{
        enum chain_role due = chain_roles[role].defined_by;
        ACCOUNT by = { 0 };

        if (due == ROLE_COUNT) {
                if (o->by)
                        refuse("wrong_role", "%s has the account from headquarters, nobody defines it", o->role);
                return;
        }
        if (!o->by)
                refuse("wrong_role", "the account of %s is defined by %s", o->role, chain_roles[due].word);
        chain_account_load(portal, o->by, &by);
        if (by.role != due)
                refuse("wrong_role", "the account of %s is defined by %s", o->role, chain_roles[due].word);
        if (!same_centre(&by, o->centre) || strcmp(by.province, o->province_fa) != 0)
                refuse("other_office", "%s works for another centre or province", o->by);
}

void chain_account_add(struct portal *portal, const struct chain_options *o)
{
        enum chain_role role = role_find(chain_needed(o->role, "--role"));
        const char *name = chain_needed(o->name, "--name");
        ACCOUNT old = { 0 };

        if (!pattern_match("^[A-Za-z0-9._:@-]{1,64}$", name))
                refuse("bad_name", "an account is a pseudonym of 1 to 64 letters, digits and . _ : @ -");
        if (chain_roles[role].of_centre != (o->centre != NULL))
                refuse("bad_centre", "%s works for %s", o->role, o->centre ? "the province" : "one centre: --centre");
        if (account_find(portal, name, &old)) /* nobody holds two offices */
                refuse("account_exists", "%s is %s already", name, chain_roles[old.role].word);
        definer_check(portal, o, role);
        store_run(&portal->store,
                  "INSERT INTO chain_account(name, role, province, centre, defined_by) VALUES(?1, ?2, ?3, ?4, ?5)",
                  "sssss", name, o->role, o->province_fa, o->centre, o->by);
        printf("{\"name\":\"%s\",\"role\":\"%s\"}\n", name, o->role);
}

enum chain_role chain_actor(struct portal *portal, const struct chain_options *o, const struct chain_case *one)
{
        ACCOUNT by = { 0 };

        chain_account_load(portal, o->by, &by);
        if (by.role >= ROLE_CHAIN_COUNT)
                refuse("wrong_role", "%s takes no part in the chain", chain_roles[by.role].word);
        if (!same_centre(&by, one->centre) || strcmp(by.province, one->province) != 0)
                refuse("other_office", "%s works for another centre or province", o->by);
        return by.role;
}
