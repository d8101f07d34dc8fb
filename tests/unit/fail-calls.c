/* Functions that fail: linked with --wrap before the libraries' own. FAIL=FUNCTION:N in the environment: the N-th call
 * of FUNCTION does nothing and answers as if there were no memory, no hash, no database. */
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool fails(const char *function)
{
        static long calls;
        const char *order = getenv("FAIL");
        size_t n = strlen(function);

        if (!order || strncmp(order, function, n) != 0 || order[n] != ':')
                return false;
        return ++calls == strtol(order + n + 1, NULL, 10);
}

#define WRAP(type, function, proto, args, failure)                          \
        type __real_##function proto;                                       \
        type __wrap_##function proto;                                       \
        type __wrap_##function proto                                        \
        {                                                                   \
                return fails(#function) ? failure : __real_##function args; \
        }

WRAP(void *, malloc, (size_t n), (n), NULL)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL)
WRAP(char *, strndup, (const char *text, size_t n), (text, n), NULL)
WRAP(int, sqlite3_exec,
     (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *context, char **text),
     (db, sql, row, context, text), SQLITE_IOERR)
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
WRAP(int, EVP_DigestInit_ex, (EVP_MD_CTX * md, const EVP_MD *type, ENGINE *engine), (md, type, engine), 0)
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * md, const void *p, size_t n), (md, p, n), 0)
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * md, unsigned char *digest, unsigned *n), (md, digest, n), 0)
