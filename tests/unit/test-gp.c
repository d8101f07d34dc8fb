/* proto/gp: derivation and check values by published vectors, what cards tell, the plan against golden files made by
 * tests/data/make-plan.py, chip profiles. */
#include "proto/base/cleanup.h"
#include "proto/gp/plan.h"
#include "proto/scp03_aes.h"
#include "tests/unit/test.h"
#include "tests/unit/vectors.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const char *folder;

/* The token's part of the derivation. */
static int run_cmac(void *context, struct bytes input, uint8_t ret[KDF_OUTPUT])
{
        return aes_cmac(*(const struct bytes *)context, input, (struct bytes){ 0 }, ret);
}

static int run_des3(void *context, struct bytes input, uint8_t ret[KDF_OUTPUT])
{
        EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        int n = 0;

        CHECK(input.n == KDF_OUTPUT);
        CHECK(EVP_EncryptInit_ex(c, EVP_des_ede_ecb(), NULL, ((const struct bytes *)context)->p, NULL) == 1);
        CHECK(EVP_CIPHER_CTX_set_padding(c, 0) == 1);
        CHECK(EVP_EncryptUpdate(c, ret, &n, input.p, (int)input.n) == 1 && n == KDF_OUTPUT);
        EVP_CIPHER_CTX_free(c);
        return 0;
}

static const struct {
        const char *scheme, *text;
} templates[] = {
        { "kdf3", "cmac: i 000000 key 00 kdd[0..9]" },
        { "emv", "ecb3: kdd[4..9] F0 key kdd[4..9] 0F key" },
        { "visa2", "ecb3: kdd[0..1] kdd[4..7] F0 key kdd[0] kdd[1] kdd[4..7] 0F key" },
};

static const char *template_of(const char *scheme)
{
        for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
                if (strcmp(templates[i].scheme, scheme) == 0)
                        return templates[i].text;
        CHECK(false); /* no such scheme */
        return NULL;
}

static void check_input(const struct kdf *t, const json_t *v, enum kdf_key key, const uint8_t *kdd, size_t n_key)
{
        const json_t *inputs = json_object_get(v, "input");

        for (size_t i = 0; i < json_array_size(inputs); i++) {
                uint8_t out[KDF_INPUT_MAX];
                struct writer w = WRITER(out);
                char text[2 * KDF_INPUT_MAX + 1];

                CHECK(kdf_input(t, (unsigned)i + 1, key, kdd, n_key, &w) == 0);
                hex_encode(writer_bytes(&w), text, sizeof text);
                CHECK(strcmp(text, json_string_value(json_array_get(inputs, i))) == 0);
        }
}

static void test_diversification(const json_t *v)
{
        cleanup(secret_done) struct secret key = { 0 };
        struct bytes master = vectors_hex(v, "master"), kdd = vectors_hex(v, "kdd"),
                     expected = vectors_hex(v, "card_key");
        enum kdf_key id = (enum kdf_key)json_integer_value(json_object_get(v, "key_id"));
        struct bytes kcv_expected = vectors_hex(v, "kcv");
        struct kdf t;
        uint8_t kcv[3];

        CHECK(kdf_parse(template_of(vectors_text(v, "scheme")), &t) == 0 && kdd.n == KDF_KDD_SIZE);
        CHECK(kdf_derive(&t, id, kdd.p, expected.n, t.primitive == KDF_AES_CMAC ? run_cmac : run_des3, &master, &key) ==
              0);
        CHECK(bytes_equal(secret_bytes(&key), expected));
        if (t.primitive != KDF_AES_CMAC)
                return;
        check_input(&t, v, id, kdd.p, expected.n);
        CHECK(kdf_aes_kcv(&key, kcv) == 0 && (!kcv_expected.p || bytes_equal(BYTES(kcv), kcv_expected)));
}

static void test_kcv(const json_t *v)
{
        cleanup(secret_done) struct secret key = { 0 };
        uint8_t kcv[3];

        if (strcmp(vectors_text(v, "algorithm"), "AES") != 0)
                return;
        secret_set(&key, vectors_hex(v, "key"));
        CHECK(kdf_aes_kcv(&key, kcv) == 0 && bytes_equal(BYTES(kcv), vectors_hex(v, "kcv")));
}

