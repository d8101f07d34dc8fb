#define _GNU_SOURCE
#include "tests/unit/station-rig.h"
#include "daemon/core/custody/stock.h"
#include "daemon/core/loop/log.h"
#include "proto/text/date.h"
#include "tests/unit/station-net.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const struct who rig_expert = { "expert-1", "issuer", "assessment" };
const struct who rig_colleague = { "expert-2", "assessment_head", "assessment" };
const struct who rig_security = { "guard-1", "security", "security" };

static const char photo[] = "\xFF\xD8\xFF the photo of a test";
static json_t *sample;

static void write_file(const struct rig *r, const char *name, const char *text)
{
        char path[160], next[170];
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/%s", r->dir, name);
        (void)snprintf(next, sizeof next, "%s.new", path);
        f = fopen(next, "w");
        CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0 && rename(next, path) == 0);
}

static struct pki_party party(const char *cn, const char *ou, const struct pki_party *issuer)
{
        int64_t now = clock_wall_ms() / 1000;

        return pki_make(
                (struct pki_wish){ .cn = cn, .ou = ou, .from = now - 86400, .until = now + 86400 * 30, .ca = !issuer },
                issuer);
}

static void copy_profile(const struct rig *r, const char *data)
{
        char path[512], text[8192];
        size_t n;
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/../../config/chips/gp-scp03-laboratory.json", data);
        f = fopen(path, "r");
        CHECK(f);
        n = fread(text, 1, sizeof text - 1, f);
        CHECK(n > 0 && n < sizeof text - 1 && fclose(f) == 0);
        text[n] = '\0';
        write_file(r, "profile.json", text);
}

