/* cardsim: a simulated duplex CR80 card printer as a CUPS backend (backend(7)), for tests and the demo.
 *
 * Device URI cardsim:/DIR. DIR is the printer: every card is a directory that moves by rename from hopper/ into path/
 * and out to tray/, so that a kill at any instant leaves each card in exactly one place.
 *   hopper/NNNNNN/serial      blanks in feed order, the pre-printed serial; state "blank"
 *   path/NNNNNN/              the card inside the machine
 *   tray/NNNNNN/              what came out: serial, state ("ok", "half", "blank"), job, front.png, back.png
 *   device_ms ribbon          milliseconds per card; cards left on the ribbon
 *   dpi                       of the print head; 300 when it is missing
 *   fault                     jam or cover while a person must act; the operator's command removes it
 *   next                      one command for the next card, taken by it: jam, jam_feed, double_feed, die, exit N,
 *                             refuse N (before a card is fed), nohistory
 *   hold                      while it is there, a card stays inside half way, whatever device_ms says
 *   blind                     when there, nothing is drawn: faces stay empty, and a card costs no time of the machine's
 *   fed panels starts         counters
 *   ledger                    one JSON line per event with CLOCK_MONOTONIC milliseconds
 *   lock                      flock of the program that holds the machine
 * Like a real machine it works on once it has the data (SIGTERM only shows in its exit), and a card found inside at
 * power-on is put out. The operator's side is cardsim_ctl.py. Exit: 0 printed, 1 failed, or as told. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NAME_LEN = 64, TEXT_LEN = 256, POLL_MS = 50, PANELS_FRONT = 4, PANELS_BACK = 1 };

static const char *job_id, *job_name;

static long now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
        struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

        while (ms > 0 && nanosleep(&t, &t) < 0 && errno == EINTR)
                ;
}

__attribute__((noreturn)) static void give_up(const char *what)
{
        fprintf(stderr, "ERROR: cardsim: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void read_text(const char *path, char *ret, size_t max)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, ret, max - 1);

        if (fd >= 0)
                close(fd);
        ret[n > 0 ? n : 0] = 0;
        ret[strcspn(ret, "\r\n")] = 0;
}

static long read_number(const char *path, long missing)
{
        char text[NAME_LEN];

        read_text(path, text, sizeof text);
        return text[0] ? atol(text) : missing;
}

/* All at once: a kill leaves the old text or the new. */
__attribute__((format(printf, 2, 3))) static void write_text(const char *path, const char *format, ...)
{
        char draft[TEXT_LEN];
        va_list args;
        FILE *f;

        snprintf(draft, sizeof draft, "%s.new", path);
        f = fopen(draft, "we");
        if (!f)
                give_up(path);
        va_start(args, format);
        vfprintf(f, format, args);
        va_end(args);
        if (fclose(f) != 0 || rename(draft, path) < 0)
                give_up(path);
}

static void count(const char *counter, long n)
{
        write_text(counter, "%ld\n", read_number(counter, 0) + n);
}