static void test_templates(void)
{
        static const char *const wrong[] = { "",
                                             "cmac:",
                                             "cmac: i 00 key",    /* no card in it */
                                             "cmac: i kdd[0..9]", /* no key in it */
                                             "cmac: key kdd[5..4]",
                                             "cmac: key kdd[0..10]",
                                             "cmac: key kdd[x]",
                                             "cmac: key kdd[1",
                                             "cmac: key kdd[0.19]",
                                             "cmac: key kdd[0..9] 0",
                                             "cmac: key kdd[0..9] keys",
                                             "hmac: key kdd[0..9]",
                                             "ecb3: key kdd[0..9]", /* not 16 bytes */
                                             "cmac: key kdd[0..9] 000102030405060708090A0B0C0D0E0F101112131415161718" };
        static const uint8_t kdd[KDF_KDD_SIZE] = { 9, 8, 7 };
        uint8_t out[KDF_INPUT_MAX];
        struct writer w = WRITER(out);
        struct kdf t;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                CHECK(kdf_parse(wrong[i], &t) < 0);
        CHECK(kdf_parse("cmac: i 000000 key 00 0000 kdd[2] kdd[0..1] L", &t) == 0);
        CHECK(kdf_input(&t, 2, KDF_KEY_MAC, kdd, 24, &w) == 0);
        CHECK(bytes_equal(writer_bytes(&w), BYTES_STR("\x02\0\0\0\x02\0\0\0\x07\x09\x08\0\xC0")));
}

static struct bytes hex(const char *text, uint8_t *buffer, size_t max)
{
        struct bytes ret = { buffer, 0 };

        CHECK(hex_decode(text, buffer, max, &ret.n));
        return ret;
}

/* GPCS tables 11-20 and 11-21: three AES keys; the extended form of one. */
static void test_key_info(void)
{
        uint8_t buffer[128];
        struct gp_key_info keys[GP_KEYS_MAX];
        struct bytes in = hex("E012C00401FF8810C00402FF8810C00403FF8810", buffer, sizeof buffer);
        size_t n = 0;

        CHECK(gp_parse_key_info(in, keys, &n) == 0 && n == 3);
        CHECK(keys[2].kid == 3 && keys[2].kvn == 0xFF && keys[2].type == GP_KEY_AES && keys[2].n_bytes == 16);
        for (size_t cut = 0; cut < in.n; cut++)
                CHECK(gp_parse_key_info((struct bytes){ in.p, cut }, keys, &n) < 0);
        in = hex("E00BC0090130FF880020010001", buffer, sizeof buffer);
        CHECK(gp_parse_key_info(in, keys, &n) == 0 && n == 1 && keys[0].n_bytes == 32 && keys[0].kvn == 0x30);
        in = hex("E006C004017381A1", buffer, sizeof buffer); /* an RSA component: kept as it is */
        CHECK(gp_parse_key_info(in, keys, &n) == 0 && n == 1 && keys[0].type == 0x81);
        CHECK(gp_parse_key_info(hex("E005C003013188", buffer, sizeof buffer), keys, &n) < 0);
        CHECK(gp_parse_key_info(hex("E003C00101", buffer, sizeof buffer), keys, &n) < 0);
        CHECK(gp_parse_key_info(hex("E000", buffer, sizeof buffer), keys, &n) == 0 && n == 0);
}

static void test_cplc(void)
{
        uint8_t buffer[64], cplc[GP_CPLC_SIZE], id[GP_CHIP_ID_SIZE];
        struct bytes in = { buffer, 45 };

        buffer[0] = 0x9F;
        buffer[1] = 0x7F;
        buffer[2] = 0x2A;
        for (uint8_t i = 0; i < GP_CPLC_SIZE; i++)
                buffer[3 + i] = i;
        CHECK(gp_parse_cplc(in, cplc) == 0 && cplc[41] == 41);
        gp_chip_id_from_cplc(cplc, id);
        CHECK(bytes_equal(BYTES(id), BYTES_STR("\x00\x01\x02\x03\x10\x11\x0C\x0D\x0E\x0F")));
        CHECK(gp_parse_cplc((struct bytes){ buffer + 3, 42 }, cplc) == 0 && cplc[0] == 0);
        for (size_t cut = 0; cut < 45; cut++)
                CHECK(cut == 42 || gp_parse_cplc((struct bytes){ buffer, cut }, cplc) < 0);
}