void rig_init(struct rig *r, const char *data)
{
        char path[512], pem[4096];

        *r = (struct rig){ 0 };
        /* in memory, where there is room: a ledger of 0.1 s needs no disk that keeps it */
        (void)strcpy(r->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/mohr-rig-XXXXXX" : "/tmp/mohr-rig-XXXXXX");
        CHECK(mkdtemp(r->dir));
        if (!sample) {
                (void)snprintf(path, sizeof path, "%s/approval.json", data);
                sample = json_load_file(path, 0, NULL);
                CHECK(sample);
        }
        r->root = party("Test root", NULL, NULL);
        r->approvals = party("approvals", "approvals", &r->root);
        r->receipts = party("receipts", "receipts", &r->root);
        r->reissues = party("reissues", "reissues", &r->root);
        pki_header("mohr-approval", &r->approvals, NULL, r->approval_header, sizeof r->approval_header);
        pki_header("mohr-receipt", &r->receipts, NULL, r->receipt_header, sizeof r->receipt_header);
        pki_header("mohr-reissue", &r->reissues, NULL, r->reissue_header, sizeof r->reissue_header);
        (void)pki_pem(&r->root, pem, sizeof pem);
        write_file(r, "ca.pem", pem);
        copy_profile(r, data);
        write_file(r, "script", "");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
        (void)st, (void)flag, (void)at;
        return remove(path);
}

void rig_done(struct rig *r)
{
        pki_free(&r->root);
        pki_free(&r->approvals);
        pki_free(&r->receipts);
        pki_free(&r->reissues);
        (void)nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void rig_bare(struct rig *r)
{
        static char station[] = "golestan-1", no_floor[] = "";
        struct core *c = &r->core;
        char path[160], pem[4096];
        struct error err;

        *c = (struct core){ 0 };
        c->config.station.id = station;
        c->config.station.clock_floor = no_floor;
        c->config.n_lines = c->n_lines = 1;
        (void)strcpy(c->config.lines[0].name, "a");
        c->lines[0] = (struct line){ .core = c, .config = &c->config.lines[0] };
        c->portal_ca = (struct bytes){ (const uint8_t *)pem, pki_pem(&r->root, pem, sizeof pem) };
        c->portal_ca.p = (const uint8_t *)strdup(pem);
        (void)strcpy(c->profile_sha256, "00");
        c->photo_max = 32639;
        c->outbox.core = c->sync.core = c;
        (void)snprintf(path, sizeof path, "%s/ledger.db", r->dir);
        (void)unlink(path);
        CHECK(loop_init(&c->loop, &err) == 0 && ledger_open(&c->ledger, path, "golestan-1", &err) == 0);
}

/* ---- the whole core ---------------------------------------------------------------------------------------------- */

static void write_config(const struct rig *r)
{
        char text[4096];

        CHECK(snprintf(text, sizeof text,
                       "[station]\nid = golestan-1\nprovince = golestan\nstate_dir = %s/state\nsocket = %s/s.sock\n"
                       "programs_dir = %s\nlaboratory = yes\n[portal]\nca = %s/ca.pem\nsocket = %s/net.sock\n"
                       "poll_s = 3600\n[key]\nsocket = %s/key.sock\n[chip]\nca = %s/ca.pem\nprofile = "
                       "%s/profile.json\ninsert_s = 5\nlimit_s = 2\n[print]\nlimit_s = 5\n[render]\nlayouts_dir = "
                       "%s\nfonts_dir = %s\n[line a]\nqueue = cards\nreader = Fake\ngate_dir = %s\npcsc_socket = "
                       "%s\n[person expert-1]\nuid = %d\nrole = issuer\noffice = assessment\n",
                       r->dir, r->dir, r->dir, r->dir, r->dir, r->dir, r->dir, r->dir, r->dir, r->dir, r->dir, r->dir,
                       (int)getuid()) < (int)sizeof text);
        write_file(r, "mohr.conf", text);
}

static void link_fakes(const struct rig *r, const char *fakes)
{
        static const char *const names[] = { "mohr-print", "mohr-chip", "mohr-render", "mohr-key" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[160], whole[PATH_MAX];

                (void)snprintf(path, sizeof path, "%s/%s", r->dir, names[i]);
                CHECK(realpath(fakes, whole));
                CHECK(symlink(whole, path) == 0 || errno == EEXIST);
        }
}

static pid_t start_key(const struct rig *r)
{
        char path[160];
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid > 0)
                return pid;
        (void)snprintf(path, sizeof path, "%s/mohr-key", r->dir);
        (void)execl(path, path, "--dir", r->dir, NULL);
        _exit(1);
}

static bool ready(struct rig *r)
{
        struct work *all[] = { r->core.net, r->core.key, r->core.lines[0].print, r->core.lines[0].chip };
        struct work_status s;

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                work_status(all[i], &s);
                if (s.state != WORK_IDLE && !(s.verb && strcmp(s.verb, "watch") == 0)) /* it yields to any task */
                        return false;
        }
        return true;
}

static void wait_for_socket(const struct rig *r, const char *name)
{
        char path[160];

        (void)snprintf(path, sizeof path, "%s/%s", r->dir, name);
        for (int i = 0; i < 2000 && access(path, F_OK) != 0; i++)
                (void)usleep(5000);
        (void)usleep(2000); /* bound, now it listens */
}

void rig_open(struct rig *r, const char *fakes)
{
        char path[160];
        struct error err;

        link_fakes(r, fakes);
        write_config(r);
        if (!r->net) {
                r->net = station_net_start(r);
                r->key = start_key(r);
                wait_for_socket(r, "net.sock"); /* the first connection shall find them */
                wait_for_socket(r, "key.sock");
        }
        (void)snprintf(path, sizeof path, "%s/mohr.conf", r->dir);
        if (core_open(&r->core, path, &err) < 0) {
                (void)fprintf(stderr, "core_open: %s\n", err.text);
                exit(1);
        }
        rig_until(r, ready);
}

static void end_process(pid_t *pid)
{
        if (*pid > 0) {
                (void)kill(*pid, SIGKILL);
                (void)waitpid(*pid, NULL, 0);
        }
        *pid = 0;
}

void rig_close(struct rig *r)
{
        core_close(&r->core);
        end_process(&r->net);
        end_process(&r->key);
}

void rig_script(const struct rig *r, const char *text)
{
        write_file(r, "script", text);
}

