#include "daemon/core/core.h"
#include "daemon/core/card/recover.h"
#include "daemon/core/loop/log.h"
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include "proto/gp/profile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool core_commit(struct core *c, struct error *err)
{
        enum ledger_outcome outcome = ledger_commit(&c->ledger, err);

        if (outcome == LEDGER_STOP) {
                log_error(LEVEL_ERROR, (struct log_at){ .step = "ledger" }, err);
                c->ledger_lost = true;
                c->loop.quit = true;
        }
        return outcome == LEDGER_DONE;
}

void core_publish(struct core *c, const char *name, json_t *json)
{
        if (c->web)
                web_publish(c->web, name, json ? json : json_object());
        else
                json_decref(json);
}

struct who core_who(const struct config_person *person)
{
        return (struct who){ person->name, role_name((enum role)person->role),
                             office_name((enum office)person->office) };
}

void core_today(const struct core *c, char ret[11])
{
        clock_local_date(clock_wall_ms(), (int)c->config.station.timezone_minutes, ret);
}

enum { CLOCK_APART_MS = 24 * 3600 * 1000 };

void core_clock_heard(struct core *c, int64_t at_s)
{
        c->witness.at_ms = at_s * 1000;
        c->witness.boot_ms = now_boot_ms();
}

bool core_clock_believes(int64_t at_s)
{
        return at_s * 1000 < clock_wall_ms() + CLOCK_APART_MS;
}

static int check_witness(struct core *c, struct error *err)
{
        int64_t portal_ms = c->witness.at_ms + now_boot_ms() - c->witness.boot_ms;
        int64_t ahead_ms = clock_wall_ms() - portal_ms;

        if (c->witness.boot_ms == 0 || (ahead_ms < CLOCK_APART_MS && ahead_ms > -CLOCK_APART_MS))
                return 0;
        c->sync.greeted = false;
        sync_kick(&c->sync);
        return err_own(err, ERR_OPERATOR, REASON_CLOCK_WRONG, "the clock is %lld hours %s the portal's",
                       llabs(ahead_ms) / 3600000LL, ahead_ms > 0 ? "ahead of" : "behind");
}

int core_clock_check(struct core *c, struct error *err)
{
        char today[11], floor[11] = "";

        core_today(c, today);
        (void)ledger_get_text(&c->ledger, floor, sizeof floor, "SELECT value FROM meta WHERE key='clock_floor'", "");
        if (strcmp(today, c->config.station.clock_floor) < 0 || strcmp(today, floor) < 0)
                return err_own(err, ERR_OPERATOR, REASON_CLOCK_WRONG, "the clock says %s, it is at least %s", today,
                               strcmp(floor, c->config.station.clock_floor) > 0 ? floor
                                                                                : c->config.station.clock_floor);
        return check_witness(c, err);
}

static int read_file(const char *path, struct bytes *ret, struct error *err)
{
        enum { FILE_BYTES_MAX = 65536 };
        FILE *f = fopen(path, "re");
        uint8_t *p = f ? malloc(FILE_BYTES_MAX + 1) : NULL;
        size_t n = p ? fread(p, 1, FILE_BYTES_MAX, f) : 0;

        if (f)
                (void)fclose(f);
        if (n == 0) {
                free(p);
                return err_set(err, ERR_INPUT, ORIGIN_OS, (uint32_t)errno, REASON_BAD_CONFIG, "cannot read %s", path);
        }
        p[n] = '\0';
        *ret = (struct bytes){ p, n };
        return 0;
}

static struct work *service(struct core *c, const char *name, const char *socket, enum reason down, struct error *err)
{
        struct work_spec spec = { .name = name, .kind = WORK_SERVICE, .socket = socket, .down = down };

        return work_new(&c->loop, &spec, err);
}

static struct work *render_work(struct core *c, struct error *err)
{
        char program[512];
        const char *argv[] = {
                program, "--layouts", c->config.render.layouts_dir, "--fonts", c->config.render.fonts_dir, NULL
        };
        struct work_spec spec = { .name = "mohr-render", .kind = WORK_ONE_SHOT, .argv = argv, .start_ms = 20000 };

        (void)snprintf(program, sizeof program, "%s/mohr-render", c->config.station.programs_dir);
        return work_new(&c->loop, &spec, err);
}

static int open_works(struct core *c, struct error *err)
{
        c->net = service(c, "mohr-net", c->config.portal.socket, REASON_PORTAL_DOWN, err);
        c->key = c->net ? service(c, "mohr-key", c->config.key.socket, REASON_KEY_DOWN, err) : NULL;
        c->render = c->key ? render_work(c, err) : NULL;
        if (!c->render)
                return -1;
        for (size_t i = 0; i < c->config.n_lines; i++) {
                if (line_open(&c->lines[i], c, &c->config.lines[i], err) < 0)
                        return -1;
                c->n_lines++;
        }
        return 0;
}

static int open_web(struct core *c, struct error *err)
{
        struct web_spec spec = {
                .socket = c->config.station.socket,
                .mode = 0666,
                .tcp = c->config.station.console_port > 0,
                .port = (uint16_t)c->config.station.console_port,
                .routes = api_routes,
                .events = &c->events,
                .context = c,
        };

        c->web = web_open(&c->loop, &spec, err);
        return c->web ? 0 : -1;
}

