#include "drivers/key/token.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS_MAX = 64, OID_MAX = 16 };

struct token_module {
        CK_FUNCTION_LIST *p11;
};

struct token {
        CK_FUNCTION_LIST *p11;
        CK_SESSION_HANDLE session;
};

static const CK_BYTE p256[] = { 0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 }; /* RFC 5480 2.1.1.1 */

static int refuse(struct error *err, const char *what, CK_RV rv)
{
        return err_set(err, ERR_OPERATOR, ORIGIN_PKCS11, (uint32_t)rv, REASON_KEY_TOKEN, "token: %s failed (0x%lx)",
                       what, rv);
}

static int unfit(struct error *err, const char *label, const char *what)
{
        return err_input(err, REASON_KEY_TOKEN, "key '%s' %s", label, what);
}

int token_module_load(const char *path, struct token_module **ret, struct error *err)
{
        struct token_module *module = calloc(1, sizeof *module);
        CK_RV rv;

        if (!module)
                return refuse(err, "memory", CKR_HOST_MEMORY);
        module->p11 = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
        if (!module->p11) {
                free(module);
                return refuse(err, "loading the module", CKR_GENERAL_ERROR);
        }
        rv = p11_kit_module_initialize(module->p11);
        if (rv != CKR_OK) { /* stays loaded: unloading is what crashes */
                free(module);
                return refuse(err, "starting the module", rv);
        }
        *ret = module;
        return 0;
}

/* PKCS#11 3.1: label is blank padded, 32 bytes. */
static bool label_is(const CK_TOKEN_INFO *info, const char *label)
{
        char padded[sizeof info->label];
        size_t n = strlen(label);

        if (n > sizeof padded)
                return false;
        memset(padded, ' ', sizeof padded);
        memcpy(padded, label, n);
        return memcmp(padded, info->label, sizeof padded) == 0;
}

static int find_slot(CK_FUNCTION_LIST *p11, const char *label, CK_SLOT_ID *ret, struct error *err)
{
        CK_SLOT_ID slots[SLOTS_MAX];
        CK_ULONG n = SLOTS_MAX;
        CK_TOKEN_INFO info;
        CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &n);
        unsigned found = 0;

        if (rv != CKR_OK)
                return refuse(err, "listing slots", rv);
        for (CK_ULONG i = 0; i < n; i++) {
                if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && label_is(&info, label)) {
                        *ret = slots[i];
                        found++;
                }
        }
        return found == 1 ? 0 : refuse(err, "finding exactly one token of that label", CKR_TOKEN_NOT_PRESENT);
}

int token_open(struct token_module *module, const char *label, const struct secret *pin, struct token **ret,
               struct error *err)
{
        struct token *token;
        cleanup(secret_done) struct secret copy = *pin; /* C_Login takes it without const */
        CK_SLOT_ID slot = 0;
        CK_RV rv;

        if (find_slot(module->p11, label, &slot, err) < 0)
                return -1;
        token = calloc(1, sizeof *token);
        if (!token)
                return refuse(err, "memory", CKR_HOST_MEMORY);
        token->p11 = module->p11;
        rv = token->p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &token->session);
        if (rv == CKR_OK)
                rv = token->p11->C_Login(token->session, CKU_USER, copy.bytes, copy.n);
        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
                token_free(token);
                return refuse(err, "opening or logging in", rv);
        }
        *ret = token;
        return 0;
}

void token_free(struct token *token)
{
        if (token && token->session)
                (void)token->p11->C_CloseSession(token->session);
        free(token);
}

static int find_key(struct token *t, CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *ret, struct error *err)
{
        char name[TOKEN_LABEL_MAX + 1];
        CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_LABEL, name, strlen(label) } };
        CK_OBJECT_HANDLE found[2];
        CK_ULONG n = 0;
        CK_RV rv;

        if (strlen(label) > TOKEN_LABEL_MAX)
                return unfit(err, "?", "has a label that is too long");
        memcpy(name, label, strlen(label) + 1);
        rv = t->p11->C_FindObjectsInit(t->session, wanted, ARRAY_SIZE(wanted));
        if (rv != CKR_OK)
                return refuse(err, "looking for a key", rv);
        rv = t->p11->C_FindObjects(t->session, found, ARRAY_SIZE(found), &n);
        (void)t->p11->C_FindObjectsFinal(t->session);
        if (rv != CKR_OK)
                return refuse(err, "looking for a key", rv);
        if (n != 1)
                return unfit(err, label, n == 0 ? "is not in the token" : "is in the token more than once");
        *ret = found[0];
        return 0;
}

