/* A command's file: looked up as the shell does, read as the kernel does. */
#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "run/elf.h"

#define SCRIPTS_MAX     5   /* as the kernel: a script whose interpreter is a script ... */
#define SCRIPT_LINE_MAX 255 /* what the kernel reads of it */
#define NOTES_MAX       4096u
#define DEFAULT_PATH    "/bin:/usr/bin" /* execvp(3) without $PATH */

/* Reads at most `size` bytes. Returns their number or a negative errno. */
static ssize_t read_at(int fd, void *ret, size_t size, uint64_t offset)
{
	size_t done = 0;
	ssize_t n;

	if (offset > INT64_MAX - size)
		return -EINVAL;
	while (done < size) {
		n = pread(fd, (char *)ret + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

struct facts {
	struct bri_elf elf;
	bool has_interp, is_go;
	char interp[PATH_MAX]; /* the dynamic linker */
};

static void look_at_segment(int fd, const struct bri_elf_segment *segment, struct facts *ret)
{
	uint8_t notes[NOTES_MAX];
	ssize_t n;

	if (segment->type == BRI_ELF_SEGMENT_INTERP && !ret->has_interp) {
		ret->has_interp = true;
		n = read_at(fd, ret->interp,
			bri_min_size(sizeof(ret->interp) - 1, (size_t)segment->size),
			segment->offset);
		ret->interp[n > 0 ? n : 0] = '\0';
	} else if (segment->type == BRI_ELF_SEGMENT_NOTE) {
		n = read_at(fd, notes, bri_min_size(sizeof(notes), (size_t)segment->size),
			segment->offset);
		if (n > 0 && bri_elf_has_note(&ret->elf, notes, (size_t)n, "Go"))
			ret->is_go = true;
	}
}

/* Returns 0, BRI_ELF_NOT or a negative errno. */
static int read_elf(int fd, struct facts *ret)
{
	uint8_t head[BRI_ELF_HEAD_SIZE], table[BRI_ELF_TABLE_MAX];
	struct bri_elf_segment segment;
	ssize_t n;
	int r;

	memset(ret, 0, sizeof(*ret));
	n = read_at(fd, head, sizeof(head), 0);
	if (n < 0)
		return (int)n;
	r = bri_elf_head(head, (size_t)n, &ret->elf);
	if (r != 0)
		return r;
	n = read_at(fd, table, ret->elf.table_size, ret->elf.table_offset);
	if (n < 0)
		return (int)n;
	for (unsigned i = 0; i < ret->elf.n_segments; i++) {
		r = bri_elf_segment(&ret->elf, table, (size_t)n, i, &segment);
		if (r < 0)
			return r;
		look_at_segment(fd, &segment, ret);
	}
	return 0;
}

static int read_ourselves(struct facts *ret)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = read_elf(fd, ret);
	close(fd);
	return r == BRI_ELF_NOT ? -EINVAL : r;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void set(struct bri_program *ret, enum bri_program_kind kind, const char *why)
{
	ret->kind = kind;
	ret->why = why;
}

/*
 * Privileges that the kernel gives at execve(2) make the dynamic linker ignore LD_PRELOAD, and
 * no_new_privs would take them away. Where they are none (its owner runs it; the file system is
 * mounted without them) the program is like others.
 */
static bool gets_privileges(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0)
		return false;
	if (fs.f_flag & ST_NOSUID)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != geteuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getegid())
		return true;
	return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static void judge(const struct facts *facts, struct bri_program *ret)
{
	struct facts us;

	if (read_ourselves(&us) == 0 && !bri_elf_is_like(&us.elf, &facts->elf))
		set(ret, BRI_PROGRAM_FOREIGN, "of another architecture");
	else if (!facts->has_interp)
		set(ret, BRI_PROGRAM_STATIC, "statically linked");
	else if (facts->is_go)
		set(ret, BRI_PROGRAM_OWN_CALLS,
			"a Go program, which makes its system calls itself");
	else if (us.has_interp && strcmp(last_part(us.interp), last_part(facts->interp)) != 0)
		set(ret, BRI_PROGRAM_OWN_CALLS, "linked with another C library");
	else
		set(ret, BRI_PROGRAM_DYNAMIC, "dynamically linked");
}

/* The word after "#!"; what does not begin so is run by the shell, as execvp(3) does. */
static int script_interpreter(int fd, char ret[static PATH_MAX])
{
	char line[SCRIPT_LINE_MAX + 1], *at;
	ssize_t n = read_at(fd, line, SCRIPT_LINE_MAX, 0);

	if (n < 0)
		return (int)n;
	line[n] = '\0';
	if (strncmp(line, "#!", 2) != 0) {
		memcpy(ret, "/bin/sh", sizeof("/bin/sh"));
		return 0;
	}
	at = line + 2 + strspn(line + 2, " \t");
	at[strcspn(at, " \t\n")] = '\0';
	if (*at == '\0')
		return -ENOEXEC;
	memcpy(ret, at, strlen(at) + 1);
	return 0;
}

static int is_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

/* Looks at ret->path. Returns 0, 1 (a script: path is its interpreter now) or a negative errno. */
static int look_at_file(struct bri_program *ret)
{
	struct facts facts;
	int fd, r = is_executable(ret->path);

	if (r < 0)
		return r;
	fd = open(ret->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		set(ret, BRI_PROGRAM_UNKNOWN, "not readable");
		return 0;
	}
	r = read_elf(fd, &facts);
	if (r == BRI_ELF_NOT) {
		r = script_interpreter(fd, ret->path);
		r = r < 0 ? r : 1;
	} else if (r == 0) {
		if (gets_privileges(fd))
			set(ret, BRI_PROGRAM_PRIVILEGED, "set-user-ID or with capabilities");
		else
			judge(&facts, ret);
	}
	close(fd);
	return r;
}

/* `name` in one directory of $PATH, "" being the working directory. */
static int try_directory(const char *dir, size_t len, const char *name, struct bri_program *ret)
{
	int n = snprintf(
		ret->path, sizeof(ret->path), "%.*s%s%s", (int)len, dir, len ? "/" : "", name);

	if (n < 0 || (size_t)n >= sizeof(ret->path))
		return -ENAMETOOLONG;
	return is_executable(ret->path);
}

static int look_up(const char *name, struct bri_program *ret)
{
	const char *path = getenv("PATH");
	int r, denied = 0;
	size_t len;

	if (*name == '\0')
		return -ENOENT;
	if (strchr(name, '/'))
		return try_directory("", 0, name, ret);
	if (!path)
		path = DEFAULT_PATH;
	for (;; path += len + 1) {
		len = strcspn(path, ":");
		if (len < PATH_MAX) {
			r = try_directory(path, len, name, ret);
			if (r == 0)
				return 0;
			/* a directory that is closed to us says nothing about the name */
			if (r == -EACCES && access(ret->path, F_OK) == 0)
				denied = r;
		}
		if (path[len] == '\0')
			return denied ? denied : -ENOENT;
	}
}

int bri_program_find(const char *command, struct bri_program *ret)
{
	int r = look_up(command, ret);

	for (int depth = 0; r == 0 && depth <= SCRIPTS_MAX; depth++) {
		r = look_at_file(ret);
		if (r <= 0)
			return r;
		r = 0;
	}
	return r < 0 ? r : -ELOOP;
}
