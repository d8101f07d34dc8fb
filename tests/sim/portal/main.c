/* portal-sim: the reference portal. One directory holds everything: portal.db, pki/, port (while it serves). */
#include "admin.h"
#include "call.h"
#include "chain.h"
#include "seed.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
        "usage: portal-sim COMMAND --dir DIR [--pki DIR]\n"
        "  serve      [--listen 127.0.0.1:PORT] [--lease SECONDS] [--registered-only]\n"
        "  station    --station ID [--province-fa NAME]\n"
        "  seed       --applicants N [--seed S] [--odd K [--odd-kind KIND]] [--station ID] [--samples FILE]\n"
        "             [--province-fa NAME --province-en NAME]\n"
        "  authorise  --all | --application ID      headquarters lets a spoiled card be issued anew\n"
        "  withdraw   --application ID\n"
        "  unbind     --application ID              headquarters takes it from a dead station\n"
        "  epoch      --station ID                  gives out the next epoch and prints it\n"
        "  ship       --from SERIAL --to SERIAL     a shipment of blanks\n"
        "  ledger                                   prints everything but personal data as JSON\n"
        "  fault      --mode MODE [--path TEXT] [--count N] [--arg N]\n"
        "             drop_before drop_after delay_before delay_after status nonsense truncate bad_receipt clear\n"
        "%s"
        "The portal's PKI is made by tests/rig/pki DIR/pki STATION.\n";

struct options {
        const char *dir, *pki, *listen, *station, *application, *from, *to, *mode, *path;
        struct seed_options seed;
        struct chain_options chain;
        int64_t lease_s, count, arg;
        bool all, registered_only;
};

struct option_row {
        const char *name;
        const char **text;
        int64_t *number;
        bool *flag;
};

static int64_t number_read(const char *name, const char *text)
{
        char *end;
        long long number;

        errno = 0;
        number = strtoll(text, &end, 10);
        if (errno != 0 || end == text || *end)
                die("--%s %s is no number", name, text);
        return number;
}

static bool option_set(const struct option_row *row, const char *value)
{
        if (row->flag) {
                *row->flag = true;
                return false;
        }
        if (!value)
                die("--%s needs a value", row->name);
        if (row->number)
                *row->number = number_read(row->name, value);
        else
                *row->text = value;
        return true;
}

static void options_read(struct options *o, int argc, char **argv)
{
        const struct option_row rows[] = {
                { .name = "dir", .text = &o->dir },
                { .name = "pki", .text = &o->pki },
                { .name = "listen", .text = &o->listen },
                { .name = "station", .text = &o->station },
                { .name = "application", .text = &o->application },
                { .name = "from", .text = &o->from },
                { .name = "to", .text = &o->to },
                { .name = "mode", .text = &o->mode },
                { .name = "path", .text = &o->path },
                { .name = "samples", .text = &o->seed.samples },
                { .name = "province-fa", .text = &o->seed.province_fa },
                { .name = "province-en", .text = &o->seed.province_en },
                { .name = "odd-kind", .text = &o->seed.odd_kind },
                { .name = "applicants", .number = &o->seed.n },
                { .name = "seed", .number = &o->seed.seed },
                { .name = "odd", .number = &o->seed.n_odd },
                { .name = "lease", .number = &o->lease_s },
                { .name = "count", .number = &o->count },
                { .name = "by", .text = &o->chain.by },
                { .name = "at", .text = &o->chain.at },
                { .name = "name", .text = &o->chain.name },
                { .name = "role", .text = &o->chain.role },
                { .name = "centre", .text = &o->chain.centre },
                { .name = "kind", .text = &o->chain.kind },
                { .name = "old", .text = &o->chain.old },
                { .name = "minutes", .text = &o->chain.minutes },
                { .name = "exam", .text = &o->chain.exam },
                { .name = "field", .text = &o->chain.field },
                { .name = "value", .text = &o->chain.value },
                { .name = "reason", .text = &o->chain.reason },
                { .name = "unit", .text = &o->chain.unit },
                { .name = "reference", .text = &o->chain.reference },
                { .name = "weekend", .text = &o->chain.weekend },
                { .name = "holidays", .text = &o->chain.holidays },
                { .name = "person", .number = &o->chain.person },
                { .name = "theory", .number = &o->chain.theory },
                { .name = "practical", .number = &o->chain.practical },
                { .name = "on-worksheet", .number = &o->chain.on_worksheet },
                { .name = "amount", .number = &o->chain.amount },
                { .name = "arg", .number = &o->arg },
                { .name = "all", .flag = &o->all },
                { .name = "registered-only", .flag = &o->registered_only },
        };

        for (int i = 2; i < argc; i++) {
                const struct option_row *found = NULL;

                if (!o->chain.act && strcmp(argv[1], "chain") == 0 && argv[i][0] != '-') {
                        o->chain.act = argv[i];
                        continue;
                }

                for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
                        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, rows[k].name) == 0)
                                found = &rows[k];
                }
                if (!found)
                        die("unknown option %s (portal-sim --help)", argv[i]);
                i += option_set(found, argv[i + 1]);
        }
}

