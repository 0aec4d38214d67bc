/* Faults in the calls that put files on the disk, for LD_PRELOAD.
 *
 * Calls on files below one folder are counted. One of them, or all from one on, fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, KILL, NO_SPACE, IO_ERROR, SHORT, LOST, FULL };
enum call { OPEN, WRITE, SYNC, RENAME };

static char folder[4096];
static long at, count;
static char calls[100000];
static enum kind armed;
static int kill_after_rename;

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

/* Count the calls below a folder from here on; the call number `number`, from 1, gets the fault. */
void fault_arm(const char *below, long number, int kind) {
    snprintf(folder, sizeof folder, "%s", below);
    at = number;
    armed = kind;
    count = kill_after_rename = 0;
}

/* The counted calls as letters: o(pen), w(rite), s(ync), r(ename). */
const char *fault_calls(void) { return calls; }

static int below(const char *path) {
    return folder[0] && strncmp(path, folder, strlen(folder)) == 0;
}

static int file_below(int fd) {
    char link[64], path[4096];
    if (!folder[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return below(path);
}

/* Return the fault of this call. */
static enum kind fault(enum call call) {
    if (count < (long)sizeof calls - 1)
        calls[count] = "owsr"[call];
    count++;
    if (armed == FULL ? count < at || call == SYNC || call == RENAME : count != at)
        return NONE;
    if (armed == KILL)
        kill(getpid(), SIGKILL);
    return armed;
}

static int failing(enum kind kind) {
    if (kind == NO_SPACE || kind == FULL)
        errno = ENOSPC;
    else if (kind == IO_ERROR)
        errno = EIO;
    else
        return 0;
    return 1;
}

#define OPENED(call) \
    if ((flags & O_CREAT) && below(path)) { \
        enum kind kind = fault(OPEN); \
        if (failing(kind)) \
            return -1; \
    } \
    return call

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
    }

int open(const char *path, int flags, ...) { MODE OPENED(REAL(open)(path, flags, mode)); }
int open64(const char *path, int flags, ...) { MODE OPENED(REAL(open64)(path, flags, mode)); }

int openat(int in, const char *path, int flags, ...) {
    MODE OPENED(REAL(openat)(in, path, flags, mode));
}

int openat64(int in, const char *path, int flags, ...) {
    MODE OPENED(REAL(openat64)(in, path, flags, mode));
}

#define WRITTEN(whole, half) \
    if (file_below(fd)) { \
        enum kind kind = fault(WRITE); \
        if (failing(kind)) \
            return -1; \
        if (kind == SHORT) \
            return half; \
    } \
    return whole

ssize_t write(int fd, const void *data, size_t size) {
    WRITTEN(REAL(write)(fd, data, size), REAL(write)(fd, data, (size + 1) / 2));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t where) {
    WRITTEN(REAL(pwrite)(fd, data, size, where), REAL(pwrite)(fd, data, (size + 1) / 2, where));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t where) {
    WRITTEN(REAL(pwrite64)(fd, data, size, where), REAL(pwrite64)(fd, data, (size + 1) / 2, where));
}

ssize_t writev(int fd, const struct iovec *parts, int many) {
    WRITTEN(REAL(writev)(fd, parts, many), REAL(writev)(fd, parts, (many + 1) / 2));
}

/* A lost one: half of the file reaches the disk, its new name does, and the power goes off. */
static int synced(int fd, int (*real)(int)) {
    if (!file_below(fd))
        return real(fd);
    enum kind kind = fault(SYNC);
    if (failing(kind))
        return -1;
    if (kind == LOST) {
        struct stat file;
        kill_after_rename = fstat(fd, &file) == 0 && ftruncate(fd, file.st_size / 2) == 0;
        return 0;
    }
    return real(fd);
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

#define RENAMED(call) \
    if (!below(to)) \
        return call; \
    enum kind kind = fault(RENAME); \
    if (failing(kind)) \
        return -1; \
    int result = call; \
    if (kill_after_rename) \
        kill(getpid(), SIGKILL); \
    return result

int rename(const char *from, const char *to) { RENAMED(REAL(rename)(from, to)); }

int renameat(int in, const char *from, int out, const char *to) {
    RENAMED(REAL(renameat)(in, from, out, to));
}
