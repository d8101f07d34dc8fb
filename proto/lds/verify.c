#include "proto/lds/verify.h"
#include "proto/base/cleanup.h"
#include "proto/lds/der.h"
#include "proto/lds/group.h"
#include "proto/lds/sod.h"
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { CLOCK_SKEW_S = 300, CA_PEM_MAX = 1 << 20, CA_CERTIFICATES_MAX = 32 };

const uint16_t lds_fids[LDS_N_FILES] = {
        LDS_FID_DG2, LDS_FID_DG11, LDS_FID_DG12, LDS_FID_DG13, LDS_FID_COM, LDS_FID_SOD
};

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

const char *lds_verdict_word(enum lds_verdict verdict)
{
        static const char *const words[] = {
#define X(name, word, sentence) word,
                LDS_VERDICTS(X)
#undef X
        };
        return words[verdict];
}

const char *lds_verdict_text(enum lds_verdict verdict)
{
        static const char *const sentences[] = {
#define X(name, word, sentence) sentence,
                LDS_VERDICTS(X)
#undef X
        };
        return sentences[verdict];
}

static enum lds_verdict fault(struct lds_result *ret, enum lds_verdict verdict, uint16_t fid)
{
        ret->fid = fid;
        return verdict;
}

/* The file with this id; NULL when it is absent, empty, too large, or there twice. */
static const struct lds_file *find(const struct lds_input *in, uint16_t fid)
{
        const struct lds_file *found = NULL;

        for (size_t i = 0; i < in->n_files; i++) {
                if (in->files[i].fid != fid)
                        continue;
                if (found)
                        return NULL;
                found = &in->files[i];
        }
        return found && found->content.n > 0 && found->content.n <= LDS_FILE_MAX ? found : NULL;
}

static X509_STORE *load_authorities(struct bytes pem)
{
        cleanup(BIO_free_all_p) BIO *bio = pem.n <= CA_PEM_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
        cleanup(X509_STORE_free_p) X509_STORE *store = X509_STORE_new();
        unsigned n = 0;

        if (!bio || !store)
                return NULL;
        for (; n < CA_CERTIFICATES_MAX; n++) {
                cleanup(X509_free_p) X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);

                if (!ca)
                        break;
                if (X509_STORE_add_cert(store, ca) != 1)
                        return NULL;
        }
        return n > 0 ? steal(&store) : NULL;
}

/* Parsed, and in its one spelling. */
static X509 *load_signer(struct bytes der)
{
        const unsigned char *p = der.p;
        cleanup(X509_free_p) X509 *x = d2i_X509(NULL, &p, (long)der.n);
        unsigned char *again = NULL;
        int n;

        if (!x || p != der.p + der.n)
                return NULL;
        n = i2d_X509(x, &again);
        if (n < 0)
                return NULL;
        if (!bytes_equal(der, (struct bytes){ again, (size_t)n }))
                X509_free(steal(&x));
        OPENSSL_free(again);
        return steal(&x);
}

static bool is_p256(X509 *x)
{
        char group[32] = "";
        size_t n;
        EVP_PKEY *key = X509_get0_pubkey(x);

        return key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
               strcmp(group, SN_X9_62_prime256v1) == 0;
}

/* RFC 5280 4.2.1.3: the key may sign data, and only that kind of thing; it is no authority itself. */
static bool may_sign(X509 *x)
{
        uint32_t flags = X509_get_extension_flags(x);

        return (flags & EXFLAG_KUSAGE) && !(flags & (EXFLAG_CA | EXFLAG_INVALID)) &&
               X509_get_key_usage(x) == KU_DIGITAL_SIGNATURE && is_p256(x);
}

static enum lds_verdict check_chain(X509_STORE *store, X509 *signer, int64_t at)
{
        cleanup(X509_STORE_CTX_free_p) X509_STORE_CTX *context = X509_STORE_CTX_new();