static void ledger(const char *event, const char *serial)
{
        int fd = open("ledger", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        char line[TEXT_LEN * 2];
        int n = snprintf(line, sizeof line,
                         "{\"ms\":%ld,\"event\":\"%s\",\"serial\":\"%s\",\"job\":\"%s\",\"name\":\"%s\"}\n", now_ms(),
                         event, serial, job_id, job_name);

        if (fd < 0 || write(fd, line, (size_t)n) != n)
                give_up("ledger");
        close(fd);
}

static void fault_begin(const char *fault, const char *reason)
{
        write_text("fault", "%s\n", fault);
        fprintf(stderr, "STATE: +%s-error\n", reason);
        ledger(fault, "");
}

static void fault_wait(const char *reason)
{
        while (access("fault", F_OK) == 0)
                sleep_ms(POLL_MS);
        fprintf(stderr, "STATE: -%s-error\n", reason);
        ledger("cleared", "");
}

/* The first card of a place in feed order: false when there is none. */
static bool first_card(const char *place, char ret[NAME_LEN])
{
        struct dirent **list = NULL;
        int n = scandir(place, &list, NULL, alphasort);

        ret[0] = 0;
        for (int i = 0; i < n; i++) {
                if (!ret[0] && list[i]->d_name[0] != '.' && strlen(list[i]->d_name) < NAME_LEN)
                        strcpy(ret, list[i]->d_name);
                free(list[i]);
        }
        free(list);
        return ret[0] != 0;
}

static void serial_of(const char *place, const char *card, char ret[NAME_LEN])
{
        char path[TEXT_LEN];

        snprintf(path, sizeof path, "%s/%s/serial", place, card);
        read_text(path, ret, NAME_LEN);
}

static void move_card(const char *card, const char *from, const char *to, const char *event)
{
        char a[TEXT_LEN], b[TEXT_LEN], serial[NAME_LEN];

        serial_of(from, card, serial);
        snprintf(a, sizeof a, "%s/%s", from, card);
        snprintf(b, sizeof b, "%s/%s", to, card);
        if (rename(a, b) < 0)
                give_up("a card cannot move");
        ledger(event, serial);
}

static void mark(const char *card, const char *state)
{
        char path[TEXT_LEN];

        snprintf(path, sizeof path, "path/%s/state", card);
        write_text(path, "%s\n", state);
}

/* Power-on: whatever is inside comes out; what was not finished is half a card. */
static void clear_path(void)
{
        char card[NAME_LEN], path[TEXT_LEN], state[NAME_LEN];

        while (first_card("path", card)) {
                snprintf(path, sizeof path, "path/%s/state", card);
                read_text(path, state, sizeof state);
                if (strcmp(state, "ok") != 0)
                        mark(card, "half");
                move_card(card, "path", "tray", "found_inside");
        }
}

static void wait_cover(void)
{
        char fault[NAME_LEN];

        read_text("fault", fault, sizeof fault);
        if (strcmp(fault, "cover") == 0) {
                fprintf(stderr, "STATE: +cover-open-error\n");
                fault_wait("cover-open");
        } else if (fault[0]) { /* left by a start that died at it */
                fprintf(stderr, "STATE: +media-jam-error\n");
                fault_wait("media-jam");
        }
}

static void wait_supplies(void)
{
        char card[NAME_LEN];

        if (read_number("ribbon", 0) <= 0) {
                fprintf(stderr, "ATTR: marker-levels=0\nSTATE: +marker-supply-empty-error\n");
                ledger("ribbon", "");
                while (read_number("ribbon", 0) <= 0)
                        sleep_ms(POLL_MS);
                fprintf(stderr, "STATE: -marker-supply-empty-error\n");
        }
        if (!first_card("hopper", card)) {
                fprintf(stderr, "STATE: +media-empty-error\n");
                ledger("empty", "");
                while (!first_card("hopper", card))
                        sleep_ms(POLL_MS);
                fprintf(stderr, "STATE: -media-empty-error\n");
        }
}

static void feed(char card[NAME_LEN])
{
        wait_cover();
        wait_supplies();
        if (!first_card("hopper", card))
                give_up("hopper");
        move_card(card, "hopper", "path", "fed");
        count("fed", 1);
}

/* Keeps the job's document: from the file of argv[6] or standard input. */
static void keep_document(const char *file, const char *to)
{
        int in = file ? open(file, O_RDONLY | O_CLOEXEC) : 0;
        int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        char buffer[65536];
        ssize_t n;

        if (in < 0 || out < 0)
                give_up("document");
        while ((n = read(in, buffer, sizeof buffer)) > 0)
                if (write(out, buffer, (size_t)n) != n)
                        give_up("document");
        if (n < 0)
                give_up("document");
        close(out);
}

static bool run(char *const argv[])
{
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
                execvp(argv[0], argv);
                _exit(127);
        }
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What the print head sees of the document: two pages. false: it is none. */
static bool raster(const char *document)
{
        char dpi[NAME_LEN];
        char *const argv[] = { (char[]){ "pdftoppm" },   (char[]){ "-r" },        dpi,
                               (char[]){ "-png" },       (char[]){ "-l" },        (char[]){ "2" },
                               (char *)(size_t)document, (char[]){ "work/page" }, NULL };

        (void)snprintf(dpi, sizeof dpi, "%ld", read_number("dpi", 300));
        (void)unlink("work/page-1.png");
        (void)unlink("work/page-2.png");
        return run(argv) && access("work/page-1.png", R_OK) == 0;
}

static bool put_face(const char *card, const char *page, const char *side)
{
        char path[TEXT_LEN];

        snprintf(path, sizeof path, "path/%s/%s", card, side);
        return rename(page, path) == 0;
}

static void ink(const char *card, long until_ms)
{
        put_face(card, "work/page-1.png", "front.png");
        count("panels", PANELS_FRONT);
        sleep_ms((until_ms - now_ms()) / 2);
        while (access("hold", F_OK) == 0)
                sleep_ms(POLL_MS);
        if (put_face(card, "work/page-2.png", "back.png"))
                count("panels", PANELS_BACK);
        sleep_ms(until_ms - now_ms());
        mark(card, "ok");
}

static void begin_face(const char *card, const char *serial)
{
        char path[TEXT_LEN];

        mark(card, "half");
        snprintf(path, sizeof path, "path/%s/job", card);
        write_text(path, "%s\n", job_name);
        ledger("print", serial);
        write_text("ribbon", "%ld\n", read_number("ribbon", 0) - 1);
}

static void take_next(char ret[NAME_LEN])
{
        ret[0] = 0;
        if (rename("next", "work/next") == 0)
                read_text("work/next", ret, NAME_LEN);
}

static int number_after(const char *command, const char *word)
{
        size_t n = strlen(word);

        return strncmp(command, word, n) == 0 && command[n] == ' ' ? atoi(command + n + 1) : -1;
}

/* Something happens with the ribbon half way: the card is lost. */
static int break_off(const char *card, const char *command)
{
        int status = number_after(command, "exit");

        put_face(card, "work/page-1.png", "front.png");
        count("panels", PANELS_FRONT);
        if (strcmp(command, "die") == 0) {
                ledger("die", "");
                (void)raise(SIGKILL);
        }
        if (strcmp(command, "jam") == 0) {
                fault_begin("jam", "media-jam");
                fault_wait("media-jam");
        }
        if (first_card("path", (char[NAME_LEN]){ 0 })) /* the operator may have taken it out */
                move_card(card, "path", "tray", "ejected_half");
        ledger("failed", "");
        return status >= 0 ? status : 1;
}

static int print_card(const char *command, long started_ms)
{
        bool broken = strcmp(command, "die") == 0 || strcmp(command, "jam") == 0 || number_after(command, "exit") >= 0;
        char card[NAME_LEN], serial[NAME_LEN];

        feed(card);
        if (strcmp(command, "double_feed") == 0) { /* the ribbon meets the second; the first leaves as it came */
                move_card(card, "path", "tray", "ejected_blank");
                feed(card);
        }
        if (strcmp(command, "jam_feed") == 0) {
                fault_begin("jam", "media-jam");
                fault_wait("media-jam");
        }
        serial_of("path", card, serial);
        begin_face(card, serial);
        if (broken)
                sleep_ms(read_number("device_ms", 1000) / 2);
        if (broken)
                return break_off(card, command);
        ink(card, started_ms + read_number("device_ms", 1000));
        move_card(card, "path", "tray", "ejected");
        ledger("end", serial);
        return 0;
}

static int serve(const char *file)
{
        char command[NAME_LEN];
        long started_ms;

        clear_path();
        keep_document(file, "work/job.pdf");
        take_next(command);
        if (number_after(command, "refuse") >= 0)
                return number_after(command, "refuse");
        started_ms = now_ms();
        count("starts", 1);
        ledger("start", "");
        fprintf(stderr,
                "ATTR: marker-names='YMCKO ribbon' marker-types=ribbon marker-colors=#00FFFF marker-levels=%ld\n",
                read_number("ribbon", 0) > 100 ? 100 : read_number("ribbon", 0));
        if (access("blind", F_OK) < 0 && !raster("work/job.pdf")) {
                fprintf(stderr, "ERROR: cardsim: the document is no PDF that can be printed\n");
                ledger("no_document", "");
                return 1;
        }
        if (strcmp(command, "nohistory") == 0)
                fprintf(stderr, "STATE: +cups-ipp-missing-job-history\n");
        return print_card(command, started_ms);
}

int main(int argc, char **argv)
{
        const char *uri = getenv("DEVICE_URI");
        int lock;

        if (argc == 1) {
                printf("direct cardsim \"Simulated card printer\" \"cardsim\" \"\"\n");
                return 0;
        }
        if (argc < 6 || argc > 7 || !uri || strncmp(uri, "cardsim:/", 9) != 0 || chdir(uri + 8) < 0)
                give_up("usage");
        setvbuf(stderr, NULL, _IOLBF, 0);
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)umask(0);
        job_id = argv[1];
        job_name = argv[3];
        lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (lock < 0 || flock(lock, LOCK_EX) < 0) /* one holder, as with a USB claim; the next waits */
                give_up("lock");
        return serve(argc == 7 ? argv[6] : NULL);
}
