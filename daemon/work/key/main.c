/* mohr-key: the one process that holds keys. It decides for itself what it signs: DESIGN 2, proto/ipc/key.h. */
#define _GNU_SOURCE
#include "daemon/work/confine.h"
#include "daemon/work/key/tasks.h"
#include "daemon/work/service.h"
#include "proto/base/cleanup.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char usage[] =
        "usage: mohr-key --socket PATH --peer-uid USER --state DIR --module SO --token LABEL --pin-file FILE\n"
        "                --profile FILE --portal-ca PEM --ds-cert PEM [--signer LABEL] [--master LABEL]\n"
        "                [--station ID] [--authority-fa TEXT] [--authority-en TEXT]\n"
        "                [--reissue always|registered] [--laboratory]\n";

struct options {
        const char *socket, *state, *reissue;
        const char *station, *authority_fa, *authority_en;
        long peer;
        struct custody_options custody;
};

enum {
        SOCKET = 1,
        PEER,
        STATE,
        MODULE,
        TOKEN,
        PIN,
        PROFILE,
        PORTAL_CA,
        DS_CERT,
        SIGNER,
        MASTER,
        STATION,
        AUTHORITY_FA,
        AUTHORITY_EN,
        REISSUE,
        LABORATORY
};

static const struct option names[] = { { "socket", required_argument, NULL, SOCKET },
                                       { "peer-uid", required_argument, NULL, PEER },
                                       { "state", required_argument, NULL, STATE },
                                       { "module", required_argument, NULL, MODULE },
                                       { "token", required_argument, NULL, TOKEN },
                                       { "pin-file", required_argument, NULL, PIN },
                                       { "profile", required_argument, NULL, PROFILE },
                                       { "portal-ca", required_argument, NULL, PORTAL_CA },
                                       { "ds-cert", required_argument, NULL, DS_CERT },
                                       { "signer", required_argument, NULL, SIGNER },
                                       { "master", required_argument, NULL, MASTER },
                                       { "station", required_argument, NULL, STATION },
                                       { "authority-fa", required_argument, NULL, AUTHORITY_FA },
                                       { "authority-en", required_argument, NULL, AUTHORITY_EN },
                                       { "reissue", required_argument, NULL, REISSUE },
                                       { "laboratory", no_argument, NULL, LABORATORY },
                                       { NULL, 0, NULL, 0 } };

/* Where an option's text goes; NULL for the two that are no text. */
static const char **place(struct options *o, int id)
{
        const char **const places[] = { [SOCKET] = &o->socket,
                                        [STATE] = &o->state,
                                        [MODULE] = &o->custody.module,
                                        [TOKEN] = &o->custody.token,
                                        [PIN] = &o->custody.pin_file,
                                        [PROFILE] = &o->custody.profile,
                                        [PORTAL_CA] = &o->custody.portal_ca,
                                        [DS_CERT] = &o->custody.ds_cert,
                                        [SIGNER] = &o->custody.signer,
                                        [MASTER] = &o->custody.master,
                                        [STATION] = &o->station,
                                        [AUTHORITY_FA] = &o->authority_fa,
                                        [AUTHORITY_EN] = &o->authority_en,
                                        [REISSUE] = &o->reissue };

        return (size_t)id < ARRAY_SIZE(places) ? places[id] : NULL;
}

static bool complete(const struct options *o)
{
        return o->socket && o->state && o->peer >= 0 && o->custody.module && o->custody.token && o->custody.pin_file &&
               o->custody.profile && o->custody.portal_ca && o->custody.ds_cert &&
               (strcmp(o->reissue, "always") == 0 || strcmp(o->reissue, "registered") == 0);
}

static bool parse(int argc, char **argv, struct options *ret)
{
        int id;

        while ((id = getopt_long(argc, argv, "", names, NULL)) != -1) {
                if (id == LABORATORY)
                        ret->custody.laboratory = true;
                else if (id == PEER ? (ret->peer = service_uid(optarg)) < 0 : !place(ret, id))
                        return false;
                else if (id != PEER)
                        *place(ret, id) = optarg;
        }
        return optind == argc && complete(ret);
}

/* The sessions' keys must not reach the disk: without locked memory only a laboratory goes on. */
static struct session_table *make_sessions(bool laboratory, struct error *err)
{
        struct session_table *table = calloc(1, sizeof *table);

        if (table && (session_table_init(table) || laboratory))
                return table;
        free(table);
        (void)err_own(err, ERR_OPERATOR, REASON_BAD_CONFIG, "memory cannot be locked: raise LimitMEMLOCK");
        return NULL;
}

static int serve(const struct options *o, struct error *err)
{
        struct key_service service = { .registered = strcmp(o->reissue, "registered") == 0,
                                       .station = o->station,
                                       .authority_fa = o->authority_fa,
                                       .authority_en = o->authority_en };

        if (service_setup(err) < 0)
                return -1;
        service.sessions = make_sessions(o->custody.laboratory, err);
        if (!service.sessions || custody_open(&o->custody, &service.custody, err) < 0 ||
            store_open(o->state, &service.store, err) < 0 ||
            store_log(service.store, "started",
                      json_pack("{s:s,s:b,s:s}", "profile", service.custody.profile.id, "laboratory",
                                (int)o->custody.laboratory, "reissue", o->reissue),
                      time(NULL), err) < 0 ||
            confine_calls(err) < 0)
                return -1;
        return service_run(o->socket, (uid_t)o->peer, "mohr-key", key_tasks, &service, err);
}

int main(int argc, char **argv)
{
        struct options o = { .reissue = "always",
                             .station = "MOHR",
                             .authority_fa = "سازمان آموزش فنی و حرفه‌ای کشور",
                             .authority_en = "Technical and Vocational Training Organization",
                             .peer = -1,
                             .custody = { .signer = "mohr-document-signer" } };
        struct error err = { 0 };

        if (!parse(argc, argv, &o)) {
                (void)fputs(usage, stderr);
                _exit(2);
        }
        (void)serve(&o, &err);
        (void)fprintf(stderr, "mohr-key: %s\n", err.text);
        _exit(reason_exit_status(err.reason)); /* not through the module's exit handlers */
}
