#include "chain.h"
#include "calendar.h"
#include "chain_case.h"
#include "util.h"
#include <string.h>

const char chain_usage[] =
        "  chain ACT  the officials' work (A, I-6, I-9.1); --at TIME = when, instead of now\n"
        "    account  --name N --role R [--centre C] [--by N]    R: exam_expert centre_head assessment_head security\n"
        "             director training_expert it\n"
        "    register --by N --centre C --exam JALALI [--person N] [--kind renewal --old CERTIFICATE]\n"
        "             [--kind replacement --old CERTIFICATE --minutes NUMBER [--field F --value TEXT]]\n"
        "    edit     --by N --application ID --field F --value TEXT\n"
        "    receive  --by N --application ID\n"
        "    enter    --by N --application ID --theory X100 --practical X100 [--on-worksheet X100]\n"
        "    confirm  --by N --application ID\n"
        "    reject   --by N --application ID --reason TEXT\n"
        "    pay      --application ID --amount N --unit rial|toman --reference TEXT\n"
        "    show     --application ID\n"
        "    list\n"
        "    calendar [--weekend thursday,friday] [--holidays FILE]\n"
        "    days     --from YYYY-MM-DD --to YYYY-MM-DD\n";

static void show(struct portal *portal, const struct chain_options *o)
{
        CASE one = { 0 };

        chain_load(portal, o->application, &one);
        chain_print(portal, &one, chain_at(portal, o), true);
}

static void list(struct portal *portal, const struct chain_options *o)
{
        int64_t at = chain_at(portal, o);
        QUERY rows = store_query(&portal->store,
                                 "SELECT c.id FROM chain_case c LEFT JOIN application a ON a.id = c.id"
                                 " WHERE coalesce(a.stage, '') <> 'withdrawn' ORDER BY c.number",
                                 "");

        while (store_row(rows)) {
                CASE one = { 0 };

                chain_load(portal, column_text(rows, 0), &one);
                chain_print(portal, &one, at, false);
        }
}

static void calendar(struct portal *portal, const struct chain_options *o)
{
        if (o->weekend)
                calendar_set_weekend(&portal->store, o->weekend);
        if (o->holidays)
                calendar_set_holidays(&portal->store, o->holidays);
        calendar_print(&portal->store);
}

static int64_t noon(const char *date)
{
        OWNED char *text = text_format("%sT12:00:00Z", date);

        return chain_time(text);
}

static void days(struct portal *portal, const struct chain_options *o)
{
        calendar_print_days(&portal->store, calendar_day(noon(chain_needed(o->from, "--from"))),
                            calendar_day(noon(chain_needed(o->to, "--to"))));
}

bool chain_run(struct portal *portal, const struct chain_options *options)
{
        static const struct {
                const char *word;
                void (*act)(struct portal *portal, const struct chain_options *o);
        } acts[] = {
                { "account", chain_account_add },
                { "register", chain_register },
                { "edit", chain_edit },
                { "receive", chain_receive },
                { "enter", chain_enter },
                { "confirm", chain_confirm },
                { "reject", chain_reject },
                { "pay", chain_pay },
                { "show", show },
                { "list", list },
                { "calendar", calendar },
                { "days", days },
        };

        for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
                if (strcmp(options->act, acts[i].word) == 0) {
                        acts[i].act(portal, options);
                        return true;
                }
        }
        return false;
}
