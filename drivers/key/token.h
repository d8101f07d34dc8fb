/* Keys in a PKCS#11 token: CMAC with an AES master key, ECDSA with the document signer's P-256 key. Nothing else.
 *
 * PKCS#11 2.40 through p11-kit (p11_kit_module_load; the module is never unloaded: leave the process with _exit(),
 * SoftHSM 2.6.1 crashes in its exit handlers beside OpenSSL 3). One session per token for the process's life. Load
 * after the last fork. Calls block as long as the token does: softHSM microseconds, a network HSM without limit.
 * Every error: kind OPERATOR, reason key_token, origin PKCS11 with the CK_RV, or INPUT when the keys are unfit. */
#pragma once
#include "proto/base/error.h"
#include "proto/base/secret.h"

enum { TOKEN_CMAC_SIZE = 16, TOKEN_DIGEST_SIZE = 32, TOKEN_SIGNATURE_SIZE = 64, TOKEN_LABEL_MAX = 64 };

struct token_module;
struct token;

/* Loads and initialises the module, e.g. /usr/lib/softhsm/libsofthsm2.so; never released. 0 or -1. */
int token_module_load(const char *path, struct token_module **ret, struct error *err);
/* Opens the one token with this label and logs in as user. The PIN may be wiped afterwards. */
int token_open(struct token_module *module, const char *label, const struct secret *pin, struct token **ret,
               struct error *err);
void token_free(struct token *token); /* ends the session; accepts NULL */

/* Finds the one AES key with this label and refuses it unless it is sensitive, not extractable, may sign, and may
 * nothing else: encrypt, decrypt, verify, wrap, unwrap and derive are all FALSE. (Left out, SoftHSM makes them TRUE;
 * an encrypting master gives away the CMAC subkeys.) */
int token_master(struct token *token, const char *label, unsigned long *ret_key, struct error *err);
/* Finds the one P-256 private key with this label, by the same rule. */
int token_signer(struct token *token, const char *label, unsigned long *ret_key, struct error *err);

/* AES-CMAC (RFC 4493) of input, inside the token: CKM_AES_CMAC. */
int token_cmac(struct token *token, unsigned long key, struct bytes input, uint8_t ret[TOKEN_CMAC_SIZE],
               struct error *err);
/* ECDSA of a ready digest: CKM_ECDSA, raw r || s. */
int token_sign(struct token *token, unsigned long key, const uint8_t digest[TOKEN_DIGEST_SIZE],
               uint8_t ret[TOKEN_SIGNATURE_SIZE], struct error *err);

/* Known answer of RFC 4493 example 2 with a session key, where the token takes one (an HSM that takes no foreign key
 * passes over this part); then the master answers twice alike, and differently for different inputs. */
int token_self_test(struct token *token, unsigned long master, struct error *err);