        if (!context || X509_STORE_CTX_init(context, store, signer, NULL) != 1)
                return LDS_SIGNER_UNTRUSTED;
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), (time_t)at);
        (void)X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(context), X509_PURPOSE_ANY);
        if (X509_verify_cert(context) == 1)
                return may_sign(signer) ? LDS_VERIFIED : LDS_SIGNER_UNTRUSTED;
        switch (X509_STORE_CTX_get_error(context)) {
        case X509_V_ERR_CERT_NOT_YET_VALID:
        case X509_V_ERR_CERT_HAS_EXPIRED:
                return LDS_SIGNER_NOT_VALID;
        default: /* every other fault of OpenSSL's list means the same here */
                return LDS_SIGNER_UNTRUSTED;
        }
}

/* CMS_verify over the content of the file; the store carries the signing time. */
static bool check_cms(X509_STORE *store, struct bytes cms_der, const struct lds_sod *sod)
{
        const unsigned char *p = cms_der.p;
        cleanup(CMS_ContentInfo_free_p) CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)cms_der.n);
        cleanup(BIO_free_all_p) BIO *out = BIO_new(BIO_s_mem());
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        char *content;
        long n_content;

        X509_VERIFY_PARAM_set_time(param, (time_t)sod->signed_at);
        (void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
        if (!cms || !out || CMS_verify(cms, NULL, store, NULL, out, CMS_BINARY) != 1)
                return false;
        n_content = BIO_get_mem_data(out, &content);
        return n_content >= 0 &&
               bytes_equal(sod->object, (struct bytes){ (const uint8_t *)content, (size_t)n_content });
}

static enum lds_verdict check_signature(const struct lds_input *in, struct bytes file, const struct lds_sod *sod)
{
        struct bytes cms = { NULL, 0 };
        cleanup(X509_STORE_free_p) X509_STORE *store = load_authorities(in->ca_pem);
        cleanup(X509_free_p) X509 *signer = load_signer(sod->certificate);
        enum lds_verdict verdict;

        if (!store)
                return LDS_CA_UNUSABLE;
        if (!signer)
                return LDS_MALFORMED;
        if (sod->signed_at > in->now + CLOCK_SKEW_S)
                return LDS_SIGNED_IN_FUTURE;
        verdict = check_chain(store, signer, sod->signed_at);
        if (verdict != LDS_VERIFIED)
                return verdict;
        return der_only(file, LDS_TAG_SOD, &cms) && check_cms(store, cms, sod) ? LDS_VERIFIED : LDS_SIGNATURE_WRONG;
}

static enum lds_verdict check_hashes(const struct lds_input *in, const struct lds_hash *hashes, size_t n,
                                     struct lds_result *ret)
{
        for (size_t i = 0; i < n; i++) {
                uint16_t fid = (uint16_t)(0x0100 + hashes[i].group);
                const struct lds_file *file = find(in, fid);
                uint8_t sha256[LDS_HASH_SIZE];

                if (!file)
                        return fault(ret, LDS_INCOMPLETE, fid);
                SHA256(file->content.p, file->content.n, sha256);
                if (memcmp(sha256, hashes[i].sha256, sizeof sha256) != 0)
                        return fault(ret, LDS_HASH_WRONG, fid);
        }
        return LDS_VERIFIED;
}

static bool is_signed(uint16_t fid, const struct lds_hash *hashes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (fid == 0x0100 + hashes[i].group)
                        return true;
        return false;
}

/* Every file given is signed, and every group of a certificate is among the signed ones. */
static enum lds_verdict check_set(const struct lds_input *in, const struct lds_hash *hashes, size_t n,
                                  struct lds_result *ret)
{
        for (size_t i = 0; i < in->n_files; i++) {
                uint16_t fid = in->files[i].fid;

                if (fid != LDS_FID_COM && fid != LDS_FID_SOD && !is_signed(fid, hashes, n))
                        return fault(ret, LDS_HASH_WRONG, fid);
        }
        for (size_t i = 0; i < LDS_N_FILES; i++)
                if (lds_fids[i] != LDS_FID_COM && lds_fids[i] != LDS_FID_SOD && !is_signed(lds_fids[i], hashes, n))
                        return fault(ret, LDS_INCOMPLETE, lds_fids[i]);
        return LDS_VERIFIED;
}

