#include "proto/gp/kdf.h"
#include "proto/scp03_aes.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static int add_part(struct kdf *t, struct kdf_part part)
{
        if (t->n_parts == KDF_PARTS_MAX)
                return -1;
        t->parts[t->n_parts++] = part;
        return 0;
}

static int add_hex(struct kdf *t, const char *word)
{
        uint8_t bytes[KDF_PARTS_MAX];
        size_t n;

        if (!hex_decode(word, bytes, sizeof bytes, &n) || n == 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                if (add_part(t, (struct kdf_part){ KDF_LITERAL, bytes[i], 0 }) < 0)
                        return -1;
        return 0;
}

/* kdd[a..b] or kdd[a], one digit each. */
static int add_kdd(struct kdf *t, const char *word)
{
        struct kdf_part part = { .kind = KDF_KDD };
        size_t n = strlen(word);

        if (n != 6 && n != 9)
                return -1;
        if (word[4] < '0' || word[4] > '9' || word[n - 1] != ']' || (n == 9 && strncmp(word + 5, "..", 2) != 0))
                return -1;
        part.first = (uint8_t)(word[4] - '0');
        part.last = part.first;
        if (n == 9 && (word[7] < word[4] || word[7] > '9'))
                return -1;
        if (n == 9)
                part.last = (uint8_t)(word[7] - '0');
        return add_part(t, part);
}

static int add_word(struct kdf *t, const char *word)
{
        if (strcmp(word, "i") == 0)
                return add_part(t, (struct kdf_part){ .kind = KDF_BLOCK });
        if (strcmp(word, "key") == 0)
                return add_part(t, (struct kdf_part){ .kind = KDF_KEY });
        if (strcmp(word, "L") == 0)
                return add_part(t, (struct kdf_part){ .kind = KDF_BITS });
        return strncmp(word, "kdd[", 4) == 0 ? add_kdd(t, word) : add_hex(t, word);
}

static bool has_part(const struct kdf *t, int kind)
{
        for (size_t i = 0; i < t->n_parts; i++)
                if ((int)t->parts[i].kind == kind)
                        return true;
        return false;
}

static int check(const struct kdf *t)
{
        static const uint8_t kdd[KDF_KDD_SIZE];
        uint8_t input[KDF_INPUT_MAX];
        struct writer w = WRITER(input);

        if (!has_part(t, KDF_KEY) || !has_part(t, KDF_KDD) || kdf_input(t, 1, KDF_KEY_ENC, kdd, 16, &w) < 0)
                return -1;
        return t->primitive == KDF_DES3_ECB && w.n != KDF_OUTPUT ? -1 : 0;
}

int kdf_parse(const char *text, struct kdf *ret)
{
        struct kdf t = { .n_parts = 0 };
        char copy[160], *word, *save = NULL;

        if (strlen(text) >= sizeof copy)
                return -1;
        memcpy(copy, text, strlen(text) + 1);
        word = strtok_r(copy, " ", &save);
        if (!word || (strcmp(word, "cmac:") != 0 && strcmp(word, "ecb3:") != 0))
                return -1;
        t.primitive = strcmp(word, "cmac:") == 0 ? KDF_AES_CMAC : KDF_DES3_ECB;
        while ((word = strtok_r(NULL, " ", &save)))
                if (add_word(&t, word) < 0)
                        return -1;
        if (check(&t) < 0)
                return -1;
        *ret = t;
        return 0;
}

int kdf_input(const struct kdf *t, unsigned block, enum kdf_key key, const uint8_t kdd[KDF_KDD_SIZE], size_t n_key,
              struct writer *w)
{
        for (size_t i = 0; i < t->n_parts; i++) {
                const struct kdf_part *part = &t->parts[i];

                switch (part->kind) {
                case KDF_LITERAL:
                        write_u8(w, part->first);
                        break;
                case KDF_BLOCK:
                        write_u8(w, block);
                        break;
                case KDF_KEY:
                        write_u8(w, (unsigned)key);
                        break;
                case KDF_KDD:
                        write_bytes(w, (struct bytes){ kdd + part->first, (size_t)(part->last - part->first) + 1 });
                        break;
                case KDF_BITS:
                        write_u16(w, (unsigned)n_key * 8);
                        break;
                }
        }
        return w->failed ? -1 : 0;
}

static int derive_block(const struct kdf *t, unsigned block, enum kdf_key key, const uint8_t *kdd, size_t n_key,
                        kdf_run run, void *context, uint8_t *out)
{
        uint8_t input[KDF_INPUT_MAX];
        struct writer w = WRITER(input);

        return kdf_input(t, block, key, kdd, n_key, &w) < 0 ? -1 : run(context, writer_bytes(&w), out);
}

int kdf_derive(const struct kdf *t, enum kdf_key key, const uint8_t kdd[KDF_KDD_SIZE], size_t n_key, kdf_run run,
               void *context, struct secret *ret)
{
        uint8_t all[2 * KDF_OUTPUT];
        int r = n_key == 16 || (t->primitive == KDF_AES_CMAC && (n_key == 24 || n_key == 32)) ? 0 : -1;

        if (r == 0)
                r = derive_block(t, 1, key, kdd, n_key, run, context, all);
        if (r == 0 && n_key > KDF_OUTPUT)
                r = derive_block(t, 2, key, kdd, n_key, run, context, all + KDF_OUTPUT);
        if (r == 0)
                secret_set(ret, (struct bytes){ all, n_key });
        else
                secret_done(ret);
        OPENSSL_cleanse(all, sizeof all);
        return r;
}

int kdf_aes_kcv(const struct secret *key, uint8_t ret[3])
{
        uint8_t ones[AES_BLOCK], out[AES_BLOCK];

        memset(ones, 0x01, sizeof ones);
        if (aes_ecb_encrypt(secret_bytes(key), ones, out) < 0)
                return -1;
        memcpy(ret, out, 3);
        return 0;
}