static void test_cin(void)
{
        uint8_t buffer[64], id[GP_CHIP_ID_SIZE];

        CHECK(gp_chip_id_from_cin(hex("4503A1B2C3", buffer, sizeof buffer), id) == 0);
        CHECK(bytes_equal(BYTES(id), BYTES_STR("\0\0\0\0\0\0\0\xA1\xB2\xC3")));
        CHECK(gp_chip_id_from_cin(hex("A1B2C3", buffer, sizeof buffer), id) == 0 && id[9] == 0xC3);
        /* `printf '0123456789A' | sha256sum` */
        CHECK(gp_chip_id_from_cin(BYTES_STR("0123456789A"), id) == 0);
        CHECK(id[0] == 0xBF && id[9] == 0xB6 && gp_chip_id_from_cin((struct bytes){ 0 }, id) < 0);
}

/* GPCS H.2 with two protocols. */
static void test_card_data(void)
{
        uint8_t buffer[128];
        struct gp_scp scps[GP_SCP_MAX];
        size_t n = 0;
        struct bytes in =
                hex("664B734906072A864886FC6B01600B06092A864886FC6B020203630906072A864886FC6B03640B06092A864886FC6B"
                    "040255640B06092A864886FC6B040370650E060C2B060104012A026E01020101",
                    buffer, sizeof buffer);

        buffer[1] = (uint8_t)(in.n - 2);
        buffer[3] = (uint8_t)(in.n - 4);
        CHECK(gp_parse_card_data(in, scps, &n) == 0 && n == 2 && scps[1].scp == 0x03 && scps[1].i == 0x70);
        for (size_t cut = 0; cut < in.n; cut++)
                CHECK(gp_parse_card_data((struct bytes){ in.p, cut }, scps, &n) < 0);
}

static void test_fci(void)
{
        uint8_t buffer[128];
        struct gp_fci fci;
        struct bytes in = hex("6F108408A000000151000000A5049F650180", buffer, sizeof buffer);

        CHECK(gp_parse_fci(in, &fci) == 0 && fci.n_aid == 8 && fci.max_lc == 0x80);
        for (size_t cut = 0; cut < in.n; cut++)
                CHECK(gp_parse_fci((struct bytes){ in.p, cut }, &fci) < 0);
        CHECK(gp_parse_fci(hex("6F0A8408A000000151000000", buffer, sizeof buffer), &fci) == 0 && fci.max_lc == 255);
        CHECK(gp_parse_fci(hex("6F07A5059F65020FFF", buffer, sizeof buffer), &fci) == 0 && fci.max_lc == 255);
        CHECK(gp_parse_fci(hex("6F06A5049F650110", buffer, sizeof buffer), &fci) < 0);
        CHECK(gp_parse_fci(hex("6F05A5039F6500", buffer, sizeof buffer), &fci) < 0);
        CHECK(gp_parse_fci(hex("6F138411A0000001510000000000000000000000AA", buffer, sizeof buffer), &fci) < 0);
}

static void test_commands(void)
{
        static const uint8_t aid[] = { 0xF0, 0x49, 0x52, 0x53, 0x4B, 0x49, 0x4C, 0x4C, 0x01, 0x00 };
        uint8_t out[APDU_MAX], expected[APDU_MAX];
        struct writer w = WRITER(out);

        gp_write_select(&w, (struct bytes){ 0 });
        gp_write_select(&w, BYTES(aid));
        gp_write_select_file(&w, 0x011D);
        gp_write_read_binary(&w, 0x01FE, 0x20);
        gp_write_get_data(&w, GP_DATA_CPLC);
        gp_write_initialize_update(&w, 0x30, BYTES_STR("\xB1\x3E\x5F\x93\x8F\xC1\x08\xC4"));
        gp_write_install_personalization(&w, BYTES(aid));
        gp_write_lock_application(&w, BYTES(aid));
        CHECK(bytes_equal(writer_bytes(&w), hex("00A4040000"
                                                "00A404000AF04952534B494C4C010000"
                                                "00A4020C02011D"
                                                "00B001FE20"
                                                "80CA9F7F00"
                                                "8050300008B13E5F938FC108C400"
                                                "80E620001000000AF04952534B494C4C010000000000"
                                                "80F040800AF04952534B494C4C0100",
                                                expected, sizeof expected)));
}

