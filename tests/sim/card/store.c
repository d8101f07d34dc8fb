#define _GNU_SOURCE
#include "tests/sim/card/store.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/card/factory.h"
#include "tests/sim/card/hex.h"

enum { LINE_MAX_CHARS = 2 * OBJECT_MAX + 64, LOCK_TRIES = 40, EXIT_USAGE = 2 };

struct object *store_object(struct store *store, uint16_t fid)
{
        for (size_t i = 0; i < N_OBJECTS; i++)
                if (store->objects[i].fid == fid)
                        return &store->objects[i];
        return NULL;
}

void object_set(struct object *object, const uint8_t *data, size_t n)
{
        uint8_t *copy = malloc(n);

        if (!copy)
                err(1, "memory");
        memcpy(copy, data, n);
        free(object->data);
        object->data = copy;
        object->n = n;
}

static void write_hex(FILE *file, const char *name, const uint8_t *bytes, size_t n)
{
        fprintf(file, "%s ", name);
        for (size_t i = 0; i < n; i++)
                fprintf(file, "%02X", bytes[i]);
        fputc('\n', file);
}

static void write_state(FILE *file, const struct store *s)
{
        static const char *const key_names[3] = { "key_enc", "key_mac", "key_dek" };
        char name[16];

        write_hex(file, "kdd", s->kdd, sizeof s->kdd);
        fprintf(file, "serial %s\nkvn %u\n", *s->serial ? s->serial : "-", s->kvn);
        for (size_t i = 0; i < 3; i++)
                write_hex(file, key_names[i], s->keys[i], s->n_key);
        fprintf(file, "seq %u\ntries %u\ncard_life %u\napp_life %u\n", s->seq, s->tries, s->card_life, s->app_life);
        fprintf(file, "app_present %d\ncomplete %d\ntorn %d\n", s->app_present, s->complete, s->torn);
        for (size_t i = 0; i < N_OBJECTS; i++) {
                (void)snprintf(name, sizeof name, "file_%04X", s->objects[i].fid);
                if (s->objects[i].data)
                        write_hex(file, name, s->objects[i].data, s->objects[i].n);
        }
        fprintf(file, "end 1\n");
}