/* EF.COM carries no hash of its own: it must list exactly the signed groups. */
static enum lds_verdict check_com(const struct lds_input *in, const struct lds_hash *hashes, size_t n,
                                  struct lds_result *ret)
{
        uint8_t buffer[64], groups[LDS_GROUPS_MAX];
        struct writer w = WRITER(buffer);

        for (size_t i = 0; i < n; i++)
                groups[i] = hashes[i].group;
        lds_com_put(&w, groups, n);
        if (!bytes_equal(writer_bytes(&w), find(in, LDS_FID_COM)->content))
                return fault(ret, LDS_HASH_WRONG, LDS_FID_COM);
        return LDS_VERIFIED;
}

static enum lds_verdict read_record(const struct lds_input *in, struct lds_result *ret)
{
        static const struct {
                uint16_t fid;
                bool (*parse)(struct bytes file, struct lds_record *ret);
        } groups[] = { { LDS_FID_DG2, lds_dg2_parse },
                       { LDS_FID_DG11, lds_dg11_parse },
                       { LDS_FID_DG12, lds_dg12_parse },
                       { LDS_FID_DG13, lds_dg13_parse } };

        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                if (!groups[i].parse(find(in, groups[i].fid)->content, &ret->record))
                        return fault(ret, LDS_MALFORMED, groups[i].fid);
        if (!ret->record.bound || memcmp(ret->record.chip_id, in->chip_id, LDS_CHIP_ID_SIZE) != 0)
                return fault(ret, LDS_OTHER_CHIP, LDS_FID_DG13);
        ret->has_token = lds_token_parse(ret->record.entries[0].token, ret->face_code, ret->data_sha256);
        return LDS_VERIFIED;
}

static enum lds_verdict check_groups(const struct lds_input *in, const struct lds_sod *sod, struct lds_result *ret)
{
        struct lds_hash hashes[LDS_GROUPS_MAX];
        enum lds_verdict verdict;
        size_t n;

        if (!lds_object_parse(sod->object, hashes, &n))
                return fault(ret, LDS_MALFORMED, LDS_FID_SOD);
        verdict = check_set(in, hashes, n, ret);
        if (verdict == LDS_VERIFIED)
                verdict = check_hashes(in, hashes, n, ret);
        if (verdict == LDS_VERIFIED)
                verdict = check_com(in, hashes, n, ret);
        return verdict == LDS_VERIFIED ? read_record(in, ret) : verdict;
}

static enum lds_verdict verify(const struct lds_input *in, struct lds_result *ret)
{
        const struct lds_file *file = find(in, LDS_FID_SOD);
        enum lds_verdict verdict;
        struct lds_sod sod;

        if (!file)
                return fault(ret, LDS_INCOMPLETE, LDS_FID_SOD);
        SHA256(file->content.p, file->content.n, ret->sod_sha256);
        for (size_t i = 0; i < LDS_N_FILES; i++)
                if (!find(in, lds_fids[i]))
                        return fault(ret, LDS_INCOMPLETE, lds_fids[i]);
        if (!lds_sod_parse(file->content, &sod))
                return fault(ret, LDS_MALFORMED, LDS_FID_SOD);
        verdict = check_signature(in, file->content, &sod);
        if (verdict != LDS_VERIFIED)
                return fault(ret, verdict, LDS_FID_SOD);
        ret->signed_at = sod.signed_at;
        SHA256(sod.certificate.p, sod.certificate.n, ret->signer_sha256);
        return check_groups(in, &sod, ret);
}

static void forget(struct lds_result *ret, enum lds_verdict verdict)
{
        struct lds_result kept = { .verdict = verdict, .fid = ret->fid };

        memcpy(kept.sod_sha256, ret->sod_sha256, sizeof kept.sod_sha256);
        *ret = kept;
}

bool lds_verify(const struct lds_input *in, struct lds_result *ret)
{
        enum lds_verdict verdict;

        memset(ret, 0, sizeof *ret);
        verdict = verify(in, ret);
        if (verdict != LDS_VERIFIED)
                forget(ret, verdict);
        ERR_clear_error(); /* this library call's faults are told by the verdict */
        return verdict == LDS_VERIFIED;
}