static int ledger_place(const struct config *config, char *ret, size_t max, struct error *err)
{
        if (mkdir(config->station.state_dir, 0700) < 0 && errno != EEXIST)
                return err_set(err, ERR_INPUT, ORIGIN_OS, (uint32_t)errno, REASON_BAD_CONFIG, "cannot make %s: %s",
                               config->station.state_dir, strerror(errno));
        (void)snprintf(ret, max, "%s/ledger.db", config->station.state_dir);
        return 0;
}

static int open_ledger(struct core *c, struct error *err)
{
        char path[512];

        if (ledger_place(&c->config, path, sizeof path, err) < 0)
                return -1;
        if (ledger_open(&c->ledger, path, c->config.station.id, err) < 0)
                return -1;
        if (c->ledger.migrated_from > 0)
                log_say(LEVEL_WARNING, "the ledger was of schema %d; it is migrated, its backup lies beside it",
                        (int)c->ledger.migrated_from);
        return 0;
}

/* What of DG2 is not the photo: tags, lengths and the record's headers, 85 bytes as measured. */
enum { PHOTO_WRAPPER = 128 };

static int read_profile(struct core *c, struct bytes text, struct error *err)
{
        cleanup(free_p) struct profile *p = calloc(1, sizeof *p);
        const struct profile_object *dg2;

        if (!p)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        if (profile_parse(text, p, err) < 0)
                return -1;
        dg2 = profile_object_find(p, "dg2");
        if (!dg2 || dg2->max_bytes <= PHOTO_WRAPPER)
                return err_input(err, REASON_BAD_CONFIG, "%s: no room for a photo", c->config.chip.profile);
        c->photo_max = dg2->max_bytes - PHOTO_WRAPPER;
        return 0;
}

int core_new_ledger(const char *config_file, int64_t epoch, struct error *err)
{
        struct config config = { 0 };
        char path[512];
        int r = -1;

        if (config_load(config_file, &config, NULL, NULL, err) == 0 &&
            ledger_place(&config, path, sizeof path, err) == 0)
                r = ledger_create(path, config.station.id, epoch, err);
        config_done(&config);
        return r;
}

static int pin_profile(struct core *c, struct error *err)
{
        struct bytes text = { 0 };
        int r;

        if (read_file(c->config.chip.profile, &text, err) < 0)
                return -1;
        sha256_hex(text, c->profile_sha256);
        r = read_profile(c, text, err);
        free((void *)(uintptr_t)text.p);
        return r;
}

static int open_all(struct core *c, const char *config_file, struct error *err)
{
        if (config_load(config_file, &c->config, NULL, NULL, err) < 0 ||
            read_file(c->config.portal.ca, &c->portal_ca, err) < 0 ||
            read_file(c->config.chip.ca, &c->chip_ca, err) < 0 || pin_profile(c, err) < 0)
                return -1;
        if (open_ledger(c, err) < 0 || loop_init(&c->loop, err) < 0 || events_init(&c->events, err) < 0)
                return -1;
        if (recover_at_start(c, err) < 0 || open_works(c, err) < 0 || open_web(c, err) < 0)
                return -1;
        outbox_open(&c->outbox, c);
        sync_open(&c->sync, c);
        anchor_open(&c->anchor, c);
        return 0;
}

int core_open(struct core *c, const char *config_file, struct error *err)
{
        *c = (struct core){ 0 };
        if (open_all(c, config_file, err) < 0) {
                core_close(c);
                return -1;
        }
        return 0;
}

int core_run(struct core *c, struct error *err)
{
        log_say(LEVEL_INFO, "station %s: ready, ledger at row %lld", c->config.station.id, (long long)c->ledger.seq);
        notify_ready(&c->notify, &c->loop);
        if (loop_run(&c->loop, err) < 0)
                return -1;
        notify_stopping(&c->notify);
        return c->ledger_lost ? err_own(err, ERR_BUG, REASON_LEDGER, "the ledger is in doubt; stopped") : 0;
}

void core_close(struct core *c)
{
        for (size_t i = 0; i < c->n_lines; i++)
                line_stop(&c->lines[i]);
        work_free(c->net);
        work_free(c->key);
        work_free(c->render);
        web_close(c->web);
        c->web = NULL; /* nobody listens any more */
        if (c->loop.epoll > 0)
                loop_timer_clear(&c->loop, &c->orphans);
        if (c->anchor.core)
                anchor_close(&c->anchor);
        if (c->sync.core)
                sync_close(&c->sync);
        if (c->outbox.core)
                outbox_close(&c->outbox);
        for (size_t i = 0; i < c->n_lines; i++)
                line_close(&c->lines[i]);
        events_done(&c->events);
        loop_done(&c->loop);
        ledger_close(&c->ledger);
        free((void *)(uintptr_t)c->portal_ca.p);
        free((void *)(uintptr_t)c->chip_ca.p);
        config_done(&c->config);
        *c = (struct core){ 0 };
}
