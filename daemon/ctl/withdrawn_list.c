#include "daemon/ctl/withdrawn_list.h"
#include "daemon/ctl/child.h"
#include "daemon/ctl/client.h"
#include "proto/portal/reissue.h"
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)

static int open_ca(struct ctl *c, const char *ca, X509_STORE **ret, struct error *err)
{
        char pem[CHILD_PEM_MAX];

        if (!ca && ctl_config(c, err) < 0)
                return -1;
        if (child_read_pem(ca ? ca : c->config.portal.ca, pem, err) < 0)
                return -1;
        return jws_ca_new((struct bytes){ (const uint8_t *)pem, strlen(pem) }, ret, err);
}

/* Every entry must be genuine: a list with a broken one proves nothing about the serials it lacks. */
static int judge_entry(X509_STORE *ca, const char *text, const char *serial, int64_t *ret_at, struct error *err)
{
        struct bytes jws = { (const uint8_t *)text, strcspn(text, "\r\n") };
        struct withdrawn w;

        if (withdrawn_open(jws, ca, (int64_t)time(NULL), &w, err) < 0)
                return -1;
        if (strcmp(w.serial, serial) != 0)
                return 0;
        *ret_at = w.at;
        return 1;
}

static int look_in_file(X509_STORE *ca, const char *file, const char *serial, int64_t *ret_at, struct error *err)
{
        cleanup(free_p) char *line = NULL;
        FILE *f = fopen(file, "re");
        size_t max = 0;
        int r = 0, found = 0;

        if (!f)
                return err_input(err, REASON_BAD_REQUEST, "cannot read %s", file);
        while (r >= 0 && getline(&line, &max, f) > 0) {
                if (line[strspn(line, " \t\r\n")] == '\0')
                        continue;
                r = judge_entry(ca, line, serial, ret_at, err);
                found = r > 0 ? 1 : found;
        }
        (void)fclose(f);
        return r < 0 ? -1 : found;
}

static int ask_station(struct ctl *c, X509_STORE *ca, const char *serial, int64_t *ret_at, struct error *err)
{
        cleanup(json_p) json_t *answer = NULL;
        const json_t *row;
        int r = 0, found = 0;
        size_t i;

        if (client_call(c, "GET", "/v1/withdrawn", NULL, &answer, err) < 0)
                return -1;
        json_array_foreach(json_object_get(answer, "withdrawn"), i, row)
        {
                const char *statement = json_string_value(json_object_get(row, "statement"));

                r = judge_entry(ca, statement ? statement : "", serial, ret_at, err);
                if (r < 0)
                        return -1;
                found = r > 0 ? 1 : found;
        }
        return found;
}

int withdrawn_list_has(struct ctl *c, const char *file, const char *ca, const char *serial, int64_t *ret_at,
                       struct error *err)
{
        cleanup(X509_STORE_free_p) X509_STORE *store = NULL;

        if (open_ca(c, ca, &store, err) < 0)
                return -1;
        return file ? look_in_file(store, file, serial, ret_at, err) : ask_station(c, store, serial, ret_at, err);
}
