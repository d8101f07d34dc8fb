#include "tests/sim/card/factory.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, ROLES = 3 };

static const uint8_t test_master[16] = { 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
                                         0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F };

static void make_keys(struct store *s, bool wrong)
{
        uint8_t input[16] = { 1 }, master[16];

        memcpy(master, test_master, sizeof master);
        master[0] ^= wrong ? 0xFF : 0;
        memcpy(input + 6, s->kdd, KDD_SIZE);
        for (uint8_t role = 0; role < ROLES; role++) {
                input[4] = (uint8_t)(role + 1);
                aes_cmac(master, sizeof master, input, sizeof input, s->keys[role]);
        }
        s->n_key = 16;
        s->kvn = KVN_FACTORY;
}

/* Another office's content: outer tag and a few bytes. */
static void fill_placeholder(struct store *s)
{
        static const struct {
                uint16_t fid;
                uint8_t bytes[6];
        } content[] = {
                { 0x011E, { 0x60, 0x04, 0x5F, 0x01, 0x01, 0x30 } },
                { 0x0102, { 0x75, 0x04, 1, 2, 3, 4 } },
                { 0x010B, { 0x6B, 0x04, 5, 6, 7, 8 } },
                { 0x011D, { 0x77, 0x04, 0x30, 0x02, 0x05, 0x00 } },
        };

        for (size_t i = 0; i < sizeof content / sizeof *content; i++)
                object_set(store_object(s, content[i].fid), content[i].bytes, sizeof content[i].bytes);
}

static void fill_from(struct store *s, const char *dir)
{
        static uint8_t bytes[OBJECT_MAX + 1];
        char path[4096];

        for (size_t i = 0; i < N_OBJECTS; i++) {
                FILE *file;
                size_t n;

                (void)snprintf(path, sizeof path, "%s/%04X.bin", dir, s->objects[i].fid);
                file = fopen(path, "rb");
                if (!file)
                        continue;
                n = fread(bytes, 1, sizeof bytes, file);
                fclose(file);
                if (n == 0 || n > OBJECT_MAX)
                        errx(EXIT_USAGE, "%s: 1 to %d bytes are wanted", path, OBJECT_MAX);
                object_set(&s->objects[i], bytes, n);
        }
}

static void personalise(struct store *s, const char *how)
{
        if (strcmp(how, "1") == 0)
                fill_placeholder(s);
        else
                fill_from(s, how);
        if (!store_object(s, 0x011D)->data)
                errx(EXIT_USAGE, "MOHR_SIM_PERSONALISED: the folder has no 011D.bin");
        s->complete = true;
        s->app_life = APP_PERSONALISED;
}

void factory_make(struct store *store, const struct options *options)
{
        if (!options->has_kdd)
                errx(EXIT_USAGE, "MOHR_CARD_KDD is not set and the folder holds no card yet");
        memcpy(store->kdd, options->kdd, KDD_SIZE);
        memcpy(store->serial, options->serial, sizeof store->serial);
        make_keys(store, options->wrong_keys);
        store->card_life = CARD_INITIALIZED;
        store->app_life = APP_SELECTABLE;
        store->app_present = !options->foreign;
        if (options->personalised)
                personalise(store, options->personalised);
        if (options->locked)
                store->app_life |= APP_LOCKED_BIT;
}

void factory_cplc(const struct store *store, uint8_t ret_cplc[CPLC_SIZE])
{
        /* fabricator, type, OS id, OS date, OS level, fabrication date; then serial and batch */
        static const uint8_t head[12] = { 0x4D, 0x4F, 0x51, 0x00, 0x48, 0x52, 0x60, 0x15, 0x01, 0x00, 0x60, 0x15 };
        uint8_t seed[KDD_SIZE + SERIAL_MAX + 1] = { 0 }, hash[32];

        memcpy(seed, store->kdd, KDD_SIZE);
        memcpy(seed + KDD_SIZE, store->serial, strlen(store->serial));
        sha256(seed, sizeof seed, hash);
        memset(ret_cplc, 0, CPLC_SIZE);
        memcpy(ret_cplc, head, sizeof head);
        ret_cplc[3] = hash[0];
        memcpy(ret_cplc + 12, hash + 1, 6);
}
