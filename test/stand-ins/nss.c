/*
 * A name service for glibc's name service switch. It writes every query to LOG. Accounts from 70000 to 70999 and the
 * group "silent" never get an answer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void log_query(const char *key)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s\n", key);
    int log = open(LOG, O_WRONLY | O_APPEND);
    if (log < 0 || write(log, line, length) < 0) perror(LOG);
    close(log);
}

static void block_forever(void)
{
    for (;;) pause();
}

enum nss_status _nss_hesiod_getpwuid_r(uid_t uid, struct passwd *found, char *buffer, size_t size, int *error)
{
    char key[32];
    snprintf(key, sizeof key, "%u", uid);
    log_query(key);
    if (uid >= 70000 && uid <= 70999) block_forever();
    const char *name = uid == 71000 ? "carol"
                     : uid == 71001 ? "\033[2Jd\xe2\x80\xae" "an"
                     : uid == 71002 ? "uid 0"
                     : uid == 71003 ? "\001\002"
                     : NULL;
    if (uid == 71004) _exit(139);
    char longest[3000];
    if (uid == 71005) {
        memset(longest, 'n', sizeof longest - 1);
        longest[sizeof longest - 1] = 0;
        name = longest;
    }
    if (name == NULL) {
        *error = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    if (strlen(name) >= size) {
        *error = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    strcpy(buffer, name);
    *found = (struct passwd){.pw_name = buffer, .pw_passwd = "x", .pw_uid = uid, .pw_gid = uid,
                             .pw_gecos = "", .pw_dir = "/", .pw_shell = "/bin/sh"};
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_hesiod_getgrnam_r(const char *name, struct group *found, char *buffer, size_t size, int *error)
{
    log_query(name);
    if (strcmp(name, "silent") == 0) block_forever();
    static char *no_members[] = {NULL};
    if (strcmp(name, "lab") == 0 && size > 4) {
        strcpy(buffer, name);
        *found = (struct group){.gr_name = buffer, .gr_passwd = "x", .gr_gid = 71234, .gr_mem = no_members};
        return NSS_STATUS_SUCCESS;
    }
    *error = ENOENT;
    return NSS_STATUS_NOTFOUND;
}