static void serve(struct portal *portal, const struct options *o, const char *pki)
{
        OWNED char *cert = text_format("%s/portal.pem", pki);
        OWNED char *key = text_format("%s/portal.key", pki);
        OWNED char *ca = text_format("%s/portal-ca.pem", pki);
        OWNED char *port_file = text_format("%s/port", o->dir);
        struct server_options server = {
                .listen = o->listen,
                .cert = cert,
                .key = key,
                .ca = ca,
                .port_file = port_file,
                .handle = portal_handle,
                .ctx = portal,
        };

        portal->lease_s = o->lease_s;
        portal->registered_only = o->registered_only;
        server_run(&server);
}

static void seed(struct portal *portal, const struct options *o)
{
        admin_station(portal, o->station, o->seed.province_fa);
        seed_run(portal, &o->seed);
}

static const char *needed(const char *value, const char *name)
{
        if (!value)
                die("%s is needed (portal-sim --help)", name);
        return value;
}

static bool chain(struct portal *portal, const struct options *o)
{
        struct chain_options c = o->chain;

        needed(c.act, "an act of the chain");
        c.application = o->application;
        c.from = o->from;
        c.to = o->to;
        c.samples = o->seed.samples;
        c.province_fa = o->seed.province_fa;
        c.province_en = o->seed.province_en;
        return chain_run(portal, &c);
}

/* A command that changes the store in one transaction. */
static bool administer(struct portal *portal, const struct options *o, const char *command)
{
        if (strcmp(command, "station") == 0)
                admin_station(portal, o->station, o->seed.province_fa);
        else if (strcmp(command, "epoch") == 0)
                admin_epoch(portal, o->station);
        else if (strcmp(command, "authorise") == 0)
                admin_authorise(portal, o->all ? NULL : needed(o->application, "--all or --application"));
        else if (strcmp(command, "withdraw") == 0)
                admin_withdraw(portal, needed(o->application, "--application"));
        else if (strcmp(command, "unbind") == 0)
                admin_unbind(portal, needed(o->application, "--application"));
        else if (strcmp(command, "ship") == 0)
                admin_ship(portal, o->seed.province_fa, needed(o->from, "--from"), needed(o->to, "--to"));
        else if (strcmp(command, "fault") == 0)
                admin_fault(portal, needed(o->mode, "--mode"), o->path, o->count, o->arg);
        else if (strcmp(command, "chain") == 0)
                return chain(portal, o);
        else if (strcmp(command, "ledger") == 0)
                admin_ledger(portal);
        else
                return false;
        return true;
}

static void run(struct portal *portal, const struct options *o, const char *pki, const char *command)
{
        if (strcmp(command, "serve") == 0) {
                serve(portal, o, pki);
        } else if (strcmp(command, "seed") == 0) {
                seed(portal, o);
        } else {
                store_run(&portal->store, "BEGIN IMMEDIATE", "");
                if (!administer(portal, o, command))
                        die("no such command: %s (portal-sim --help)", command);
                store_run(&portal->store, "COMMIT", "");
        }
}

int main(int argc, char **argv)
{
        struct options o = {
                .listen = "127.0.0.1:0",
                .station = "golestan-1",
                .path = "",
                .lease_s = 900,
                .count = 1,
                .chain = { .kind = "new",
                           .person = -1,
                           .theory = -1,
                           .practical = -1,
                           .on_worksheet = -1,
                           .amount = -1 },
                .seed = { .samples = SAMPLES, .province_fa = "گلستان", .province_en = "Golestan" },
        };
        struct portal portal;

        if (argc < 2 || strcmp(argv[1], "--help") == 0) {
                fprintf(argc < 2 ? stderr : stdout, usage, chain_usage);
                return argc < 2 ? 2 : 0;
        }
        options_read(&o, argc, argv);
        mkdir(needed(o.dir, "--dir"), 0700);
        OWNED char *pki = o.pki ? must(strdup(o.pki)) : text_format("%s/pki", o.dir);

        portal_open(&portal, o.dir, pki);
        chain_create(&portal.store);
        run(&portal, &o, pki, argv[1]);
        portal_close(&portal);
        return 0;
}