/* What a key must answer to CKA_*: read one by one, because a module may refuse a whole list for one unknown. */
struct rule {
        CK_ATTRIBUTE_TYPE type;
        CK_BBOOL must_be;
        bool may_be_absent; /* a class of key that lacks the attribute lacks the right */
        const char *complaint;
};

static int check_rules(struct token *t, CK_OBJECT_HANDLE key, const char *label, const struct rule *rules, size_t n,
                       struct error *err)
{
        for (size_t i = 0; i < n; i++) {
                CK_BBOOL value = !rules[i].must_be;
                CK_ATTRIBUTE a = { rules[i].type, &value, sizeof value };
                CK_RV rv = t->p11->C_GetAttributeValue(t->session, key, &a, 1);

                if (rv == CKR_ATTRIBUTE_TYPE_INVALID && rules[i].may_be_absent)
                        continue;
                if (rv != CKR_OK)
                        return refuse(err, "reading a key's attributes", rv);
                if (a.ulValueLen != sizeof value || value != rules[i].must_be)
                        return unfit(err, label, rules[i].complaint);
        }
        return 0;
}

static int check_type(struct token *t, CK_OBJECT_HANDLE key, const char *label, CK_KEY_TYPE type, struct error *err)
{
        CK_KEY_TYPE value = (CK_KEY_TYPE)-1;
        CK_ATTRIBUTE a = { CKA_KEY_TYPE, &value, sizeof value };
        CK_RV rv = t->p11->C_GetAttributeValue(t->session, key, &a, 1);

        if (rv != CKR_OK)
                return refuse(err, "reading a key's type", rv);
        return value == type ? 0 : unfit(err, label, "is of another type");
}

int token_master(struct token *token, const char *label, unsigned long *ret_key, struct error *err)
{
        static const struct rule rules[] = {
                { CKA_SENSITIVE, CK_TRUE, false, "is not sensitive" },
                { CKA_EXTRACTABLE, CK_FALSE, false, "is extractable" },
                { CKA_SIGN, CK_TRUE, false, "may not sign" },
                { CKA_ENCRYPT, CK_FALSE, false, "may encrypt" },
                { CKA_DECRYPT, CK_FALSE, false, "may decrypt" },
                { CKA_VERIFY, CK_FALSE, false, "may verify" },
                { CKA_WRAP, CK_FALSE, false, "may wrap" },
                { CKA_UNWRAP, CK_FALSE, false, "may unwrap" },
                { CKA_DERIVE, CK_FALSE, false, "may derive" },
        };
        CK_OBJECT_HANDLE key;

        if (find_key(token, CKO_SECRET_KEY, label, &key, err) < 0 || check_type(token, key, label, CKK_AES, err) < 0 ||
            check_rules(token, key, label, rules, ARRAY_SIZE(rules), err) < 0)
                return -1;
        *ret_key = key;
        return 0;
}

static int check_curve(struct token *t, CK_OBJECT_HANDLE key, const char *label, struct error *err)
{
        CK_BYTE params[OID_MAX];
        CK_ATTRIBUTE a = { CKA_EC_PARAMS, params, sizeof params };
        CK_RV rv = t->p11->C_GetAttributeValue(t->session, key, &a, 1);

        if (rv != CKR_OK)
                return refuse(err, "reading a key's curve", rv);
        if (a.ulValueLen != sizeof p256 || memcmp(params, p256, sizeof p256) != 0)
                return unfit(err, label, "is not on P-256");
        return 0;
}

int token_signer(struct token *token, const char *label, unsigned long *ret_key, struct error *err)
{
        static const struct rule rules[] = {
                { CKA_SENSITIVE, CK_TRUE, false, "is not sensitive" },
                { CKA_EXTRACTABLE, CK_FALSE, false, "is extractable" },
                { CKA_SIGN, CK_TRUE, false, "may not sign" },
                { CKA_DECRYPT, CK_FALSE, true, "may decrypt" },
                { CKA_UNWRAP, CK_FALSE, true, "may unwrap" },
                { CKA_DERIVE, CK_FALSE, true, "may derive" },
                { CKA_SIGN_RECOVER, CK_FALSE, true, "may sign with recovery" },
        };
        CK_OBJECT_HANDLE key;

        if (find_key(token, CKO_PRIVATE_KEY, label, &key, err) < 0 || check_type(token, key, label, CKK_EC, err) < 0 ||
            check_curve(token, key, label, err) < 0 ||
            check_rules(token, key, label, rules, ARRAY_SIZE(rules), err) < 0)
                return -1;
        *ret_key = key;
        return 0;
}

/* C_Sign ends the operation whatever it answers but CKR_BUFFER_TOO_SMALL, which a fixed-size output rules out; a
 * shorter output than expected is a fault (PKCS#11 5.2, 5.11). */
