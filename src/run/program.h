/*
 * Which file a command is, and how it can be wrapped. Reads files; starts nothing, prints nothing.
 */
#ifndef BRI_RUN_PROGRAM_H
#define BRI_RUN_PROGRAM_H

#include <limits.h>
#include "base/base.h"

enum bri_program_kind {
	BRI_PROGRAM_DYNAMIC,    /* our dynamic linker starts it: preloading works */
	BRI_PROGRAM_STATIC,     /* no dynamic linker */
	BRI_PROGRAM_OWN_CALLS,  /* dynamic, but makes system calls itself (Go) or with another libc
				 */
	BRI_PROGRAM_PRIVILEGED, /* gets privileges by being executed: cannot be wrapped */
	BRI_PROGRAM_FOREIGN,    /* of another architecture */
	BRI_PROGRAM_UNKNOWN,    /* may be executed, not read */
};

struct bri_program {
	char path[PATH_MAX]; /* the file that is looked at: of a script the interpreter */
	enum bri_program_kind kind;
	const char *why; /* static: a few words about the kind */
};

/*
 * bri_program_find(): the file that execvp(3) would take, scripts followed to their interpreter.
 *   command  a name, looked up in $PATH, or a path
 * Returns 0, -ENOENT (there is none), -EACCES (not executable), -ELOOP (scripts of scripts),
 * -ENAMETOOLONG, or what reading it gave.
 */
int bri_program_find(const char *command, struct bri_program *ret);

#endif
