#define _GNU_SOURCE
#include "tests/unit/station-net.h"
#include "daemon/work/service.h"
#include "proto/ipc/net.h"
#include "tests/unit/station-rig.h"
#include "tests/unit/station-script.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *operation(const char *path)
{
        const char *last = strrchr(path, '/');

        if (strcmp(path, "/v1/spoils") == 0 || strcmp(path, "/v1/anchors") == 0)
                return strcmp(path, "/v1/spoils") == 0 ? "spoil" : "anchor";
        return last ? last + 1 : "";
}

/* {"id" or serial, stage, ...} as proto/portal.openapi.yaml has it, with its receipt. */
static char *grant(struct rig *r, const struct net_call *call, const char *what, struct bytes body)
{
        cleanup(free_p) char *receipt = NULL;
        char sha256[SHA256_TEXT], id[40] = "", *text = NULL;
        const char *more = strcmp(what, "claim") == 0   ? "\"stage\":\"claimed\",\"fence\":5,\"lease_s\":900"
                           : strcmp(what, "begin") == 0 ? "\"stage\":\"bound\",\"fence\":5"
                                                        : "\"stage\":\"issued\"";

        sha256_hex(body, sha256);
        receipt = rig_receipt_of(r, call->key, sha256, what, "golestan-1");
        (void)sscanf(call->path, "/v1/applications/%39[^/]", id);
        if (strcmp(what, "spoil") == 0) {
                cleanup(json_p) json_t *sent = json_loadb((const char *)body.p, body.n, 0, NULL);
                const char *of = json_string_value(json_object_get(sent, "application"));

                (void)!asprintf(&text, "{\"application\":%s%s%s,\"serial\":\"%s\",\"stage\":%s,\"receipt\":\"%s\"}",
                                of ? "\"" : "", of ? of : "null", of ? "\"" : "",
                                json_string_value(json_object_get(sent, "serial")),
                                of ? "\"awaiting_reissue\"" : "null", receipt);
        } else if (strcmp(what, "anchor") == 0) {
                (void)!asprintf(&text, "{\"seq\":7,\"receipt\":\"%s\"}", receipt);
        } else {
                (void)!asprintf(&text, "{\"id\":\"%s\",%s,\"receipt\":\"%s\"}", id, more, receipt);
        }
        return text;
}

static int answer(int status, int retry_s, const char *text, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct net_answer a = { .status = status, .type = NET_JSON, .date = -1, .retry_after_s = retry_s };

        *ret_args = net_encode_answer(&a);
        *ret_blob = blob_new((struct bytes){ (const uint8_t *)text, strlen(text) }, err);
        return *ret_blob < 0 ? -1 : 0;
}

/* What mohr-net never answers. True when the script wants one of these. */
static bool broken_answer(const char *action, json_t **ret_args, int *ret_blob)
{
        struct net_answer a = { .status = 200, .type = NET_JSON, .date = -1, .retry_after_s = -1 };

        if (strcmp(action, "die") == 0)
                (void)raise(SIGKILL);
        if (strcmp(action, "garbled") != 0 && strcmp(action, "unsealed") != 0 && strcmp(action, "silent") != 0)
                return false;
        *ret_args = strcmp(action, "garbled") == 0 ? json_pack("{s:s}", "status", "good") : net_encode_answer(&a);
        if (strcmp(action, "unsealed") == 0)
                *ret_blob = memfd_create("unsealed", MFD_CLOEXEC);
        return true;
}

static int call(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct rig *r = w->context;
        cleanup(blob_unmap) struct bytes body = { 0 };
        cleanup(free_p) char *text = NULL;
        const char *what, *action;
        char word[80], reason[40] = "";
        struct net_call c;
        int status = 0, retry_s = -1;

        if (net_decode_call(args, &c, err) < 0 || (blob >= 0 && blob_map(blob, &body, err) < 0))
                return -1;
        what = operation(c.path);
        action = script_action(r->dir, "net", what);
        if (c.method == NET_GET || strcmp(what, "hello") == 0 || strcmp(action, "unsent") == 0)
                return err_own(err, ERR_RETRY, REASON_PORTAL_DOWN, "not sent");
        if (broken_answer(action, ret_args, ret_blob))
                return 0;
        if (strcmp(action, "chatty") == 0)
                worker_progress(w, "sending", 0, 1);
        if (sscanf(action, "%d %39s %d", &status, reason, &retry_s) >= 1) {
                (void)!asprintf(&text, "{\"error\":{\"reason\":\"%s\",\"text\":\"x\"}}", reason);
                return answer(status, retry_s, text, ret_args, ret_blob, err);
        }
        if (strcmp(action, "nonsense") == 0)
                return answer(200, -1, "{\"id\":", ret_args, ret_blob, err);
        (void)snprintf(word, sizeof word, "%s %s", what, c.key);
        script_effect(r->dir, word);
        script_effect(r->dir, what);
        if (strcmp(action, "unheard") == 0)
                return err_own(err, ERR_UNKNOWN, REASON_PORTAL_DOWN, "no answer");
        text = grant(r, &c, what, body);
        return answer(200, -1, text, ret_args, ret_blob, err);
}

pid_t station_net_start(struct rig *r)
{
        static const struct worker_task tasks[] = { { "call", call }, { NULL, NULL } };
        char path[160];
        struct error err;
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid > 0)
                return pid;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)snprintf(path, sizeof path, "%s/net.sock", r->dir);
        (void)service_setup(&err);
        (void)service_run(path, getuid(), "mohr-net", tasks, r, &err);
        _exit(1);
}
