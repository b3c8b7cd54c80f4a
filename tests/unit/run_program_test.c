/* Which file a command is and how it can be wrapped: on files that the test writes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "run/elf.h"
#include "run/program.h"

static char dir[] = "/tmp/braid-program-XXXXXX";
static uint8_t ours[1 << 16]; /* the beginning of this program: headers, interpreter and notes */
static size_t ours_size;

static void write_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text), 0755);
}

static int set_up(void **state)
{
	FILE *self = fopen("/proc/self/exe", "r");

	(void)state;
	if (!self)
		return -1;
	ours_size = fread(ours, 1, sizeof(ours), self);
	fclose(self);
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static enum bri_program_kind kind_of(const char *command)
{
	static struct bri_program program;
	int r = bri_program_find(command, &program);

	assert_int_equal(r, 0);
	assert_non_null(program.why);
	return program.kind;
}

static int error_of(const char *command)
{
	static struct bri_program program;

	return bri_program_find(command, &program);
}

/* Where segment `type` of our own headers is. */
static size_t segment_at(uint32_t type)
{
	struct bri_elf_segment segment;
	struct bri_elf elf;

	assert_int_equal(bri_elf_head(ours, BRI_ELF_HEAD_SIZE, &elf), 0);
	for (unsigned i = 0; i < elf.n_segments; i++) {
		assert_int_equal(
			bri_elf_segment(&elf, ours + elf.table_offset, elf.table_size, i, &segment),
			0);
		if (segment.type == type)
			return (size_t)elf.table_offset + i * (elf.table_size / elf.n_segments);
	}
	fail();
	return 0;
}

static void test_kinds(void **state)
{
	size_t at = segment_at(BRI_ELF_SEGMENT_INTERP);
	uint8_t kept[64];

	(void)state;
	write_file("dynamic", ours, ours_size, 0755);
	assert_int_equal(kind_of("./dynamic"), BRI_PROGRAM_DYNAMIC);

	memcpy(kept, ours + at, 4);
	memset(ours + at, 0, 4); /* no segment of a type any more */
	write_file("static", ours, ours_size, 0755);
	assert_int_equal(kind_of("./static"), BRI_PROGRAM_STATIC);
	memcpy(ours + at, kept, 4);

	memcpy(kept, ours + 18, 2);
	ours[18] ^= 0xff; /* the machine */
	write_file("foreign", ours, ours_size, 0755);
	assert_int_equal(kind_of("./foreign"), BRI_PROGRAM_FOREIGN);
	memcpy(ours + 18, kept, 2);
}

/* The dynamic linker's name tells the C library; a note of Go's linker tells who makes the calls.
 */
static void test_own_calls(void **state)
{
	static const uint8_t go[] = { 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'G', 'o', 0, 0 };
	struct bri_elf_segment segment;
	struct bri_elf elf;
	uint8_t *copy = malloc(ours_size);
	size_t at = segment_at(BRI_ELF_SEGMENT_INTERP);

	(void)state;
	assert_non_null(copy);
	assert_int_equal(bri_elf_head(ours, BRI_ELF_HEAD_SIZE, &elf), 0);
	assert_int_equal(bri_elf_segment(&elf, ours + at, elf.table_size, 0, &segment), 0);
	memcpy(copy, ours, ours_size);
	memset(copy + segment.offset, 0, segment.size);
	memcpy(copy + segment.offset, "/lib/ld-musl-x.so.1", sizeof("/lib/ld-musl-x.so.1"));
	write_file("musl", copy, ours_size, 0755);
	assert_int_equal(kind_of("./musl"), BRI_PROGRAM_OWN_CALLS);

	memcpy(copy, ours, ours_size);
	at = segment_at(BRI_ELF_SEGMENT_NOTE);
	assert_int_equal(bri_elf_segment(&elf, ours + at, elf.table_size, 0, &segment), 0);
	assert_true(segment.size >= sizeof(go));
	memcpy(copy + segment.offset, go, sizeof(go));
	write_file("go", copy, ours_size, 0755);
	assert_int_equal(
		kind_of("./go"), elf.is_big_endian ? BRI_PROGRAM_DYNAMIC : BRI_PROGRAM_OWN_CALLS);
	free(copy);
}

static void test_scripts(void **state)
{
	char name[16], text[PATH_MAX];

	(void)state;
	write_file("dynamic", ours, ours_size, 0755);
	write_text("script", "#! \t./dynamic -x\necho\n");
	assert_int_equal(kind_of("./script"), BRI_PROGRAM_DYNAMIC);
	write_text("no-line", "echo\n"); /* /bin/sh */
	assert_int_equal(kind_of("./no-line"), BRI_PROGRAM_DYNAMIC);
	write_text("empty", "");
	assert_int_equal(kind_of("./empty"), BRI_PROGRAM_DYNAMIC);
	write_text("nothing", "#! \n");
	assert_int_equal(error_of("./nothing"), -ENOEXEC);
	write_text("gone", "#!/no/such\n");
	assert_int_equal(error_of("./gone"), -ENOENT);
	write_text("self", "#!./self\n");
	assert_int_equal(error_of("./self"), -ELOOP);
	/* five scripts deep is what the kernel does */
	for (int i = 1; i <= 6; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(text, sizeof(text), i == 1 ? "#!./dynamic\n" : "#!./s%d\n", i - 1);
		write_text(name, text);
	}
	assert_int_equal(kind_of("./s5"), BRI_PROGRAM_DYNAMIC);
	assert_int_equal(error_of("./s6"), -ELOOP);
	/* a first line that is longer than what is read is cut, as the kernel cuts it */
	memset(text, 'a', 1000);
	memcpy(text, "#!", 2);
	text[1000] = '\0';
	write_text("long", text);
	assert_int_equal(error_of("./long"), -ENOENT);
}

static void test_look_up(void **state)
{
	static struct bri_program program;
	char path[PATH_MAX * 2];

	(void)state;
	write_file("dynamic", ours, ours_size, 0755);
	write_file("plain", ours, ours_size, 0644);
	mkdir("d", 0755);
	write_file("d/plain", ours, ours_size, 0755);
	assert_int_equal(error_of("./plain"), -EACCES);
	assert_int_equal(error_of("./d"), -EACCES);
	assert_int_equal(error_of(""), -ENOENT);
	assert_int_equal(error_of("./dynamic/x"), -ENOTDIR);

	setenv("PATH", "/no/such:d:", 1);
	assert_int_equal(error_of("no-such"), -ENOENT);
	assert_int_equal(bri_program_find("plain", &program), 0);
	assert_string_equal(program.path, "d/plain");
	assert_int_equal(
		bri_program_find("dynamic", &program), 0); /* "" is the working directory */
	assert_string_equal(program.path, "dynamic");
	setenv("PATH", ".", 1);
	assert_int_equal(error_of("plain"), -EACCES);
	assert_int_equal(mkdir("closed", 0), 0); /* to all but root */
	setenv("PATH", "closed:/no/such", 1);
	assert_int_equal(error_of("no-such"), -ENOENT);
	memset(path, 'p', sizeof(path) - 1); /* too long to be a directory */
	memcpy(path + sizeof(path) - 4, ":d", 3);
	setenv("PATH", path, 1);
	assert_int_equal(error_of("plain"), 0);
	setenv("PATH", "/bin:/usr/bin", 1);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_true(error_of(path) < 0);
	path[0] = '/';
	assert_int_equal(error_of(path), -ENAMETOOLONG);
}

static void test_damaged(void **state)
{
	(void)state;
	for (size_t n = 5; n < BRI_ELF_HEAD_SIZE; n += 7) {
		write_file("cut", ours, n, 0755);
		assert_int_equal(error_of("./cut"), -EINVAL);
	}
	write_file("cut", ours, BRI_ELF_HEAD_SIZE + 56, 0755); /* the table ends early */
	assert_int_equal(error_of("./cut"), -EINVAL);
}

/* Privileges: those of another user or group, where the test may make such a file. */
static void test_privileged(void **state)
{
	(void)state;
	write_file("setuid", ours, ours_size, 0755);
	if (chown("setuid", 12345, 12345) < 0) {
		print_message("not tested: cannot give a file away\n");
		skip();
	}
	assert_int_equal(chmod("setuid", 04755), 0);
	assert_int_equal(kind_of("./setuid"), BRI_PROGRAM_PRIVILEGED);
	assert_int_equal(chmod("setuid", 02755), 0);
	assert_int_equal(kind_of("./setuid"), BRI_PROGRAM_PRIVILEGED);
	assert_int_equal(chmod("setuid", 02745), 0); /* not executable by the group: a lock, once */
	assert_int_equal(kind_of("./setuid"), BRI_PROGRAM_DYNAMIC);
	assert_int_equal(chown("setuid", geteuid(), getegid()), 0);
	assert_int_equal(chmod("setuid", 06755), 0); /* our own: nothing is gained */
	assert_int_equal(kind_of("./setuid"), BRI_PROGRAM_DYNAMIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_own_calls),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_look_up),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_privileged),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