static int sign(struct token *t, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct bytes input, uint8_t *ret,
                size_t n_ret, struct error *err)
{
        CK_MECHANISM mechanism = { type, NULL, 0 };
        CK_ULONG n = n_ret;
        CK_RV rv = t->p11->C_SignInit(t->session, &mechanism, key);

        if (rv == CKR_OK)
                rv = t->p11->C_Sign(t->session, (CK_BYTE *)(uintptr_t)input.p, input.n, ret, &n);
        if (rv == CKR_OK && n != n_ret)
                rv = CKR_DATA_LEN_RANGE;
        return rv == CKR_OK ? 0 : refuse(err, "signing", rv);
}

int token_cmac(struct token *token, unsigned long key, struct bytes input, uint8_t ret[TOKEN_CMAC_SIZE],
               struct error *err)
{
        if (FAULT_ERROR("key.cmac.before", ERR_OPERATOR, REASON_KEY_TOKEN, err) ||
            sign(token, CKM_AES_CMAC, key, input, ret, TOKEN_CMAC_SIZE, err) < 0)
                return -1;
        return FAULT_ERROR("key.cmac.after", ERR_OPERATOR, REASON_KEY_TOKEN, err) ? -1 : 0;
}

int token_sign(struct token *token, unsigned long key, const uint8_t digest[TOKEN_DIGEST_SIZE],
               uint8_t ret[TOKEN_SIGNATURE_SIZE], struct error *err)
{
        struct bytes input = { digest, TOKEN_DIGEST_SIZE };

        if (FAULT_ERROR("key.sign.before", ERR_OPERATOR, REASON_KEY_TOKEN, err) ||
            sign(token, CKM_ECDSA, key, input, ret, TOKEN_SIGNATURE_SIZE, err) < 0)
                return -1;
        return FAULT_ERROR("key.sign.after", ERR_OPERATOR, REASON_KEY_TOKEN, err) ? -1 : 0;
}

/* A session object that only signs; CKR_OK, or the token's refusal. */
static CK_RV create_known_key(struct token *t, CK_BYTE *key, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        CK_OBJECT_CLASS class = CKO_SECRET_KEY;
        CK_KEY_TYPE type = CKK_AES;
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        CK_ATTRIBUTE a[] = { { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type },
                             { CKA_TOKEN, &no, sizeof no },       { CKA_SIGN, &yes, sizeof yes },
                             { CKA_ENCRYPT, &no, sizeof no },     { CKA_VALUE, key, n } };

        return t->p11->C_CreateObject(t->session, a, ARRAY_SIZE(a), ret);
}

static int known_answer(struct token *t, struct error *err)
{
        /* RFC 4493 section 4: key, and example 2 */
        CK_BYTE key[] = {
                0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C
        };
        static const uint8_t input[] = { 0x6B, 0xC1, 0xBE, 0xE2, 0x2E, 0x40, 0x9F, 0x96,
                                         0xE9, 0x3D, 0x7E, 0x11, 0x73, 0x93, 0x17, 0x2A };
        static const uint8_t expected[] = { 0x07, 0x0A, 0x16, 0xB4, 0x6B, 0x4D, 0x41, 0x44,
                                            0xF7, 0x9B, 0xDD, 0x9D, 0xD0, 0x4A, 0x28, 0x7C };
        uint8_t mac[TOKEN_CMAC_SIZE];
        CK_OBJECT_HANDLE handle;
        int r;

        if (create_known_key(t, key, sizeof key, &handle) != CKR_OK)
                return 0;
        r = token_cmac(t, handle, BYTES(input), mac, err);
        (void)t->p11->C_DestroyObject(t->session, handle);
        if (r == 0 && memcmp(mac, expected, sizeof mac) != 0)
                return refuse(err, "the known-answer test of CMAC", CKR_FUNCTION_FAILED);
        return r;
}

int token_self_test(struct token *token, unsigned long master, struct error *err)
{
        static const uint8_t a[] = "mohr-self-test-1", b[] = "mohr-self-test-2";
        uint8_t first[TOKEN_CMAC_SIZE], second[TOKEN_CMAC_SIZE], other[TOKEN_CMAC_SIZE];
        bool good;

        if (known_answer(token, err) < 0 || token_cmac(token, master, BYTES(a), first, err) < 0 ||
            token_cmac(token, master, BYTES(a), second, err) < 0 || token_cmac(token, master, BYTES(b), other, err) < 0)
                return -1;
        good = memcmp(first, second, sizeof first) == 0 && memcmp(first, other, sizeof first) != 0;
        return good ? 0 : refuse(err, "the self-test of the master key", CKR_FUNCTION_FAILED);
}
