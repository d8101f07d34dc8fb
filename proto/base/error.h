/* One error shape for all layers: what to do (kind), which documented word (reason), where it came from (origin, code).
 *
 * The caller owns it; fixed size; nothing to free. `text` is one clause without secrets, personal data or newline.
 * UNKNOWN means the effect may have happened: only a driver's `do` and `ledger_tx` produce it and nobody turns it
 * into RETRY. Callers switch on `kind` alone; the reason is for people and for exit codes (proto/base/reason.h). */
#pragma once
#include "proto/base/reason.h"
#include <stdbool.h>
#include <stdint.h>

enum error_kind {
        ERR_RETRY = 1, /* transient: the same step again is safe */
        ERR_OPERATOR,  /* a person must act: hopper empty, cover open */
        ERR_CARD,      /* this card is lost or parked */
        ERR_INPUT,     /* the request, the data or the configuration is wrong */
        ERR_UNKNOWN,   /* the effect may have happened: probe, never retry */
        ERR_BUG,       /* an invariant broke: stop this line */
};

enum error_origin {
        ORIGIN_OWN = 0,
        ORIGIN_OS,     /* code: errno */
        ORIGIN_PCSC,   /* SCARD_* */
        ORIGIN_SW,     /* SW1 SW2 */
        ORIGIN_IPP,    /* ipp_status_t */
        ORIGIN_CURL,   /* CURLcode */
        ORIGIN_HTTP,   /* status */
        ORIGIN_SQLITE, /* extended result code */
        ORIGIN_PKCS11, /* CK_RV */
};

enum { ERROR_TEXT_MAX = 200 };

struct error {
        enum error_kind kind;
        enum error_origin origin;
        enum reason reason;
        uint32_t code;
        char text[ERROR_TEXT_MAX];
};

/* Fills err and answers -1, so that `return err_set(...)` reads well. err may not be NULL. */
__attribute__((format(printf, 6, 7), nonnull(1))) int err_set(struct error *err, enum error_kind kind,
                                                              enum error_origin origin, uint32_t code,
                                                              enum reason reason, const char *format, ...);
/* The two commonest forms. */
#define err_own(err, kind, reason, ...) err_set((err), (kind), ORIGIN_OWN, 0, (reason), __VA_ARGS__)
#define err_input(err, reason, ...) err_set((err), ERR_INPUT, ORIGIN_OWN, 0, (reason), __VA_ARGS__)

const char *error_kind_name(enum error_kind kind); /* "retry", "operator", ... */
bool error_kind_parse(const char *name, enum error_kind *ret);
const char *error_origin_name(enum error_origin origin); /* "own", "os", "pcsc", ... */
bool error_origin_parse(const char *name, enum error_origin *ret);
