/* daemon/work/key/store: the rule of spending as a table of conversations, each judged after a reopening too; parked,
 * exhausted and retired chips; the chain. The rule's words are those of store.h. */
#include "daemon/work/key/store.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <dirent.h>
#include <string.h>
#include <unistd.h>

enum { NOW = 1795189613 };

static const uint8_t sod[STORE_HASH_SIZE] = { 1 };

/* One card that is asked for: chip and data are one byte; the expected word, "" when it may be. */
struct step {
        const char *application, *serial, *authorisation, *spoiled, *unregistered;
        int64_t granted_at;
        uint8_t chip, data;
        const char *word;
};

static const struct step steps[] = {
        { "A", "S1", NULL, NULL, NULL, 0, 1, 1, "" },
        { "A", "S1", NULL, NULL, NULL, 0, 1, 1, "" }, /* the same pair */
        { "A", "S1", NULL, NULL, NULL, 0, 1, 2, "key_spent" },
        { "A", "S2", NULL, NULL, NULL, 0, 1, 1, "key_spent" },
        { "A", "S1", NULL, NULL, NULL, 0, 2, 1, "key_spent" },
        { "B", "S2", NULL, NULL, NULL, 0, 1, 1, "chip_taken" },
        { "B", "S1", NULL, NULL, NULL, 0, 2, 1, "serial_used" },
        { "B", "S2", "Z9", "S0", NULL, 90, 2, 3, "" }, /* spoiled before its chip, so the first here is a re-issue */
        { "A", "S3", "Z9", "S1", NULL, 90, 3, 1, "authorisation_used" },
        { "A", "S3", "Z1", "S2", NULL, 90, 3, 1, "key_spent" }, /* another's serial */
        { "A", "S3", "Z1", "S1", NULL, 90, 3, 1, "" },
        { "A", "S3", "Z1", "S1", NULL, 90, 3, 1, "" },
        { "A", "S1", NULL, NULL, NULL, 0, 1, 1, "key_spent" }, /* the former pair is over */
        { "A", "S4", "Z1", "S1", NULL, 90, 4, 1, "authorisation_used" },
        { "A", "S4", "Z2", "S1", NULL, 95, 4, 1, "key_spent" },  /* S1 bought one already */
        { "A", "S4", "Z3", "S77", NULL, 89, 4, 1, "key_spent" }, /* kept back from before Z1 */
        { "A", "S4", "Z3", "S77", NULL, 90, 4, 1, "" },          /* never written here, of the same second */
        { "A", "S5", NULL, NULL, "S3", 0, 5, 1, "key_spent" },   /* not the latest */
        { "A", "S5", NULL, NULL, "S4", 0, 5, 1, "" },
        { "A", "S6", NULL, NULL, "S4", 0, 6, 1, "key_spent" },
        { "A", "S6", NULL, NULL, "S55", 0, 6, 1, "" },
};

static struct store *reopen(struct store *store, const char *folder)
{
        struct store *ret = NULL;
        struct error err;

        store_close(store);
        CHECK(store_open(folder, &ret, &err) == 0);
        return ret;
}

static void play(struct store **store, const char *folder)
{
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                const struct step *s = &steps[i];
                uint8_t chip[STORE_CHIP_SIZE] = { s->chip };
                struct store_claim c = { .application = s->application,
                                         .data_sha256 = { s->data },
                                         .authorisation = s->authorisation,
                                         .spoiled_serial = s->spoiled,
                                         .granted_at = s->granted_at,
                                         .unregistered_serial = s->unregistered,
                                         .chip_id = chip,
                                         .serial = s->serial };
                struct error err = { 0 };
                int checked = store_check(*store, &c, &err), spent = store_spend(*store, &c, sod, NOW, &err);

                if (checked != spent || (spent == 0 ? s->word[0] != '\0' : strcmp(reason_word(err.reason), s->word)))
                        fprintf(stderr, "step %zu: %s\n", i, spent == 0 ? "spent" : reason_word(err.reason));
                CHECK(checked == spent);
                CHECK(spent == 0 ? s->word[0] == '\0' : strcmp(reason_word(err.reason), s->word) == 0);
                *store = reopen(*store, folder);
        }
}

static bool attempt(struct store *store, uint8_t chip, bool lock, const char *word)
{
        uint8_t id[STORE_CHIP_SIZE] = { chip };
        struct error err = { 0 };

        return store_attempt(store, id, lock, NOW, &err) == 0 ? word[0] == '\0'
                                                              : strcmp(reason_word(err.reason), word) == 0;
}

static void happen(struct store *store, uint8_t chip, enum store_event event)
{
        uint8_t id[STORE_CHIP_SIZE] = { chip };
        struct error err;

        CHECK(store_chip(store, id, event, NOW, &err) == 0);
}

static void test_chips(struct store **store, const char *folder)
{
        CHECK(attempt(*store, 1, true, "key_refused"));
        for (int i = 0; i < STORE_ATTEMPTS_MAX; i++)
                CHECK(attempt(*store, 1, false, ""));
        *store = reopen(*store, folder);
        CHECK(attempt(*store, 1, false, "chip_budget"));
        CHECK(attempt(*store, 2, false, ""));
        happen(*store, 2, STORE_OPENED);
        for (int i = 0; i < STORE_ATTEMPTS_MAX; i++)
                CHECK(attempt(*store, 2, true, ""));
        CHECK(attempt(*store, 3, false, ""));
        happen(*store, 3, STORE_MISMATCH);
        *store = reopen(*store, folder);
        CHECK(attempt(*store, 3, false, "chip_budget") && attempt(*store, 3, true, "chip_budget"));
        CHECK(attempt(*store, 4, false, ""));
        happen(*store, 4, STORE_OPENED);
        happen(*store, 4, STORE_RETIRED);
        CHECK(attempt(*store, 4, false, "chip_locked") && attempt(*store, 4, true, ""));
}

static void test_chain(struct store *store)
{
        uint8_t before[STORE_HASH_SIZE], after[STORE_HASH_SIZE];
        int64_t n_before, n_after;
        struct error err;

        CHECK(store_head(store, &n_before, before, &err) == 0 && n_before > 20);
        CHECK(store_log(store, "test", json_pack("{s:i}", "a", 1), NOW, &err) == 0);
        CHECK(store_head(store, &n_after, after, &err) == 0 && n_after == n_before + 1);
        CHECK(memcmp(before, after, sizeof before) != 0);
}

static void remove_folder(const char *folder)
{
        DIR *d = opendir(folder);

        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
                if (e->d_name[0] != '.')
                        CHECK(unlinkat(dirfd(d), e->d_name, 0) == 0);
        CHECK(d && closedir(d) == 0 && rmdir(folder) == 0);
}

int main(void)
{
        char folder[] = "/tmp/test-key-store-XXXXXX";
        struct store *store, *second = NULL;
        struct error err = { 0 };

        CHECK(mkdtemp(folder));
        store = reopen(NULL, folder);
        CHECK(store_open(folder, &second, &err) < 0 && err.reason == REASON_LEDGER); /* one process alone */
        play(&store, folder);
        test_chips(&store, folder);
        test_chain(store);
        store_close(store);
        remove_folder(folder);
        return 0;
}