void store_save(const struct store *store)
{
        int fd = openat(store->dir_fd, "state.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

        if (!file)
                err(1, "state.tmp");
        write_state(file, store);
        if (fflush(file) != 0 || fsync(fd) < 0 || fclose(file) != 0)
                err(1, "state.tmp");
        if (renameat(store->dir_fd, "state.tmp", store->dir_fd, "state") < 0 || fsync(store->dir_fd) < 0)
                err(1, "state");
}

static void append(int fd, const char *name, const struct event *e)
{
        const uint8_t *h = e->header;
        struct timespec now;
        char line[256];
        int n;

        clock_gettime(CLOCK_MONOTONIC, &now);
        n = snprintf(line, sizeof line,
                     "{\"t\": %lld.%06ld, \"n\": %u, \"what\": \"%s\", \"header\": \"%02X%02X%02X%02X\", \"lc\": %zu, "
                     "\"sw\": \"%04X\", \"note\": \"%s\"}\n",
                     (long long)now.tv_sec, now.tv_nsec / 1000, e->n, e->what, h[0], h[1], h[2], h[3], e->lc, e->sw,
                     e->note);
        if (write(fd, line, (size_t)n) != n)
                err(1, "%s", name);
}

void store_log(const struct store *store, const struct event *event)
{
        append(store->log_fd, "log", event);
}

void store_trace(const struct store *store, const struct event *event)
{
        if (store->trace_fd >= 0)
                append(store->trace_fd, "trace", event);
}

static bool set_key(struct store *s, size_t role, const char *value)
{
        size_t n;

        if (!hex_decode(value, s->keys[role], KEY_MAX, &n) || (n != 16 && n != 24 && n != 32))
                return false;
        s->n_key = n;
        return true;
}

static bool set_file(struct store *s, const char *name, const char *value)
{
        static uint8_t content[OBJECT_MAX];
        struct object *object = store_object(s, (uint16_t)strtoul(name + 5, NULL, 16));
        size_t n;

        if (!object || !hex_decode(value, content, sizeof content, &n) || n == 0)
                return false;
        object_set(object, content, n);
        return true;
}

static bool set_number(struct store *s, const char *name, unsigned value)
{
        if (strcmp(name, "kvn") == 0)
                s->kvn = (uint8_t)value;
        else if (strcmp(name, "seq") == 0)
                s->seq = value;
        else if (strcmp(name, "tries") == 0)
                s->tries = value;
        else if (strcmp(name, "card_life") == 0)
                s->card_life = (uint8_t)value;
        else if (strcmp(name, "app_life") == 0)
                s->app_life = (uint8_t)value;
        else if (strcmp(name, "app_present") == 0)
                s->app_present = value != 0;
        else if (strcmp(name, "complete") == 0)
                s->complete = value != 0;
        else if (strcmp(name, "torn") == 0)
                s->torn = value != 0;
        else
                return false;
        return true;
}

static bool set_value(struct store *s, const char *name, const char *value)
{
        size_t n;

        if (strcmp(name, "kdd") == 0)
                return hex_decode(value, s->kdd, KDD_SIZE, &n) && n == KDD_SIZE;
        if (strcmp(name, "serial") == 0)
                return snprintf(s->serial, sizeof s->serial, "%s", strcmp(value, "-") == 0 ? "" : value) <= SERIAL_MAX;
        if (strcmp(name, "key_enc") == 0)
                return set_key(s, 0, value);
        if (strcmp(name, "key_mac") == 0)
                return set_key(s, 1, value);
        if (strcmp(name, "key_dek") == 0)
                return set_key(s, 2, value);
        if (strncmp(name, "file_", 5) == 0)
                return set_file(s, name, value);
        return set_number(s, name, (unsigned)strtoul(value, NULL, 10));
}

/* False when the file does not end with its end mark or a line is not understood. */
static bool read_state(struct store *s, FILE *file)
{
        static char line[LINE_MAX_CHARS];
        bool ended = false;

        while (!ended && fgets(line, sizeof line, file)) {
                char *value = strchr(line, ' ');

                line[strcspn(line, "\n")] = '\0';
                if (!value)
                        return false;
                *value++ = '\0';
                ended = strcmp(line, "end") == 0;
                if (!ended && !set_value(s, line, value))
                        return false;
        }
        return ended && s->n_key > 0;
}

static bool load(struct store *s)
{
        int fd = openat(s->dir_fd, "state", O_RDONLY | O_CLOEXEC);
        FILE *file;

        if (fd < 0 && errno == ENOENT)
                return false;
        file = fd < 0 ? NULL : fdopen(fd, "r");
        if (!file)
                err(EXIT_USAGE, "state");
        if (!read_state(s, file))
                errx(EXIT_USAGE, "the card's state is damaged");
        fclose(file);
        return true;
}

/* A card just taken out may still be ending. */
static void lock_folder(struct store *s)
{
        s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (s->lock_fd < 0)
                err(EXIT_USAGE, "lock");
        for (int i = 0; i < LOCK_TRIES; i++) {
                if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
                        return;
                usleep(50000);
        }
        errx(EXIT_USAGE, "this card is in use by another program");
}

void store_open(struct store *ret_store, const struct options *options)
{
        static const uint16_t fids[N_OBJECTS] = { 0x0101, 0x0102, 0x010B, 0x010C, 0x010D, 0x010F, 0x011E, 0x011D };
        struct store s = { 0 };

        if (mkdir(options->dir, 0700) < 0 && errno != EEXIST)
                err(EXIT_USAGE, "%s", options->dir);
        s.dir_fd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s.dir_fd < 0)
                err(EXIT_USAGE, "%s", options->dir);
        lock_folder(&s);
        s.log_fd = openat(s.dir_fd, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (s.log_fd < 0)
                err(EXIT_USAGE, "log");
        s.trace_fd = options->trace ? openat(s.dir_fd, "trace", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
        for (size_t i = 0; i < N_OBJECTS; i++)
                s.objects[i].fid = fids[i];
        if (!load(&s)) {
                factory_make(&s, options);
                store_save(&s);
        }
        if (options->has_kdd && memcmp(options->kdd, s.kdd, KDD_SIZE) != 0)
                errx(EXIT_USAGE, "this folder is a card with another KDD");
        if (*options->serial && strcmp(options->serial, s.serial) != 0)
                errx(EXIT_USAGE, "this folder is a card with another serial");
        *ret_store = s;
}