static struct bytes make_content(unsigned fid, size_t size)
{
        static uint8_t store[70000];
        static size_t used;
        uint8_t *p = store + used;

        CHECK(used + size <= sizeof store);
        used += size;
        for (size_t i = 0; i < size; i++)
                p[i] = (uint8_t)(7 * i + 3 + fid);
        return (struct bytes){ p, size };
}

static void check_golden(const char *name, struct bytes list)
{
        char path[4096], line[1024];
        struct bytes item;
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        f = fopen(path, "re");
        CHECK(f);
        while (fgets(line, sizeof line, f)) {
                char text[2 * APDU_MAX + 2];

                CHECK(apdu_list_next(&list, &item) == 1);
                hex_encode(item, text, sizeof text);
                CHECK(strncmp(line, text, strlen(text)) == 0 && line[strlen(text)] == '\n');
        }
        CHECK(list.n == 0);
        (void)fclose(f);
}

static struct profile load_profile(const char *name)
{
        char path[4096];
        static uint8_t text[PROFILE_MAX];
        struct profile p;
        struct error err = { 0 };
        FILE *f;
        size_t n;

        (void)snprintf(path, sizeof path, "%s/../../config/chips/%s.json", folder, name);
        f = fopen(path, "re");
        CHECK(f);
        n = fread(text, 1, sizeof text, f);
        (void)fclose(f);
        if (profile_parse((struct bytes){ text, n }, &p, &err) < 0)
                fprintf(stderr, "%s\n", err.text);
        CHECK(profile_parse((struct bytes){ text, n }, &p, &err) == 0 && strcmp(p.id, name) == 0);
        return p;
}

static void make_files(struct plan_file files[6], const size_t sizes[6])
{
        static const uint16_t fids[] = { 0x0102, 0x010B, 0x010C, 0x010D, 0x011E, 0x011D };

        for (size_t i = 0; i < 6; i++) /* handed in the wrong order: the profile's order holds */
                files[5 - i] = (struct plan_file){ fids[i], make_content(fids[i], sizes[i]) };
}

static uint8_t list_buffer[PLAN_LIST_MAX];