unsigned rig_effects(const struct rig *r, const char *word)
{
        char path[160], line[200];
        unsigned n = 0;
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/effects", r->dir);
        f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) {
                line[strcspn(line, "\n")] = '\0';
                n += strcmp(line, word) == 0;
        }
        if (f)
                (void)fclose(f);
        return n;
}

void rig_until(struct rig *r, bool (*what)(struct rig *r))
{
        int64_t end = now_boot_ms() + 20000;
        struct error err;

        while (!what(r)) {
                CHECK(now_boot_ms() < end);
                CHECK(loop_step(&r->core.loop, 20, &err) == 0);
        }
}

void rig_run(struct rig *r, int64_t ms)
{
        int64_t end = now_boot_ms() + ms;
        struct error err;

        while (ms > 0 && now_boot_ms() < end)
                CHECK(loop_step(&r->core.loop, 10, &err) == 0);
}

/* ---- the portal's papers ----------------------------------------------------------------------------------------- */

static char *jws(EVP_PKEY *key, const char *header, const char *payload)
{
        char *text = malloc(4 * (strlen(header) + strlen(payload)) / 3 + 400);

        CHECK(text);
        pki_jws(key, header, payload, text);
        return text;
}

char *rig_approval(struct rig *r, const char *application, void (*change)(json_t *approval))
{
        cleanup(json_p) json_t *a = json_deep_copy(sample);
        cleanup(free_p) char *text = NULL;
        char sha256[SHA256_TEXT];

        sha256_hex(BYTES_STR(photo), sha256);
        CHECK(json_object_set_new(a, "id", json_string(application)) == 0);
        CHECK(json_object_set_new(json_object_get(a, "photo"), "sha256", json_string(sha256)) == 0);
        if (change)
                change(a);
        text = json_dumps(a, JSON_COMPACT);
        return jws(r->approvals.key, r->approval_header, text);
}

char *rig_reissue(struct rig *r, const char *id, const char *application, const char *serial)
{
        char payload[512];

        (void)snprintf(payload, sizeof payload,
                       "{\"v\":1,\"id\":\"%s\",\"application\":\"%s\",\"spoiled_serial\":\"%s\",\"granted_at\":"
                       "\"2026-11-21T11:00:00Z\"}",
                       id, application, serial);
        return jws(r->reissues.key, r->reissue_header, payload);
}

char *rig_receipt_of(struct rig *r, const char *key, const char *payload_sha256, const char *what, const char *station)
{
        char payload[512], at[TIME_TEXT_MAX];

        time_format(clock_wall_ms() / 1000 + r->portal_ahead_s, at);
        (void)snprintf(payload, sizeof payload,
                       "{\"v\":1,\"station\":\"%s\",\"key\":\"%s\",\"payload_sha256\":\"%s\",\"portal_seq\":9,"
                       "\"at\":\"%s\",\"what\":\"%s\"}",
                       station, key, payload_sha256, at, what);
        return jws(r->receipts.key, r->receipt_header, payload);
}

char *rig_receipt(struct rig *r, const char *intent, const char *what, const char *station)
{
        char sha256[SHA256_TEXT] = "";

        CHECK(ledger_get_text(&r->core.ledger, sha256, sizeof sha256, "SELECT payload_sha256 FROM intent WHERE id=?1",
                              "s", intent));
        return rig_receipt_of(r, intent, sha256, what, station);
}

/* ---- what stands in the ledger ----------------------------------------------------------------------------------- */

static void commit(struct rig *r)
{
        struct error err;

        if (core_commit(&r->core, &err))
                return;
        (void)fprintf(stderr, "rig: %s\n", err.text);
        exit(1);
}

void rig_offer(struct rig *r, const char *application)
{
        cleanup(free_p) char *approval = rig_approval(r, application, NULL);
        struct ledger *l = &r->core.ledger;
        char sha256[SHA256_TEXT];
        struct error err;

        sha256_hex(BYTES_STR(photo), sha256);
        ledger_begin(l, &who_station);
        approval_take(&r->core, application, "approved", NULL, NULL, "none", approval);
        ledger_run(l, "INSERT INTO photo VALUES(?1,?2) ON CONFLICT DO NOTHING", "sb", sha256, BYTES_STR(photo));
        commit(r);
        CHECK(worksheet_confirm(&r->core, &rig_expert, application, "WS-1405-0317", &err) == 0);
}

