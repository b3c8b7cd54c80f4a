/*
 * Queues, timers, data, semaphores, groups, sources and I/O channels, source compatible with
 * libdispatch. Programs compiled without blocks use the `_f` functions.
 */
#ifndef BRAID_DISPATCH_DISPATCH_H
#define BRAID_DISPATCH_DISPATCH_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <dispatch/base.h>
#include <dispatch/block.h>
#include <dispatch/data.h>
#include <dispatch/group.h>
#include <dispatch/io.h>
#include <dispatch/object.h>
#include <dispatch/once.h>
#include <dispatch/queue.h>
#include <dispatch/semaphore.h>
#include <dispatch/source.h>
#include <dispatch/time.h>

#endif