static void test_plan_golden(void)
{
        static const size_t sizes_239[] = { 1200, 99, 163, 796, 24, 996 }, sizes_111[] = { 254, 255, 256, 104, 1, 111 };
        struct profile p = load_profile("gp-scp03-laboratory");
        struct plan_file files[6];
        struct writer w = WRITER(list_buffer);
        size_t n = 0;

        make_files(files, sizes_239);
        CHECK(plan_write(&p, files, 6, 255, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_OK);
        CHECK(apdu_list_count(writer_bytes(&w), 300) == (int)n);
        check_golden("plan-239.txt", writer_bytes(&w));
        make_files(files, sizes_111);
        w.n = 0;
        CHECK(plan_write(&p, files, 6, 128, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_OK);
        check_golden("plan-111.txt", writer_bytes(&w));
        w.n = 0;
        CHECK(plan_lock(&p, &w, &n) == PLAN_OK && n == 1);
        CHECK(bytes_equal(writer_bytes(&w),
                          BYTES_STR("\0\x0F\x80\xF0\x40\x80\x0A\xF0\x49\x52\x53\x4B\x49\x4C\x4C\x01\0")));
}

/* The 600-byte DGI of vectors.json (GPCS 11.11.2.3). */
static void test_store_data(const json_t *v)
{
        const json_t *apdus = json_object_get(v, "apdus");
        static uint8_t value[600];
        struct plan_file file = { 0x0102, BYTES(value) };
        struct writer w = WRITER(list_buffer);
        struct bytes list, item;
        size_t n = 0;

        if (!apdus)
                return;
        for (size_t i = 0; i < sizeof value; i++)
                value[i] = (uint8_t)(7 * i + 3);
        CHECK(plan_store_data(&file, 1, 0x08, 239, &w, &n) == PLAN_OK && n == json_array_size(apdus));
        list = writer_bytes(&w);
        for (size_t i = 0; i < n; i++) {
                uint8_t expected[APDU_MAX];

                CHECK(apdu_list_next(&list, &item) == 1);
                CHECK(bytes_equal(item, hex(json_string_value(json_array_get(apdus, i)), expected, sizeof expected)));
        }
}

static void test_plan_refuses(void)
{
        static const size_t sizes[] = { 1200, 99, 163, 796, 24, 996 };
        struct profile p = load_profile("gp-scp03");
        struct plan_file files[6], big = { 0x0102, make_content(0, 256 * 100 - 5) };
        struct writer w = WRITER(list_buffer), small = { list_buffer, 0, 500, false };
        size_t n = 0;

        make_files(files, sizes);
        CHECK(plan_write(&p, files, 5, 255, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_E_FILE);
        CHECK(plan_write(&p, files, 6, 255, SCP03_LEVEL_ALL, 8, &small, &n) == PLAN_E_SIZE);
        CHECK(plan_write(&p, files, 6, 20, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_E_SIZE);
        files[3].dgi = 0x0199;
        CHECK(plan_write(&p, files, 6, 255, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_E_FILE);
        files[3].dgi = files[2].dgi;
        CHECK(plan_write(&p, files, 6, 255, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_E_FILE);
        make_files(files, sizes);
        files[1].bytes.n = 257; /* EF.COM: at most 256 */
        CHECK(plan_write(&p, files, 6, 255, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_E_FILE);
        files[1].bytes.n = 0;
        CHECK(plan_write(&p, files, 6, 255, SCP03_LEVEL_ALL, 8, &w, &n) == PLAN_E_FILE);
        w.n = 0;
        CHECK(plan_store_data(&big, 1, 0x08, 100, &w, &n) == PLAN_OK && n == 256); /* exactly 256 blocks */
        big.bytes.n++;
        w.n = 0;
        CHECK(plan_store_data(&big, 1, 0x08, 100, &w, &n) == PLAN_E_SIZE);
}

static void test_match(void)
{
        struct profile p = load_profile("gp-scp03-laboratory");
        struct gp_key_info keys[] = { { 1, 0xFF, 0x88, 16 }, { 2, 0xFF, 0x88, 16 }, { 3, 0xFF, 0x88, 16 } };
        struct gp_scp scps[] = { { 2, 0x55 }, { 3, 0x70 } };
        struct profile_card card = { .keys = keys, .n_keys = 3, .scps = scps, .n_scps = 2 };
        enum scp03_level level;
        struct error err;

        CHECK(profile_match(&p, &card, &err) == 0);
        card.n_scps = 1;
        CHECK(profile_match(&p, &card, &err) < 0 && err.reason == REASON_CHIP_FOREIGN && err.kind == ERR_CARD);
        card.n_scps = card.n_keys = 0; /* a card that tells nothing */
        CHECK(profile_match(&p, &card, &err) == 0);
        card.n_keys = 2;
        CHECK(profile_match(&p, &card, &err) < 0);
        card.n_keys = 3;
        keys[1].n_bytes = 32;
        CHECK(profile_match(&p, &card, &err) < 0);
        keys[1] = (struct gp_key_info){ 2, 0x30, 0x88, 16 };
        CHECK(profile_match(&p, &card, &err) < 0);
        p.match.n_atr = 2;
        memcpy(p.match.atr, "\x3B\x80", 2);
        memcpy(p.match.mask, "\xFF\xF0", 2);
        card = (struct profile_card){ .atr = BYTES_STR("\x3B\x8F") };
        CHECK(profile_match(&p, &card, &err) == 0);
        card.atr = BYTES_STR("\x3B\x7F");
        CHECK(profile_match(&p, &card, &err) < 0);
        CHECK(profile_level(&p, 0x70, &level, &err) == 0 && level == SCP03_LEVEL_ALL);
        CHECK(profile_level(&p, 0x20, &level, &err) == 0 && level == SCP03_LEVEL_C_ENC_R_MAC);
        CHECK(profile_level(&p, 0x00, &level, &err) == 0 && level == SCP03_LEVEL_C_ENC);
        CHECK(profile_level(&p, 0x71, &level, &err) < 0);
}

/* One change each to a good profile. */
static void test_profile_is_strict(void)
{
        static const struct {
                const char *from, *to;
        } changes[] = {
                { "\"id\"", "\"ID\"" },
                { "\"laboratory\": true", "\"laboratory\": false" }, /* on transport keys */
                { "\"laboratory\": true", "\"laboratory\": 1" },
                { "\"scp\": \"03\"", "\"scp\": \"02\"" },
                { "\"70\", \"60\"", "\"70\", \"70\"" },
                { "\"70\", \"60\"", "\"70\", \"40\"" },
                { "\"max_command\": 255", "\"max_command\": 256" },
                { "\"33\", \"13\"", "\"33\", \"00\"" },
                { "\"33\", \"13\"", "\"33\", \"23\"" },
                { "\"key_bits\": 128", "\"key_bits\": 160" },
                { "cmac: i", "cmac: x" },
                { "\"kvn\": \"FF\"", "\"kvn\": \"FE\"" }, /* match and auth differ */
                { "F04952534B494C4C0100", "F0495253" },
                { "\"p1\": \"08\"", "\"p1\": \"88\"" },
                { "\"name\": \"sod\"", "\"name\": \"dot\"" },
                { "\"fid\": \"010B\"", "\"fid\": \"0102\"" },
                { "\"sfi\": \"0B\"", "\"sfi\": \"1F\"" },
                { "\"max_bytes\": 32767", "\"max_bytes\": 32768" },
                { "{ \"max_command\"", "{ \"more\": 1, \"max_command\"" },
                { "\"scp\"", "\"atr\": \"3B80\", \"atr_mask\": \"FF\", \"scp\"" },
        };
        char path[4096], text[8192], changed[8192];
        struct profile p;
        struct error err;
        size_t n;
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/../../config/chips/gp-scp03-laboratory.json", folder);
        f = fopen(path, "re");
        CHECK(f);
        n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        (void)fclose(f);
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                const char *at = strstr(text, changes[i].from);

                CHECK(at);
                (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, changes[i].to,
                               at + strlen(changes[i].from));
                CHECK(profile_parse((struct bytes){ (uint8_t *)changed, strlen(changed) }, &p, &err) < 0);
                CHECK(err.kind == ERR_INPUT && err.reason == REASON_BAD_CONFIG && err.text[0]);
        }
        for (size_t cut = 0; cut + 2 < n; cut++)
                CHECK(profile_parse((struct bytes){ (uint8_t *)text, cut }, &p, &err) < 0);
}

int main(int argc, char **argv)
{
        json_t *all, *v;
        unsigned n = 0;
        size_t i;

        CHECK(argc == 2);
        folder = argv[1];
        all = vectors_load(folder, "vectors.json");
        json_array_foreach(json_object_get(all, "vectors"), i, v)
        {
                n += vectors_group_is(v, "diversification") || vectors_group_is(v, "kcv") ||
                     vectors_group_is(v, "store_data");
                if (vectors_group_is(v, "diversification"))
                        test_diversification(v);
                if (vectors_group_is(v, "kcv"))
                        test_kcv(v);
                if (vectors_group_is(v, "store_data"))
                        test_store_data(v);
        }
        CHECK(n == 29);
        test_templates();
        test_key_info();
        test_cplc();
        test_cin();
        test_card_data();
        test_fci();
        test_commands();
        test_plan_golden();
        test_plan_refuses();
        test_match();
        test_profile_is_strict();
        json_decref(all);
        return 0;
}