void rig_load(struct rig *r, const char *to)
{
        struct error err;
        int64_t n;

        CHECK(stock_add(&r->core, &rig_expert, "SC-1405-000101", to, &n, &err) == 0);
        CHECK(stock_load(&r->core.lines[0], &rig_expert, "SC-1405-000101", to, &n, &err) == 0);
}

static void make_card(struct rig *r, const char *application, const char *serial, const char *card)
{
        struct ledger *l = &r->core.ledger;
        char face[FACE_CODE_TEXT], state[32] = "";
        int64_t attempt = 1;

        random_face_code(face);
        attempt += ledger_get_int(l, "SELECT count(*) FROM card WHERE application=?1", "s", application);
        ledger_run(l, "INSERT INTO card VALUES(?1,?2,?3,'a',?4,'2026-11-21','x','x','x','x',NULL,'expert-1',?5)",
                   "ssisi", card, application, attempt, face, clock_wall_ms());
        (void)ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state);
        if (strcmp(state, "bound") != 0)
                ledger_move(l, ENTITY_APPLICATION, application, "bind", NULL, NULL);
        ledger_run(l, "UPDATE application SET fence=5 WHERE id=?1", "s", application);
        ledger_move_set(l, ENTITY_BLANK, serial, "reserve", NULL, NULL,
                        "UPDATE blank SET state=?2, application=?3, card=?4 WHERE serial=?1", "ss", application, card);
}

static void set_chip(struct ledger *l, const char *serial)
{
        char sha256[SHA256_TEXT], chip[21];

        sha256_hex((struct bytes){ (const uint8_t *)serial, strlen(serial) }, sha256);
        (void)snprintf(chip, sizeof chip, "%.20s", sha256);
        ledger_run(l, "UPDATE blank SET chip_id=?2, sod_sha256=?3, written_at=?4 WHERE serial=?1", "sssi", serial, chip,
                   sha256, clock_wall_ms());
}

void rig_card(struct rig *r, const char *application, const char *serial, const char *state)
{
        static const struct {
                const char *event, *to;
        } steps[] = { { "start", "printing" }, { "printed", "printed" }, { "accept", "accepted" },
                      { "write", "writing" },  { "written", "written" }, { "verify", "verified" },
                      { "issue", "issued" } };
        struct ledger *l = &r->core.ledger;
        char card[UUID_TEXT];

        random_uuid(card);
        ledger_begin(l, &rig_expert);
        make_card(r, application, serial, card);
        for (size_t i = 0; i < ARRAY_SIZE(steps) && !rig_is(r, ENTITY_BLANK, serial, state); i++) {
                if (strcmp(steps[i].event, "written") == 0)
                        set_chip(l, serial);
                ledger_move(l, ENTITY_BLANK, serial, steps[i].event, NULL, NULL);
        }
        ledger_run(l, "UPDATE blank SET printed_at=?2, verified_at=?2 WHERE serial=?1", "si", serial, clock_wall_ms());
        if (strcmp(state, "issued") == 0)
                ledger_move(l, ENTITY_APPLICATION, application, "issue", NULL, NULL);
        commit(r);
        CHECK(rig_is(r, ENTITY_BLANK, serial, state));
}

bool rig_is(struct rig *r, enum entity entity, const char *id, const char *state)
{
        char now[32] = "";

        return ledger_state(&r->core.ledger, entity, id, now, sizeof now) && strcmp(now, state) == 0;
}

int64_t rig_count(struct rig *r, const char *sql)
{
        return ledger_get_int(&r->core.ledger, sql, "");
}

void rig_text(struct rig *r, const char *sql, char *ret, size_t max)
{
        ret[0] = '\0';
        (void)ledger_get_text(&r->core.ledger, ret, max, sql, "");
}
