/* The public verifier: says whether the files read from a card are a certificate that the document authority signed
 * for exactly this chip. Anyone can run it: it needs the authority's certificate and no secret.
 *
 * Checked: EF.SOD has the one spelling of proto/lds/sod.h; its CMS signature (RFC 5652 5.4, CMS_verify) is the
 * document signer's; that signer is certified by the given authority for digitalSignature and was valid at the
 * signing time, which is not in the future; every data group's SHA-256 (whole file) is the signed one; EF.COM lists
 * the same groups; DG13 names the chip the files came from. Sources: facts of docs/card-applet.md; RFC 5652; RFC 5280.
 * Input is hostile: bounded, no recursion over it. Blocks for a few milliseconds; not for proto's callers' threads. */
#pragma once
#include "proto/base/error.h"
#include "proto/lds/record.h"

enum lds_fid { /* file id on the card = DGI number = 0100 + group number */
               LDS_FID_DG2 = 0x0102,
               LDS_FID_DG11 = 0x010B,
               LDS_FID_DG12 = 0x010C,
               LDS_FID_DG13 = 0x010D,
               LDS_FID_SOD = 0x011D,
               LDS_FID_COM = 0x011E,
};
enum { LDS_N_FILES = 6, LDS_FILE_MAX = 61184 }; /* 256 blocks of 239 bytes in one STORE DATA session, GPCS 11.11.2.2 */

/* All files of a complete card in the order they are written: DG2, DG11, DG12, DG13, EF.COM, EF.SOD. */
extern const uint16_t lds_fids[LDS_N_FILES];

struct lds_file {
        uint16_t fid;
        struct bytes content; /* the outer element exactly, nothing behind it */
};

struct lds_input {
        const struct lds_file *files;
        size_t n_files;
        const uint8_t *chip_id; /* LDS_CHIP_ID_SIZE bytes as the chip itself answered */
        struct bytes ca_pem;    /* one or more certificates: the trusted authorities */
        int64_t now;            /* seconds since 1970 UTC */
};

/* X(NAME, "word", "sentence"); the words are part of `mohr verify --json`. */
#define LDS_VERDICTS(X)                                                                           \
        X(VERIFIED, "verified", "The certificate is genuine and belongs to this chip.")           \
        X(INCOMPLETE, "incomplete", "The card does not hold a complete certificate.")             \
        X(MALFORMED, "malformed", "A file on the card is malformed.")                             \
        X(CA_UNUSABLE, "ca_unusable", "The authority's certificate cannot be read.")              \
        X(SIGNER_UNTRUSTED, "signer_untrusted", "The signer is not certified by this authority.") \
        X(SIGNER_NOT_VALID, "signer_not_valid", "The signer's certificate was not valid then.")   \
        X(SIGNATURE_WRONG, "signature_wrong", "The signature is wrong.")                          \
        X(SIGNED_IN_FUTURE, "signed_in_future", "The signing time lies in the future.")           \
        X(HASH_WRONG, "hash_wrong", "A file was altered after signing.")                          \
        X(OTHER_CHIP, "other_chip", "The certificate was signed for another chip.")

enum lds_verdict {
#define X(name, word, sentence) LDS_##name,
        LDS_VERDICTS(X)
#undef X
                LDS_VERDICT_COUNT
};

const char *lds_verdict_word(enum lds_verdict verdict);
const char *lds_verdict_text(enum lds_verdict verdict);

struct lds_result {
        enum lds_verdict verdict;
        uint16_t fid;                      /* of the file at fault; 0 when none in particular */
        uint8_t sod_sha256[LDS_HASH_SIZE]; /* of the whole EF.SOD; zero when there is none */
        /* The rest is filled only for LDS_VERIFIED. */
        int64_t signed_at;
        uint8_t signer_sha256[LDS_HASH_SIZE]; /* of the document signer's certificate (DER) */
        struct lds_record record;             /* photo points into the caller's DG2 bytes */
        bool has_token;                       /* the first entry's token is of this system: */
        char face_code[LDS_FACE_CODE_MAX];
        uint8_t data_sha256[LDS_HASH_SIZE]; /* of the approval's payload */
};

/* True exactly when ret->verdict is LDS_VERIFIED. ret is always filled. */
bool lds_verify(const struct lds_input *in, struct lds_result *ret);
